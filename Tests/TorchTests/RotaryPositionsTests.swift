import Foundation
import TestSupport
import Testing
import Torch

/// Rotary positions in space and time against their formula, channel by channel.
@Suite struct RotaryPositionsTests {
  /// What the formula makes of one head's channels at (frame, row, column).
  private func turned(_ x: [Double], at place: [Int]) -> [Double] {
    let group = 2 * (x.count / 3 / 2)
    var result = x
    for (axis, coordinate) in place.enumerated() {
      for channel in 0..<group {
        let angle =
          Double(coordinate) * pow(10_000, -Double(2 * (channel % (group / 2))) / Double(group))
        let (own, other) = (axis * group + channel, axis * group + (channel ^ 1))
        let sign = channel % 2 == 0 ? -1.0 : 1.0
        result[own] = x[own] * cos(angle) + sign * x[other] * sin(angle)
      }
    }
    return result
  }

  // Groups of 2, 4 and 4 channels; without, with one and with four channels that are not turned.
  @Test(arguments: [6, 13, 16])
  func channelsTurnAsTheFormulaSays(headWidth: Int) {
    let (frames, rows, columns) = (2, 3, 2)
    let x = Tensor.normal([1, 1, 12, headWidth], using: RandomGenerator(seed: 1), dtype: .float64)
    let found = RotaryPositions(frames: frames, rows: rows, columns: columns, headWidth: headWidth)(
      x
    ).array(of: Double.self)
    let values = x.array(of: Double.self)
    for token in 0..<12 {
      let channels = token * headWidth..<(token + 1) * headWidth
      let expected = turned(
        Array(values[channels]), at: [token / 6, token / 2 % 3, token % 2])
      for (one, other) in zip(found[channels], expected) { #expect(abs(one - other) < 1e-6) }
    }
  }

  @Test func headsTooNarrowAreNotTurned() {
    let x = Tensor.normal([1, 1, 4, 5], using: RandomGenerator(seed: 1))
    let found = RotaryPositions(frames: 1, rows: 2, columns: 2, headWidth: 5)(x)
    #expect(found.array(of: Float.self) == x.array(of: Float.self))
  }

  @Test func gatheredPlacesAreThoseOfTheirTokens() {
    let all = RotaryPositions(frames: 2, rows: 2, columns: 2, headWidth: 16)
    let x = Tensor.normal([2, 3, 8, 16], using: RandomGenerator(seed: 2))
    let kept = Tensor([6, 1, 3, 0, 7, 2] as [Int64], shape: [2, 3])
    let chosen = kept.unsqueezed(1).unsqueezed(-1).expanded(-1, 3, -1, 16)
    let found = all.gathered(kept)(x.gather(chosen, along: 2))
    #expect(relativeDifference(found, from: all(x).gather(chosen, along: 2)) == 0)
  }

  /// A block with rotary positions and LayerScale, as V-JEPA 2 and DINOv2 have them.
  @Test func gradientsAreThoseOfDifferences() {
    let generator = RandomGenerator(seed: 3)
    let block = TransformerBlock(
      width: 12, heads: 2, hidden: 8, depth: 1, form: .differentiable, names: .huggingFaceDINOv2,
      hasLayerScale: true, using: generator)
    block.convert(to: .float64)
    withoutGradient {
      for (_, tensor) in block.parameters {
        tensor.assign(Tensor.normal(tensor.shape, using: generator, dtype: .float64) * 0.5)
      }
    }
    let x = Tensor.normal([1, 4, 12], using: generator, dtype: .float64).requiringGradient()
    let rotation = RotaryPositions(frames: 1, rows: 2, columns: 2, headWidth: 6)
    let scales = block.parameters.filter { $0.name.hasSuffix("lambda1") }.map(\.tensor)
    #expect(scales.count == 2)
    let error = gradientError(withRespectTo: [x] + scales) { block(x, rotation: rotation) }
    #expect(error < 1e-6)
  }
}
