import ArgumentParser
import TrainingRuns

/// What is wrong with a command line, in the one line that every error of the program is.
struct UsageError: CustomStringConvertible {
  let description: String

  /// - Parameter arguments: what was given after the program's name.
  init(_ error: any Error, arguments: [String]) {
    let message = Self.inOneLine(Jepa.message(for: error))
    // The library's last line names the help of the command that was meant.
    let advice = Jepa.fullMessage(for: error).split(separator: "\n").last
      .map { $0.trimmingPrefix { $0 == " " } }
      .flatMap { $0.hasPrefix("See '") ? $0.prefix { $0 != "-" } : nil }
      .map { "; see '\($0.dropFirst(5))--help'" }
    description = message + Self.suggestion(for: arguments, message) + (advice ?? "")
  }

  private static func inOneLine(_ text: String) -> String {
    var line = text.split(whereSeparator: \.isNewline)
      .map { $0.trimmingPrefix { $0 == " " } }.joined(separator: " ")
    if line.hasSuffix(".") { line.removeLast() }
    return line.prefix(1).lowercased() + line.dropFirst()
  }

  /// The command that a word nearly is.
  private static func suggestion(for arguments: [String], _ message: String) -> String {
    var command: any ParsableCommand.Type = Jepa.self
    for word in arguments {
      let commands = command.configuration.subcommands
      guard !commands.isEmpty else { return "" }
      let names = commands.map { ($0._commandName, $0) }
      if let next = names.first(where: { $0.0 == word }) {
        command = next.1
        continue
      }
      guard message.contains("'\(word)'"),
        let nearest = nearestName(to: word, among: names.map(\.0))
      else { return "" }
      return ": did you mean \(nearest)?"
    }
    return ""
  }
}
