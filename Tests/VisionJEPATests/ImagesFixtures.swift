import Foundation

/// The small pictures in Tests/Fixtures/images, made by scripts/fixtures/make_images.py.
enum ImageFixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/images")

  static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func json<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(name)))
  }
}

/// An empty folder that is removed when the test lets go of it.
final class ScratchFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("images-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(_ name: String) -> String { path + "/" + name }

  /// Writes a file, making the folders above it.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = path(name)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func copy(_ fixture: String, to name: String) throws {
    try write(ImageFixtures.bytes(fixture), to: name)
  }
}

/// Mean and greatest absolute difference of two lists of bytes.
func difference(_ left: [UInt8], _ right: [UInt8]) -> (mean: Double, greatest: Int) {
  var sum = 0
  var greatest = 0
  for (a, b) in zip(left, right) {
    let gap = abs(Int(a) - Int(b))
    sum += gap
    greatest = max(greatest, gap)
  }
  return (Double(sum) / Double(max(left.count, 1)), greatest)
}
