import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct CRC32CTests {
  /// RFC 3720, appendix B.4.
  @Test func standardVectors() {
    #expect(CRC32C.checksum(of: [UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum(of: [UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum(of: (0..<32).map(UInt8.init)) == 0x46DD_794E)
    #expect(CRC32C.checksum(of: (0..<32).reversed().map(UInt8.init)) == 0x113F_DB5C)
    #expect(CRC32C.checksum(of: "123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.checksum(of: []) == 0)
  }

  @Test func piecesGiveTheSameAsTheWhole() {
    var generator = SeededGenerator(seed: 1)
    let bytes = (0..<1000).map { _ in UInt8(generator.index(below: 256)) }
    for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
      var crc = CRC32C()
      bytes[..<cut].withUnsafeBytes { crc.add($0) }
      bytes[cut...].withUnsafeBytes { crc.add($0) }
      #expect(crc.value == CRC32C.checksum(of: bytes))
    }
  }
}
