import Foundation
import Testing

/// What `--help` looks like on a terminal of 80 columns.
@Suite struct HelpTests {
  /// The help of a command.
  struct Page {
    let command: [String]
    let lines: [String]

    init(_ command: [String]) throws {
      let result = try JepaProcess.run(command + ["--help"], environment: ["COLUMNS": "80"])
      #expect(result.status == 0 && result.errors.isEmpty, "\(command): \(result.errors)")
      self.command = command
      lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        .map(String.init)
    }

    /// The names below `SUBCOMMANDS:`.
    var subcommands: [String] {
      lines.drop { $0 != "SUBCOMMANDS:" }.dropFirst().prefix { !$0.isEmpty }
        .filter { !$0.hasPrefix("   ") }.compactMap { $0.split(separator: " ").first }
        .map(String.init)
    }

    /// Lines under 40 columns after which their paragraph goes on.
    ///
    /// A line that is indented otherwise than the one before it begins a paragraph, as do options
    /// and the lines of an indented block, which are broken on purpose.
    var stumps: [String] {
      zip(lines, lines.dropFirst()).filter { line, next in
        !line.isEmpty && !next.isEmpty && line.indentation == next.indentation && line.count < 40
          && (line.indentation == 0 || line.indentation >= Self.textColumn)
      }.map(\.0)
    }

    /// Where the texts of options begin.
    private static let textColumn = 26
  }

  /// Every command's page, found from the program's own lists.
  private static func pages(below command: [String] = []) throws -> [Page] {
    let page = try Page(command)
    return try [page] + page.subcommands.flatMap { try pages(below: command + [$0]) }
  }

  @Test func paragraphsFillTheTerminal() throws {
    let pages = try Self.pages()
    #expect(pages.count > 25)
    for page in pages {
      #expect(page.stumps.isEmpty, "jepa \(page.command.joined(separator: " "))")
      let wide = page.lines.filter { $0.count > 80 }
      #expect(wide.isEmpty, "jepa \(page.command.joined(separator: " "))")
    }
  }
}

extension String {
  /// The spaces before the first other character.
  fileprivate var indentation: Int { prefix { $0 == " " }.count }
}
