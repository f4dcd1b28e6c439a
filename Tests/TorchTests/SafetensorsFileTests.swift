import Foundation
import TestSupport
import Testing
import Torch

@Suite struct SafetensorsFileTests {
  let reference = Fixtures.path("safetensors/reference.safetensors")

  func elements<Element: BitwiseCopyable>(
    of name: String, in file: SafetensorsFile, as type: Element.Type
  ) throws -> [Element] {
    try file.withBytes(of: name) { bytes in
      stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.stride).map {
        bytes.loadUnaligned(fromByteOffset: $0, as: Element.self)
      }
    }
  }

  #if os(Linux)
    /// Reading a file does not make the process as large as the file.
    @Test func pagesThatWereReadAreLetGoOf() throws {
      let path = FileManager.default.temporaryDirectory.appendingPathComponent(
        "\(UUID()).safetensors"
      ).path
      defer { unlink(path) }
      let (count, bytes) = (8, [UInt8](repeating: 7, count: 1 << 20))
      let writer = try SafetensorsWriter(
        path: path,
        tensors: (0..<count).map { .init(name: "\($0)", dtype: .uint8, shape: [bytes.count]) })
      try writer.write { _, sink in try bytes.withUnsafeBytes { try sink($0) } }
      let file = try SafetensorsFile(path: path)
      let (address, inside) = try file.withBytes(of: "0") { all in
        #expect(all.allSatisfy { $0 == 7 })
        let address = UInt(bitPattern: all.baseAddress)
        return (address, try residentBytes(address, count: all.count))
      }
      #expect(inside >= 1000 << 10)
      for name in file.names {
        #expect(try file.withBytes(of: name) { $0.allSatisfy { $0 == 7 } })
      }
      // The ends of tensors share their pages with others and with the header.
      let afterwards = try withExtendedLifetime(file) {
        try residentBytes(address, count: count * bytes.count)
      }
      #expect(afterwards <= 4 * 16 * count << 10)
    }
  #endif

  @Test func readsEveryElementType() throws {
    let file = try SafetensorsFile(path: reference)
    let expected: [Float] = [0, 1, -2.5, 0.333251953125, 65504, 6e-8]
    #expect(try elements(of: "float32", in: file, as: Float.self) == expected)
    #expect(try elements(of: "float64", in: file, as: Double.self) == expected.map(Double.init))
    // 0.333251953125 is exact in float16; 6e-8 rounds to its smallest subnormal.
    #expect(
      try elements(of: "float16", in: file, as: UInt16.self)
        == [0x0000, 0x3C00, 0xC100, 0x3555, 0x7BFF, 0x0001])
    #expect(
      try elements(of: "bfloat16", in: file, as: UInt16.self)
        == [0x0000, 0x3F80, 0xC020, 0x3EAB, 0x4780, 0x3381])
    #expect(try elements(of: "int64", in: file, as: Int64.self) == [.min, .max])
    #expect(try elements(of: "int32", in: file, as: Int32.self) == [.min, .max])
    #expect(try elements(of: "int16", in: file, as: Int16.self) == [.min, .max])
    #expect(try elements(of: "int8", in: file, as: Int8.self) == [.min, .max])
    #expect(try elements(of: "uint8", in: file, as: UInt8.self) == [.min, .max])
    #expect(try elements(of: "bool", in: file, as: UInt8.self) == [1, 0, 1])
    #expect(try elements(of: "scalar", in: file, as: Float.self) == [3.5])
    #expect(try elements(of: "empty", in: file, as: Float.self) == [])
  }

  @Test func describesEveryTensor() throws {
    let file = try SafetensorsFile(path: reference)
    #expect(file.names.count == 13)
    #expect(file.metadata == ["line\n": "\u{1} é"])
    let matrix = try file.entry("float16")
    #expect(matrix.dtype == .float16)
    #expect(matrix.shape == [2, 3])
    #expect(matrix.byteRange.count == 12)
    #expect(try file.entry("scalar").shape == [])
    #expect(try file.entry("empty").shape == [2, 0, 3])
    #expect(try file.entry("name with \"quotes\", \\ and ü😀").dtype == .float32)
    #expect(file.entries.allSatisfy { $0.isAligned })
    let ends = file.entries.map(\.byteRange.upperBound)
    #expect(ends == ends.sorted())
  }

  @Test func readsAFileWithoutTensors() throws {
    let file = try SafetensorsFile(path: Fixtures.path("safetensors/empty.safetensors"))
    #expect(file.entries.isEmpty)
    #expect(file.metadata.isEmpty)
  }

  @Test func namesAMissingTensor() throws {
    let file = try SafetensorsFile(path: reference)
    #expect(throws: SafetensorsError.missingTensor(path: reference, tensor: "float33")) {
      try file.entry("float33")
    }
    #expect(throws: SafetensorsError.missingTensor(path: reference, tensor: "")) {
      try file.withBytes(of: "") { $0.count }
    }
  }

  @Test func toldApartFromOtherFiles() {
    let folder = NSTemporaryDirectory()
    #expect(throws: SafetensorsError.notARegularFile(path: folder)) {
      try SafetensorsFile(path: folder)
    }
    #expect(throws: SafetensorsError.notARegularFile(path: "/dev/null")) {
      try SafetensorsFile(path: "/dev/null")
    }
    let missing = folder + "/no-such-file.safetensors"
    let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(path: missing) }
    #expect(error == .system(path: missing, operation: "open", errorNumber: ENOENT))
    #expect(error?.description.contains("No such file") == true)
  }

  @Test func doesNotWaitForAPipe() throws {
    let path = NSTemporaryDirectory() + "/\(UUID().uuidString).pipe"
    try #require(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    #expect(throws: SafetensorsError.notARegularFile(path: path)) {
      try SafetensorsFile(path: path)
    }
  }
}
