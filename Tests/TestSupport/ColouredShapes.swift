import Files
import Foundation
import Pictures
import TrainingRuns

/// A folder of generated pictures that is removed when the test lets go of it: discs, squares and stripes
/// of random colours, a subfolder for each.
///
/// The same seed gives the same bytes.
public final class ColouredShapes: Sendable {
  public static let classes = ["discs", "squares", "stripes"]

  /// The folder's path.
  public let path: String

  /// - Parameters:
  ///   - count: pictures, dealt to the classes in turn.
  ///   - size: their side in pixels.
  public init(_ count: Int, size: Int = 32, seed: UInt64 = 1) throws {
    path =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("coloured-shapes-\(UUID().uuidString)").path
    for name in Self.classes {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }
    for index in 0..<count {
      let kind = index % Self.classes.count
      try Self.picture(kind, size: size, seed: seed, index: index)
        .write(toPNG: "\(path)/\(Self.classes[kind])/\(index).png")
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// A shape of class `kind` at a random place.
  private static func picture(_ kind: Int, size: Int, seed: UInt64, index: Int) -> RGBImage {
    var draws = SeededGenerator(seed: seed, UInt64(index))
    func color() -> [UInt8] { (0..<3).map { _ in UInt8(draws.index(below: 256)) } }
    let (background, foreground) = (color(), color())
    let side = Float(size)
    let centre = (
      draws.uniform(in: side * 0.3...side * 0.7), draws.uniform(in: side * 0.3...side * 0.7)
    )
    let radius = draws.uniform(in: side * 0.15...side * 0.3)
    var pixels: [UInt8] = []
    for y in 0..<size {
      for x in 0..<size {
        let (dx, dy) = (Float(x) - centre.0, Float(y) - centre.1)
        let isInside =
          switch kind {
          case 0: dx * dx + dy * dy < radius * radius
          case 1: max(abs(dx), abs(dy)) < radius
          default: Int((Float(x) + dy + side) / radius) % 2 == 0
          }
        pixels += isInside ? foreground : background
      }
    }
    return RGBImage(width: size, height: size, pixels: pixels)
  }
}
