/// A small, fast random number generator whose stream is fixed by its seed for ever.
///
/// Everything random outside tensors (the order of files, crops, masks) draws from one of these, made
/// from the run's seed and a few counters such as epoch and item, so that a draw depends on *what* is
/// drawn and never on which thread draws it, or when.
///
/// Reference: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"
/// (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Sendable, Codable, Equatable {
  private var state: UInt64

  /// A stream of its own for each combination of `seed` and `counters`.
  public init(seed: UInt64, _ counters: UInt64...) {
    state = Self.mix(seed &+ Self.increment)
    for counter in counters {
      state = Self.mix(state ^ Self.mix(counter &+ Self.increment))
    }
  }

  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  public mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// A number in `0 ..< 1`, with 24 random bits.
  public mutating func uniform() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// A number in `range`, whose upper bound is reached only by rounding.
  public mutating func uniform(in range: ClosedRange<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// A whole number in `0 ..< bound`, without modulo bias.
  ///
  /// - Precondition: `bound > 0`.
  public mutating func index(below bound: Int) -> Int {
    precondition(bound > 0, "a random index needs a positive bound, not \(bound)")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Puts `elements` into a random order (Fisher and Yates).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    guard elements.count > 1 else { return }
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, index(below: last + 1))
    }
  }
}
