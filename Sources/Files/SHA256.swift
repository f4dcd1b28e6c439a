import Foundation

/// SHA-256, by which embeddings say which weights made them.
///
/// Reference: NIST FIPS 180-4, sections 4.1.2, 5 and 6.2.
package struct SHA256 {
  private var state: [UInt32] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB,
    0x5BE0_CD19,
  ]
  /// Bytes that do not fill a block yet.
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  package init() {}

  /// The digest of a whole file as 64 hexadecimal digits.
  ///
  /// - Throws: `FileError.failed`.
  package static func hexadecimal(ofFile path: String) throws(FileError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .failure(errno, operation: "read", path)
    }
    defer { close(descriptor) }
    return try hexadecimal(of: descriptor, path: path)
  }

  /// The digest of what an open file holds from here on.
  ///
  /// - Throws: `FileError.failed`, which names `path`.
  package static func hexadecimal(
    of descriptor: Int32, path: String
  ) throws(FileError) -> String {
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { chunk.deallocate() }
    var digest = SHA256()
    while true {
      let count = read(descriptor, chunk.baseAddress, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw .failure(errno, operation: "read", path)
      }
      guard count > 0 else { return digest.hexadecimal() }
      digest.add(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
    }
  }

  /// Takes more of the message.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    byteCount += UInt64(bytes.count)
    var bytes = bytes[...]
    if !rest.isEmpty {
      let taken = min(64 - rest.count, bytes.count)
      rest.append(contentsOf: bytes.prefix(taken))
      bytes = bytes.dropFirst(taken)
      guard rest.count == 64 else { return }
      let block = rest
      rest.removeAll(keepingCapacity: true)
      block.withUnsafeBytes { compress($0) }
    }
    let whole = bytes.count / 64 * 64
    compress(UnsafeRawBufferPointer(rebasing: bytes.prefix(whole)))
    rest.append(contentsOf: bytes.dropFirst(whole))
  }

  /// The digest of all that was added.
  package func hexadecimal() -> String {
    var last = self
    var padding: [UInt8] = [0x80]
    let length = (rest.count + 1 + 8 + 63) / 64 * 64
    padding += Array(repeating: 0, count: length - rest.count - 1 - 8)
    padding += withUnsafeBytes(of: (byteCount * 8).bigEndian) { Array($0) }
    padding.withUnsafeBytes { last.add($0) }
    return last.state.map { String(format: "%08x", $0) }.joined()
  }

  /// Takes whole blocks of 64 bytes.
  private mutating func compress(_ blocks: UnsafeRawBufferPointer) {
    guard let base = blocks.baseAddress, !blocks.isEmpty else { return }
    func rotated(_ x: UInt32, _ by: UInt32) -> UInt32 { x &>> by | x &<< (32 &- by) }
    state.withUnsafeMutableBufferPointer { state in
      Self.constants.withUnsafeBufferPointer { k in
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
          var offset = 0
          while offset < blocks.count {
            var t = 0
            while t < 16 {
              w[t] = UInt32(
                bigEndian: base.loadUnaligned(fromByteOffset: offset + 4 * t, as: UInt32.self))
              t += 1
            }
            while t < 64 {
              let (x, y) = (w[t - 15], w[t - 2])
              let s0 = rotated(x, 7) ^ rotated(x, 18) ^ x &>> 3
              let s1 = rotated(y, 17) ^ rotated(y, 19) ^ y &>> 10
              w[t] = w[t - 16] &+ s0 &+ w[t - 7] &+ s1
              t += 1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            t = 0
            while t < 64 {
              let s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
              let first = h &+ s1 &+ (e & f ^ ~e & g) &+ k[t] &+ w[t]
              let s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
              let second = s0 &+ (a & b ^ a & c ^ b & c)
              (h, g, f, e) = (g, f, e, d &+ first)
              (d, c, b, a) = (c, b, a, first &+ second)
              t += 1
            }
            state[0] &+= a
            state[1] &+= b
            state[2] &+= c
            state[3] &+= d
            state[4] &+= e
            state[5] &+= f
            state[6] &+= g
            state[7] &+= h
            offset += 64
          }
        }
      }
    }
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = {
    var constants: [UInt32] = []
    var candidate = 2
    while constants.count < 64 {
      if (2..<candidate).allSatisfy({ candidate % $0 != 0 }) {
        constants.append(fractionOfCubeRoot(of: candidate))
      }
      candidate += 1
    }
    return constants
  }()

  /// floor(2^32 cbrt(n)) mod 2^32, in whole numbers: a Double's cube root may round the wrong way.
  private static func fractionOfCubeRoot(of n: Int) -> UInt32 {
    var (low, high): (UInt64, UInt64) = (0, 7 << 32)
    // The greatest x with x^3 <= n 2^96; x has 35 bits, so x^3 has up to 105.
    let target = (high: UInt64(n) << 32, low: UInt64(0))
    func cubed(_ x: UInt64) -> (high: UInt64, low: UInt64) {
      let square = x.multipliedFullWidth(by: x)
      let low = square.low.multipliedFullWidth(by: x)
      return (square.high &* x &+ low.high, low.low)
    }
    while low + 1 < high {
      let middle = (low + high) / 2
      let cube = cubed(middle)
      if cube.high > target.high || (cube.high == target.high && cube.low > target.low) {
        high = middle
      } else {
        low = middle
      }
    }
    return UInt32(truncatingIfNeeded: low)
  }
}
