import Foundation

/// A Markdown file of the repository, in the parts that tests ask for.
struct MarkdownPage: CustomStringConvertible {
  /// A code block.
  struct Fence {
    /// The word after the backticks; empty where there is none.
    let language: String
    let lines: [String]
  }

  /// A heading with those that it stands under, such as `["Unreleased", "Added"]`.
  typealias Heading = [String]

  /// Relative to the repository.
  let path: String
  private(set) var headings: [Heading] = []
  /// Rows of tables without heads and rules.
  private(set) var rows: [String] = []
  private(set) var fences: [Fence] = []
  /// The text outside of code blocks.
  private(set) var prose = ""

  var description: String { path }

  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func text(of path: String) throws -> String {
    try String(contentsOf: repository.appending(path: path), encoding: .utf8)
  }

  /// Every page that a reader may open.
  static let all: [MarkdownPage] = {
    var paths = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
    for folder in ["docs", "Benchmarks", "Fuzz", "Tests/Fixtures", "checkpoints", "data"] {
      let root = repository.appending(path: folder)
      let names = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String }
      paths += (names ?? []).filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
    }
    return paths.sorted().compactMap { try? MarkdownPage(path: $0) }
  }()

  init(path: String) throws {
    self.init(path: path, text: try Self.text(of: path))
  }

  init(path: String, text: String) {
    self.path = path
    var fence: (language: String, lines: [String])?
    var under: [(level: Int, title: String)] = []
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        if let ended = fence {
          fences.append(Fence(language: ended.language, lines: ended.lines))
          fence = nil
        } else {
          fence = (String(line.dropFirst(3)), [])
        }
      } else if fence != nil {
        fence?.lines.append(line)
      } else {
        prose += line + "\n"
        if let match = line.wholeMatch(of: /(#+) (.+)/) {
          let level = match.1.count
          under.removeAll { $0.level >= level }
          under.append((level, String(match.2)))
          headings.append(under.map(\.title))
        } else if line.hasPrefix("|"), !Self.isRule(line),
          index + 1 == lines.count || !Self.isRule(lines[index + 1])
        {
          rows.append(line)
        }
      }
    }
  }

  /// `|---|---|`, which stands under the head of a table.
  private static func isRule(_ line: String) -> Bool {
    line.hasPrefix("|-") && line.allSatisfy { "|-: ".contains($0) }
  }

  /// What `#…` of a link may name: the headings as GitHub writes them.
  var anchors: Set<String> {
    Set(
      headings.compactMap(\.last).map { title in
        title.replacing(/\[([^\]]*)\]\([^)]*\)/) { String($0.1) }.lowercased()
          .filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }
          .replacingOccurrences(of: " ", with: "-")
      })
  }

  /// Where links to files of the repository lead.
  var links: [String] {
    prose.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) }
      .filter { !$0.hasPrefix("https://") && !$0.hasPrefix("http://") }
  }

  /// `code` in a line.
  var codeSpans: [String] {
    prose.matches(of: /`([^`]+)`/).map { $0.1.split(whereSeparator: \.isWhitespace) }
      .map { $0.joined(separator: " ") }
  }

  /// The first cell of a row, without the spaces around it.
  static func firstCell(of row: String) -> String {
    row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().first
      .map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
  }
}
