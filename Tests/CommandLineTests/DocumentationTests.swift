import Foundation
import Testing

/// What README and the pages of docs promise and can be checked without running it.
@Suite struct DocumentationTests {
  /// The example is a target of the package, so it compiles; the pages show that very file.
  @Test(arguments: ["README.md", "docs/swift.md"])
  func theExampleIsTheOneThatIsCompiled(page: String) throws {
    let example = try MarkdownPage.text(of: "Examples/embed-picture/main.swift")
    #expect(try MarkdownPage.text(of: page).contains("```swift\n\(example)```"))
  }

  @Test func everyLinkLeadsSomewhere() throws {
    var count = 0
    for page in MarkdownPage.all {
      for link in page.links {
        count += 1
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let folder = URL(fileURLWithPath: "/" + page.path).deletingLastPathComponent()
        let target =
          parts[0].isEmpty
          ? page.path
          : String(folder.appending(path: String(parts[0])).standardized.path.dropFirst())
        let file = MarkdownPage.repository.appending(path: target).path
        #expect(FileManager.default.fileExists(atPath: file), "\(page): \(link)")
        if parts.count == 2, target.hasSuffix(".md"), let page = try? MarkdownPage(path: target) {
          #expect(page.anchors.contains(String(parts[1])), "\(page): no heading \(link)")
        }
      }
    }
    #expect(count >= 60)
  }

