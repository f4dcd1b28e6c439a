import Files
import Foundation
import Pictures
import TrainingRuns

/// Generated clips: a disc that moves evenly over a coloured gradient, with a cut to another scene where one
/// is asked for.
///
/// The same seed gives the same bytes.
public enum MovingShapes {
  /// Frames of one clip.
  ///
  /// - Parameters:
  ///   - cuts: the frames at which a new scene begins.
  public static func frames(
    _ count: Int, width: Int = 48, height: Int = 32, cuts: [Int] = [], seed: UInt64 = 1
  ) -> [RGBImage] {
    var scene = Scene(width: width, height: height, seed: seed, number: 0)
    return (0..<count).map { frame in
      if cuts.contains(frame) {
        scene = Scene(
          width: width, height: height, seed: seed, number: 1 + (cuts.firstIndex(of: frame) ?? 0))
      }
      return scene.draw(frame)
    }
  }

  /// Writes the frames of a clip into a folder, as PNG files named by their number.
  public static func write(_ frames: [RGBImage], to folder: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    for (number, frame) in frames.enumerated() {
      try frame.write(toPNG: "\(folder)/frame\(number).png")
    }
  }

  private static func abs(_ vector: SIMD2<Float>) -> SIMD2<Float> {
    SIMD2(Swift.abs(vector.x), Swift.abs(vector.y))
  }

  private struct Scene {
    let width: Int
    let height: Int
    let (top, bottom, disc): (SIMD3<Float>, SIMD3<Float>, SIMD3<Float>)
    let centre: SIMD2<Float>
    let velocity: SIMD2<Float>
    let radius: Float

    init(width: Int, height: Int, seed: UInt64, number: Int) {
      var draws = SeededGenerator(seed: seed, UInt64(number))
      func color() -> SIMD3<Float> {
        SIMD3(
          draws.uniform(in: 0...255), draws.uniform(in: 0...255), draws.uniform(in: 0...255))
      }
      self.width = width
      self.height = height
      // Each scene is bright where the one before is dark, so that a cut is one.
      let base = SIMD3<Float>(repeating: number % 2 == 0 ? 60 : 190)
      (top, bottom, disc) = (base + color() / 6, base - color() / 6, color())
      centre = SIMD2(draws.uniform(in: 0...Float(width)), draws.uniform(in: 0...Float(height)))
      velocity = SIMD2(draws.uniform(in: -2...2), draws.uniform(in: -1.5...1.5))
      radius = draws.uniform(in: 4...8)
    }

    func draw(_ frame: Int) -> RGBImage {
      let size = SIMD2(Float(width), Float(height))
      // Back and forth between the edges: nothing comes or goes.
      let turns = (centre + velocity * Float(frame)) / size
      let rest = turns - 2 * (turns / 2).rounded(.down)
      let place = size * (SIMD2(repeating: 1) - MovingShapes.abs(rest - 1))
      var pixels: [UInt8] = []
      pixels.reserveCapacity(width * height * 3)
      for y in 0..<height {
        for x in 0..<width {
          let share = Float(y) / Float(height) + 0.1 * Float(x % 8) / 8
          let distance = place - SIMD2(Float(x), Float(y))
          let isInside = (distance * distance).sum() < radius * radius
          let color = isInside ? disc : top + (bottom - top) * share
          for channel in 0..<3 { pixels.append(UInt8(min(max(color[channel], 0), 255))) }
        }
      }
      return RGBImage(width: width, height: height, pixels: pixels)
    }
  }
}
