import Foundation

/// A command line as documentation shows it, in words.
struct ShownCommand: CustomStringConvertible {
  let words: [String]

  var description: String { words.joined(separator: " ") }

  /// The program: its name, or where it lies in the repository.
  var program: String { words.first ?? "" }

  /// The arguments that begin with two dashes, without their values.
  var options: [String] {
    words.dropFirst().filter { $0.hasPrefix("--") && $0.count > 2 }
      .map { String($0.prefix { $0 != "=" }) }
  }

  /// Every command of a page: in code blocks, where a line may go on in the next one, and in code in a line.
  static func all(of page: MarkdownPage) -> [ShownCommand] {
    var lines: [String] = []
    for fence in page.fences where fence.language.isEmpty {
      var before = ""
      for line in fence.lines {
        let line = before + (line.hasPrefix("$ ") ? String(line.dropFirst(2)) : line)
        if line.hasSuffix("\\") || line.hasSuffix("|") {
          before = line.hasSuffix("\\") ? String(line.dropLast()) : line
        } else {
          before = ""
          lines.append(line)
        }
      }
    }
    return (lines + page.codeSpans).flatMap(commands(in:))
  }

  /// The commands of a pipe that are ours.
  private static func commands(in line: String) -> [ShownCommand] {
    let uncommented = line.replacing(/(^|\s)#\s.*/, with: "")
    return uncommented.split(separator: "|").compactMap { part in
      var words = part.split(whereSeparator: \.isWhitespace).map(String.init)
      // Variables before a command; a language before a script.
      while let first = words.first, first.wholeMatch(of: /[A-Z_]+=.*/) != nil {
        words.removeFirst()
      }
      if let first = words.first, ["python", "python3", "bash"].contains(first) {
        words.removeFirst()
      }
      guard let first = words.first,
        first == "jepa" || ["scripts/", "Benchmarks/"].contains(where: first.hasPrefix)
      else { return nil }
      return ShownCommand(words: words)
    }
  }
}

/// What `jepa` takes, by its own account (`--experimental-dump-help`).
struct CommandTree: Decodable {
  struct Command: Decodable {
    struct Argument: Decodable {
      struct Name: Decodable {
        let name: String
      }

      let names: [Name]?
    }

    let commandName: String
    let arguments: [Argument]?
    let subcommands: [Command]?

    var options: Set<String> {
      Set((arguments ?? []).flatMap { $0.names ?? [] }.map { "--\($0.name)" })
    }

    /// Those of all subcommands too.
    var allOptions: Set<String> {
      (subcommands ?? []).reduce(options) { $0.union($1.allOptions) }
    }
  }

  /// What the argument parser adds and does not list.
  private static let unlisted: Set<String> = ["--generate-completion-script"]

  let command: Command

  /// What is wrong with a command line of `jepa`; nil where all of it is known.
  func mistake(in shown: ShownCommand) -> String? {
    var command = command
    var words = shown.words.dropFirst()
    while let subcommands = command.subcommands, let word = words.first, !word.hasPrefix("-") {
      guard let next = subcommands.first(where: { $0.commandName == word }) else {
        return "\(shown): no subcommand \(word)"
      }
      command = next
      words = words.dropFirst()
    }
    let known = command.options.union(Self.unlisted)
    return shown.options.first { !known.contains($0) }.map { "\(shown): no option \($0)" }
  }
}
