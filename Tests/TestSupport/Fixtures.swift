import Foundation

/// The frozen reference files under Tests/Fixtures.
public enum Fixtures {
  /// The path of one of them, given relative to Tests/Fixtures.
  public static func path(_ relativePath: String, testSupportFile: String = #filePath) -> String {
    URL(fileURLWithPath: testSupportFile)
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(relativePath).path
  }
}
