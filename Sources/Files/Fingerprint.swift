import Foundation

/// A number of 64 bits that changes with what it is made of, and is the same on every machine: FNV-1a, for
/// telling data apart, not against forgery.
///
/// Fowler, Noll and Vo, "The FNV Non-Cryptographic Hash Algorithm".
public struct Fingerprint: Hashable, Sendable {
  public private(set) var value: UInt64

  /// - Parameter value: that of what was added before.
  public init(_ value: UInt64 = 0xCBF2_9CE4_8422_2325) { self.value = value }

  /// Adds one byte, or up to eight at once.
  public mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }

  /// Adds each byte.
  public mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { add(UInt64(byte)) }
  }

  /// Adds the eight bytes of a number, the lowest first.
  public mutating func addBytes(of number: Int) {
    for shift in stride(from: 0, to: 64, by: 8) {
      add(UInt64(UInt8(truncatingIfNeeded: number >> shift)))
    }
  }
}
