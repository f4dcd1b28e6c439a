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
    for (file, text) in try Self.files(in: "Sources/\(module)") {
      for used in Set(Self.imports(of: text)).intersection(modules) {
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
      let reached = Self.reached(from: module) { Self.allowed[$0] ?? [] }
      #expect(!reached.contains(module), "\(module) reaches itself")
    }
  }

  /// The same within a module, for the types that one folder of it takes from another.
  @Test(arguments: allowed.keys.sorted())
  func noFolderReachesItself(module: String) throws {
    let files = try Self.files(in: "Sources/\(module)").map { name, text in
      let parts = name.split(separator: "/")
      return (folder: parts.count > 1 ? String(parts[0]) : "", code: Self.code(of: text))
    }
    var homes: [String: Set<String>] = [:]
    for file in files {
      for type in Self.declaredTypes(in: file.code) {
        homes[type, default: []].insert(file.folder)
      }
    }
    var arrows: [String: Set<String>] = [:]
    for file in files {
      for word in Set(file.code.flatMap(Self.words(of:))) {
        guard let home = homes[word], home.count == 1 else { continue }
        arrows[file.folder, default: []].formUnion(home.subtracting([file.folder]))
      }
    }
    for folder in arrows.keys.sorted() {
      let reached = Self.reached(from: folder) { arrows[$0] ?? [] }
      #expect(!reached.contains(folder), "\(module)/\(folder) reaches itself: \(arrows)")
    }
  }

  /// The lines of a source file without comments and strings.
  private static func code(of text: String) -> [String] {
    var isInString = false
    return text.components(separatedBy: "\n").compactMap { line in
      if line.contains("\"\"\"") { isInString.toggle() }
      guard !isInString else { return nil }
      let parts = line.components(separatedBy: "\"").enumerated().filter { $0.offset % 2 == 0 }
      return parts.map(\.element).joined(separator: " ").components(separatedBy: "//")[0]
    }
  }

  /// The types that are declared outside of others, whose lines are indented.
  private static func declaredTypes(in code: [String]) -> [String] {
    let keywords = Set(["class", "struct", "enum", "protocol", "actor", "typealias"])
    return code.compactMap { line in
      guard line.first.map({ $0 != " " }) == true else { return nil }
      let words = words(of: line)
      return words.firstIndex { keywords.contains($0) }.flatMap { index in
        index + 1 < words.count ? words[index + 1] : nil
      }
    }
  }

  private static func words(of line: String) -> [String] {
    line.utf8.split { byte in
      !(UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
        || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
        || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "_"))
    }.map { String(decoding: $0, as: UTF8.self) }
  }

  /// What a target neither names nor reaches may be there all the same, because another target built it first; in a
  /// clean clone it is not.
  @Test func everyTargetReachesWhatItImports() throws {
    let package = try MarkdownPage.text(of: "Package.swift")
    let targets = package.matches(
      of: #/arget\(\s*name: "([\w-]+)",\s*dependencies: \[([^\]]*)\](?:,\s*path: "([^"]+)")?/#
    ).map { match in
      let name = String(match.1)
      return (
        name: name, named: match.2.matches(of: #/"(\w+)"/#).map { String($0.1) },
        path: match.3.map(String.init) ?? (name.hasSuffix("Tests") ? "Tests/" : "Sources/") + name
      )
    }
    #expect(targets.count > 20)
    let named = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0.named) })
    let modules = Set(Self.allowed.keys).union(["TestSupport"])
    for target in targets {
      let imported = try Self.files(in: target.path).flatMap { Self.imports(of: $0.text) }
      let reached = Self.reached(from: target.name) { named[$0] ?? [] }
      let missing = Set(imported).intersection(modules).subtracting(reached)
      #expect(
        missing.subtracting([target.name]) == [], "target \(target.name) does not reach these")
    }
  }

  /// A function that must be inlined is used in a loop over pixels, and another module inlines only what is
  /// inlinable. Without it, pictures are changed at half the speed.
  @Test func whatMustBeInlinedIsSoInOtherModules() throws {
    for (file, text) in try Self.files(in: "Sources") where text.contains("@inline(__always)") {
      for match in text.matches(of: #/@inline\(__always\)\s+(?:package|public) [^\n{]+/#) {
        let before = text[..<match.range.lowerBound].suffix(12)
        #expect(before.contains("@inlinable"), "\(file): \(match.0)")
      }
    }
  }

  /// `Tensor` is `Sendable`, which is the truth only while others than this package cannot change one.
  @Test func nothingPublicChangesATensorInPlace() throws {
    let sources = try Self.files(in: "Sources/Torch")
    #expect(sources.contains { $0.text.contains("final class Tensor: @unchecked Sendable") })
    for (file, text) in sources {
      for function in text.components(separatedBy: "public func ").dropFirst() {
        // Functions of the shim that work in place end in an underscore.
        let body = function.prefix(
          upTo: function.range(of: "func ")?.lowerBound ?? function.endIndex)
        let name = function.prefix { $0 != "(" }
        #expect(!body.contains("_("), "\(file): \(name)")
      }
    }
  }

  /// Everything that `next` leads to, step by step.
  private static func reached(
    from start: String, _ next: (String) -> some Collection<String>
  ) -> Set<String> {
    var (reached, open): (Set<String>, [String]) = ([], [start])
    while let current = open.popLast() {
      for found in next(current) where reached.insert(found).inserted { open.append(found) }
    }
    return reached
  }

  private static func imports(of text: String) -> [String] {
    text.matches(of: #/(?m)^(?:@\w+ )?import (\w+)$/#).map { String($0.1) }
  }

  private static func files(in path: String) throws -> [(name: String, text: String)] {
    let folder = MarkdownPage.repository.appending(path: path)
    let names = try #require(FileManager.default.enumerator(atPath: folder.path))
    return try names.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.map {
      ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
    }
  }
}
