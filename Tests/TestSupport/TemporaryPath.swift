import Foundation

/// A path in the temporary folder that holds nothing yet; what is made there is removed when the test lets
/// go of it.
public final class TemporaryPath: Sendable {
  public let path: String

  public init(_ name: String = "swift-jepa") {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("\(name)-\(UUID().uuidString)").path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
