import Foundation
import Testing

/// What README promises and can be checked without running it.
@Suite struct ReadmeTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// The example is a target of the package, so it compiles; README shows that very file.
  @Test func theExampleIsTheOneThatIsCompiled() throws {
    let example = try Self.text("Examples/embed-picture/main.swift")
    #expect(try Self.text("README.md").contains("```swift\n\(example)```"))
  }

  @Test func everyLinkLeadsSomewhere() throws {
    let links = try Self.text("README.md").matches(of: /\]\(([^)#:]+)\)/).map { String($0.1) }
    #expect(links.count >= 8)
    for link in links {
      #expect(
        FileManager.default.fileExists(atPath: Self.root.appending(path: link).path), "\(link)")
    }
  }
}