  @Test func everyPictureIsShown() throws {
    let shown = Set(
      MarkdownPage.all.flatMap(\.links).compactMap {
        $0.split(separator: "/").last.map(String.init)
      })
    let folder = MarkdownPage.repository.appending(path: "docs/images").path
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      #expect(shown.contains(name), "docs/images/\(name)")
    }
  }

  /// DocC reads `- Throws:` and takes `Throws:` for a sentence.
  @Test func fieldsOfDocstringsHaveTheirDash() throws {
    let folder = MarkdownPage.repository.appending(path: "Sources")
    let fields = ["Throws:", "Precondition:", "Returns:", "Parameter ", "Parameters:"]
      .map { "/// \($0)" }
    for name in FileManager.default.enumerator(atPath: folder.path)?.allObjects ?? [] {
      guard let name = name as? String, name.hasSuffix(".swift") else { continue }
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for field in fields { #expect(!text.contains(field), "Sources/\(name): \(field)") }
    }
  }

  @Test func noHeadingAndNoRowStandsTwice() {
    for page in MarkdownPage.all {
      let headings = Dictionary(grouping: page.headings) { $0 }.filter { $1.count > 1 }.keys
      #expect(headings.isEmpty, "\(page): \(headings)")
      let rows = Dictionary(grouping: page.rows) { $0 }.filter { $1.count > 1 }.keys
      #expect(rows.isEmpty, "\(page): \(rows)")
    }
  }

  @Test func termsOfTheGlossaryStandOnceAndInOrder() throws {
    let terms = try MarkdownPage(path: "docs/GLOSSARY.md").rows.map(MarkdownPage.firstCell(of:))
      .map { $0.lowercased() }
    #expect(terms.count >= 80)
    for (before, after) in zip(terms, terms.dropFirst()) {
      #expect(before < after, "\(after) after \(before)")
    }
  }

  /// Context, decision and consequences on each page, which the index names by its number and title.
  @Test func decisionsHaveOneFormAndAnIndex() throws {
    let index = try MarkdownPage(path: "docs/decisions/README.md")
    let pages = MarkdownPage.all.filter {
      $0.path.hasPrefix("docs/decisions/") && $0.path != index.path
    }
    let rows = pages.compactMap { page -> String? in
      let sections = page.headings.compactMap { $0.count == 2 ? $0[1] : nil }
      #expect(sections.starts(with: ["Context", "Decision"]), "\(page): \(sections)")
      #expect(sections.last == "Consequences", "\(page): \(sections)")
      let name = page.path.dropFirst("docs/decisions/".count)
      let title = page.headings[0][0].split(separator: ". ", maxSplits: 1)
      #expect(title.count == 2 && Int(name.prefix(4)) == Int(title[0]), "\(page): \(title)")
      return "| \(title[0]) | [\(title[1])](\(name)) |"
    }
    #expect(index.rows == rows)
    #expect(Set(rows.map(MarkdownPage.firstCell(of:))).count == rows.count)
  }

  /// README quotes the pages: what a program prints stands there in full.
  @Test func whatREADMEQuotesStandsInDocs() throws {
    let docs = Set(
      MarkdownPage.all.filter { $0.path.hasPrefix("docs/") }.flatMap(\.fences).flatMap(\.lines))
    let output = try MarkdownPage(path: "README.md").fences.filter { fence in
      fence.language.isEmpty && !fence.lines.contains { $0.hasPrefix("scripts/") }
    }
    #expect(output.count >= 2)
    for line in output.flatMap(\.lines) where line != "…" {
      #expect(docs.contains(line), "\(line)")
    }
  }

  /// The tests that docs/ERRORS.md gives for its rows are there.
  @Test func everyTestThatProvesAnErrorExists() throws {
    let folder = MarkdownPage.repository.appending(path: "Tests")
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String }
    var known: Set<Substring> = []
    for name in names ?? [] where name.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for word in ["func ", "struct ", "class ", "extension "] {
        for rest in text.components(separatedBy: word).dropFirst() {
          known.insert(Substring(rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
        }
      }
    }
    var count = 0
    for row in try MarkdownPage(path: "docs/ERRORS.md").rows {
      let cells = row.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count == 6 else { continue }
      for test in cells[4].matches(of: /`([^`]+)`/) {
        count += 1
        for name in test.1.split(separator: ".") {
          #expect(known.contains(name), "\(cells[1]): \(test.1)")
        }
      }
    }
    #expect(count >= 200)
  }

  @Test func everyCommandThatIsShownExists() throws {
    let help = try JepaProcess.run(["--experimental-dump-help"])
    let tree = try JSONDecoder().decode(CommandTree.self, from: Data(help.output.utf8))
    var count = 0
    for page in MarkdownPage.all {
      for command in ShownCommand.all(of: page) {
        count += 1
        if ["jepa", "scripts/jepa"].contains(command.program) {
          let mistake = tree.mistake(in: command)
          #expect(mistake == nil, "\(page): \(mistake ?? "")")
        } else if let script = try? MarkdownPage.text(of: command.program) {
          for option in command.options {
            #expect(script.contains(option), "\(page): \(command): no option \(option)")
          }
        } else {
          let file = MarkdownPage.repository.appending(path: command.program).path
          #expect(FileManager.default.fileExists(atPath: file), "\(page): \(command)")
        }
      }
    }
    #expect(count >= 150)
  }

  /// Options that the pages of the jobs name by themselves are options of some command.
  @Test func everyOptionThatIsNamedExists() throws {
    let help = try JepaProcess.run(["--experimental-dump-help"])
    let known = try JSONDecoder().decode(CommandTree.self, from: Data(help.output.utf8))
      .command.allOptions
    let pages = MarkdownPage.all.filter {
      $0.path == "README.md" || $0.path.wholeMatch(of: /docs\/[^\/]*\.md/) != nil
    }
    for page in pages {
      for span in page.codeSpans {
        guard let option = span.firstMatch(of: /^--[a-z][a-z0-9-]*/)?.0 else { continue }
        #expect(known.contains(String(option)), "\(page): \(option)")
      }
    }
  }

  /// The checks themselves: each finds what it is for.
  @Test func mistakesAreFound() throws {
    let page = MarkdownPage(
      path: "docs/page.md",
      text: """
        # A
        ## B
        | head |
        |---|
        | row |
        | row |
        ## B
        [a link](other.md#part) `jepa embed
        --nothing`
        ```
        $ find . | scripts/jepa embed --files-from - \\
          --output x.npy   # --not-an-option
        ```
        """)
    #expect(page.headings == [["A"], ["A", "B"], ["A", "B"]])
    #expect(page.rows == ["| row |", "| row |"])
    #expect(page.links == ["other.md#part"])
    #expect(page.anchors == ["a", "b"])
    #expect(
      ShownCommand.all(of: page).map(\.options) == [["--files-from", "--output"], ["--nothing"]])
    let tree = try JSONDecoder().decode(
      CommandTree.self,
      from: Data(
        """
        {"command": {"commandName": "jepa", "arguments": [], "subcommands": [
          {"commandName": "embed", "arguments": [{"names": [{"name": "files-from"}, {"name": "output"}]}]}
        ]}}
        """.utf8))
    #expect(
      ShownCommand.all(of: page).map(tree.mistake(in:))
        == [nil, "jepa embed --nothing: no option --nothing"])
    #expect(
      tree.mistake(in: ShownCommand(words: ["jepa", "fly"])) == "jepa fly: no subcommand fly")
  }
}
