import Foundation
import Testing

@testable import Embeddings
@testable import Evaluation
@testable import Files

@Suite struct ChecksumTests {
  private static func sha256(_ pieces: [String]) -> String {
    var digest = SHA256()
    for piece in pieces { Array(piece.utf8).withUnsafeBytes { digest.add($0) } }
    return digest.hexadecimal()
  }

  /// FIPS 180-4's examples.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func sha256OfKnownMessages(message: String, digest: String) {
    #expect(Self.sha256([message]) == digest)
    #expect(Self.sha256(message.map(String.init)) == digest)
  }

  @Test func sha256DoesNotDependOnPieces() {
    let message = String(repeating: "swift-jepa ", count: 40)
    let whole = Self.sha256([message])
    for cut in [1, 55, 56, 63, 64, 65, 128, 200] {
      #expect(Self.sha256([String(message.prefix(cut)), String(message.dropFirst(cut))]) == whole)
    }
  }

  @Test func crc32OfKnownMessages() {
    for (message, value) in [("", 0), ("123456789", 0xCBF4_3926), ("a", 0xE8B7_BE43)] {
      var checksum = CRC32()
      Array(message.utf8).withUnsafeBytes { checksum.add($0) }
      #expect(checksum.value == UInt32(value))
    }
  }

  @Test func crc32DoesNotDependOnPieces() {
    let bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 * 37) }
    func checksum(_ cut: Int) -> UInt32 {
      var checksum = CRC32()
      bytes[..<cut].withUnsafeBytes { checksum.add($0) }
      bytes[cut...].withUnsafeBytes { checksum.add($0) }
      return checksum.value
    }
    #expect(Set((0...100).map(checksum)).count == 1)
  }
}
