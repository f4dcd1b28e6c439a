import EnergyDescent
import Testing
import Torch

@testable import TextPlanner

/// The model's own descents that training goes on with.
@Suite struct RolloutBufferTests {
  static func buffer(
    _ change: (inout RolloutConfiguration) -> Void = { _ in }, seed: UInt64 = 1
  ) -> RolloutBuffer {
    var configuration = RolloutConfiguration()
    configuration.capacity = 8
    change(&configuration)
    return RolloutBuffer(
      RolloutPolicy(configuration, along: .gradient), candidates: [5, 6, 7], shape: [2, 3],
      device: .cpu,
      using: RandomGenerator(seed: seed))
  }

  @Test func descentsStartFromNoise() {
    let buffer = Self.buffer { $0.capacity = 4000 }
    #expect(buffer.latents.shape == [4000, 2, 3])
    #expect(abs(buffer.latents.mean().item()) < 0.05)
    #expect(abs(buffer.latents.variance().item() - 1) < 0.05)
    #expect(Set(buffer.items) == [5, 6, 7])
    #expect(Set(buffer.lifetimes) == Set(4...16))
  }

  @Test func aStepGoesAgainstTheGradient() {
    let buffer = Self.buffer()
    let rows = buffer.draw(5)
    #expect(Set(rows).count == 5)
    let before = buffer.latents.clone()
    buffer.advance(rows, against: Tensor.full([5, 2, 3], 2), fresh: [9])
    for row in 0..<8 {
      let moved = (before[row] - buffer.latents[row]).array(of: Float.self)
      guard rows.contains(row) else {
        #expect(moved.allSatisfy { $0 == 0 })
        continue
      }
      // All of an item by the same step, which is drawn.
      #expect(moved.allSatisfy { abs($0 - moved[0]) < 1e-5 && (0.6...2.0).contains($0) })
      #expect(buffer.ages[row] == 1)
    }
  }

  @Test func descentsEndAndAreReplaced() {
    let buffer = Self.buffer { ($0.minimumLifetime, $0.maximumLifetime) = (2, 2) }
    let rows = Array(0..<8)
    let still = Tensor.zeros([8, 2, 3])
    buffer.advance(rows, against: still, fresh: [9])
    let before = buffer.latents.clone()
    #expect(!buffer.items.contains(9))
    buffer.advance(rows, against: still, fresh: [9])
    #expect(buffer.items == [Int](repeating: 9, count: 8))
    #expect(buffer.ages == [Int](repeating: 0, count: 8))
    #expect((buffer.latents - before).abs().min().item() > 0)
  }

  @Test func aRestoredBufferGoesOnAlike() {
    let one = Self.buffer()
    one.advance(Array(0..<8), against: Tensor.ones([8, 2, 3]), fresh: [9])
    let other = Self.buffer(seed: 2)
    other.restore(one.state, latents: one.latents.clone())
    #expect(other.items == one.items && other.ages == one.ages)
    #expect((other.latents - one.latents).abs().max().item() == 0)
    #expect((other.latents(at: [3]) - one.latents[3]).abs().max().item() == 0)
  }
}
