import Foundation
import Testing

/// The rooms of the house, and which may use which: `docs/ARCHITECTURE.md` says it, the sources keep to it.
@Suite struct ArchitectureTests {
  /// What each module may import, by the table of the page.
  private static let allowed: [String: Set<String>] = {
    let page = try? MarkdownPage(path: "docs/ARCHITECTURE.md")
    let rows = (page?.rows ?? []).compactMap { row -> (String, Set<String>)? in
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, let name = cells[0].firstMatch(of: #/^`(\w+)`$/#) else { return nil }
      return (String(name.1), Set(cells[1].matches(of: #/`(\w+)`/#).map { String($0.1) }))
    }
    return Dictionary(rows) { first, _ in first }
  }()

  @Test func everyModuleHasItsRow() throws {
    let sources = MarkdownPage.repository.appending(path: "Sources").path
    #expect(
      try Set(FileManager.default.contentsOfDirectory(atPath: sources)) == Set(Self.allowed.keys))
  }

  /// An arrow that the page does not have is a mistake, here or there.
  @Test(arguments: allowed.keys.sorted())
  func importsAreThoseOfThePage(module: String) throws {
    let modules = Set(Self.allowed.keys)
    var found: Set<String> = []
    for (file, text) in try Self.files(of: module) {
      let imports = text.matches(of: #/(?m)^(?:@\w+ )?import (\w+)$/#).map { String($0.1) }
      for used in Set(imports).intersection(modules) {
        #expect(
          Self.allowed[module]?.contains(used) == true, "\(module)/\(file) imports \(used)")
        found.insert(used)
      }
    }
    #expect(Self.allowed[module]?.subtracting(found) == [], "nothing in \(module) needs these")
  }

  /// Whoever is used, also by others that are used, uses nobody back.
  @Test func noModuleReachesItself() {
    for module in Self.allowed.keys {
      var (reached, open): (Set<String>, [String]) = ([], [module])
      while let next = open.popLast() {
        for used in Self.allowed[next] ?? [] where reached.insert(used).inserted {
          open.append(used)
        }
      }
      #expect(!reached.contains(module), "\(module) reaches itself")
    }
  }

  /// A package that builds from nothing says so too.
  @Test func thePackageDependsAsThePageSays() throws {
    let package = try MarkdownPage.text(of: "Package.swift")
    for (module, used) in Self.allowed where !used.isEmpty {
      let target = try #require(
        package.firstMatch(
          of: try Regex(
            "arget\\(\\s*name: \"\(module)\",\\s*dependencies: \\[([^\\]]*)\\]",
            as: (Substring, Substring).self)),
        "\(module)")
      let named = Set(target.output.1.matches(of: #/"(\w+)"/#).map { String($0.1) })
      #expect(used.subtracting(named) == [], "\(module)'s target does not name these")
    }
  }

  private static func files(of module: String) throws -> [(name: String, text: String)] {
    let folder = MarkdownPage.repository.appending(path: "Sources/\(module)")
    let names = try #require(FileManager.default.enumerator(atPath: folder.path))
    return try names.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map {
      ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
    }
  }
}
