import Files
import Foundation

/// Where a thing is over time, in closed form: any moment can be asked for, in any order.
///
/// Places are in frame heights, from the picture's upper left corner; time is in frames.
struct Motion: Sendable {
  enum Path: Sendable {
    /// Straight on at a constant speed, thrown back by the walls of a box.
    case bouncing
    /// Along the box's width under gravity, thrown back by the floor.
    case hopping(height: Float, period: Float)
    /// Around the middle of the box.
    case circling(radius: Float, period: Float, phase: Float)
    /// From one side of the box to the other, slow at both ends.
    case swinging(period: Float, phase: Float)
    /// Straight on, out of the box and never back.
    case crossing
  }

  var path: Path
  /// The place at time 0.
  var start: SIMD2<Float>
  /// Frame heights a frame.
  var velocity: SIMD2<Float>
  /// The box's lower and upper bounds.
  var low: SIMD2<Float>
  var high: SIMD2<Float>

  func place(at time: Float) -> SIMD2<Float> {
    let (centre, half) = ((low + high) / 2, (high - low) / 2)
    switch path {
    case .crossing:
      return start + velocity * time
    case .bouncing:
      let free = start + velocity * time
      return SIMD2(
        Self.reflected(free.x, low.x, high.x), Self.reflected(free.y, low.y, high.y))
    case .hopping(let height, let period):
      let phase = (time / period) - (time / period).rounded(.down)
      let lift = height * 4 * phase * (1 - phase)
      return SIMD2(
        Self.reflected(start.x + velocity.x * time, low.x, high.x), max(low.y, high.y - lift))
    case .circling(let radius, let period, let phase):
      let angle = phase + 2 * .pi * time / period
      return SIMD2(
        centre.x + min(radius, half.x) * cos(angle), centre.y + min(radius, half.y) * sin(angle))
    case .swinging(let period, let phase):
      return SIMD2(
        centre.x + half.x * cos(phase + 2 * .pi * time / period),
        centre.y + (start.y - centre.y) * 0.5)
    }
  }

  /// `value` folded into `low ... high`, as a ball between two walls.
  private static func reflected(_ value: Float, _ low: Float, _ high: Float) -> Float {
    let span = max(high - low, 1e-3)
    let rest = (value - low).truncatingRemainder(dividingBy: 2 * span)
    let folded = rest < 0 ? rest + 2 * span : rest
    return low + (folded < span ? folded : 2 * span - folded)
  }

  /// Any path but `crossing`, at up to `speed` frame heights a frame.
  static func random(
    aspect: Float, speed: ClosedRange<Float>, using generator: inout SeededGenerator
  ) -> Motion {
    let (low, high) = (SIMD2<Float>(0.08, 0.1), SIMD2<Float>(aspect - 0.08, 0.9))
    let start = SIMD2(
      generator.uniform(in: low.x...high.x), generator.uniform(in: low.y...high.y))
    let pace = generator.uniform(in: speed)
    let angle = generator.uniform(in: 0...(2 * .pi))
    let period = max(12, 2 * .pi * 0.3 / max(pace, 0.001))
    let phase = generator.uniform(in: 0...(2 * .pi))
    let path: Path =
      switch generator.index(below: 5) {
      case 0, 1: .bouncing
      case 2:
        .hopping(height: generator.uniform(in: 0.25...0.7), period: max(10, period / 2))
      case 3: .circling(radius: generator.uniform(in: 0.15...0.35), period: period, phase: phase)
      default: .swinging(period: period * 1.5, phase: phase)
      }
    return Motion(
      path: path, start: start, velocity: SIMD2(cos(angle), sin(angle)) * pace, low: low,
      high: high)
  }
}

/// A number that sways about a middle: two sine waves.
struct Sway: Sendable {
  var middle: Float
  /// Size, frames a round, and phase of each wave.
  var waves: [SIMD3<Float>] = []

  func value(at time: Float) -> Float {
    waves.reduce(middle) { $0 + $1.x * sin(2 * .pi * time / $1.y + $1.z) }
  }

  static func random(
    middle: Float, size: ClosedRange<Float>, period: ClosedRange<Float>,
    using generator: inout SeededGenerator
  ) -> Sway {
    Sway(
      middle: middle,
      waves: (0..<2).map { _ in
        SIMD3(
          generator.uniform(in: size) / 2, generator.uniform(in: period),
          generator.uniform(in: 0...(2 * .pi)))
      })
  }
}
