import Foundation
import TestSupport
import Testing
import Torch

@Suite struct SafetensorsWriterTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func path(_ name: String = "a.safetensors") -> String {
    folder.appendingPathComponent(name).path
  }

  func write(
    _ tensors: [String: (SafetensorsDType, [Int], [UInt8])], metadata: [String: String] = [:],
    to path: String
  ) throws {
    let writer = try SafetensorsWriter(
      path: path,
      tensors: tensors.map { .init(name: $0.key, dtype: $0.value.0, shape: $0.value.1) },
      metadata: metadata)
    try writer.write { tensor, sink in
      try tensors[tensor.name]!.2.withUnsafeBytes { try sink($0) }
    }
  }

  @Test func writesTheReferenceImplementationsBytes() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["safetensors/reference.safetensors", "safetensors/empty.safetensors"] {
      let original = try SafetensorsFile(path: Fixtures.path(name))
      let writer = try SafetensorsWriter(
        path: path(),
        tensors: original.entries.shuffled().map {
          .init(name: $0.name, dtype: $0.dtype, shape: $0.shape)
        },
        metadata: original.metadata)
      #expect(writer.tensors.map(\.name) == original.names)
      try writer.write { tensor, sink in try original.withBytes(of: tensor.name, sink) }
      let expected = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path(name)))
      #expect(try Data(contentsOf: URL(fileURLWithPath: path())) == expected)
    }
  }

  @Test func readsBackWhatItWrote() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let metadata = ["": "", "quote\"\\": "tab\t\r\n\u{8}\u{C}\u{1F}", "e\u{301}": "😀"]
    let name = "odd / name \u{2028}"
    try write(
      ["b": (.uint8, [3], [1, 2, 3]), name: (.float64, [], Array(0..<8)), "z": (.bool, [0], [])],
      metadata: metadata, to: path())
    let file = try SafetensorsFile(path: path())
    #expect(file.names == [name, "b", "z"])
    #expect(file.metadata == metadata)
    #expect(try file.withBytes(of: "b") { Array($0) } == [1, 2, 3])
    #expect(try file.withBytes(of: name) { Array($0) } == Array(0..<8))
    #expect(try file.withBytes(of: "z") { $0.count } == 0)
    #expect(file.entries.allSatisfy { $0.isAligned })
  }

  @Test func takesATensorInPieces() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try SafetensorsWriter(
      path: path(), tensors: [.init(name: "a", dtype: .uint8, shape: [1000])])
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    try writer.write { _, sink in
      for start in stride(from: 0, to: 1000, by: 100) {
        try bytes[start..<start + 100].withUnsafeBytes { try sink($0) }
      }
    }
    #expect(try SafetensorsFile(path: path()).withBytes(of: "a") { Array($0) } == bytes)
  }

  @Test func refusesNamesTheFormatCannotHold() {
    defer { try? FileManager.default.removeItem(at: folder) }
    let twice = SafetensorsWriter.Tensor(name: "a", dtype: .int8, shape: [])
    #expect(throws: SafetensorsError.unusableName(path: path(), tensor: "a")) {
      try SafetensorsWriter(path: path(), tensors: [twice, twice])
    }
    #expect(throws: SafetensorsError.unusableName(path: path(), tensor: "__metadata__")) {
      try SafetensorsWriter(
        path: path(), tensors: [.init(name: "__metadata__", dtype: .int8, shape: [])])
    }
  }

  @Test(arguments: [[-1], [Int.max, 2], [0, Int.max, Int.max], Array(repeating: 1, count: 65)])
  func refusesImpossibleShapes(shape: [Int]) {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: SafetensorsError.shapeOverflow(path: path(), tensor: "a", shape: shape)) {
      try SafetensorsWriter(path: path(), tensors: [.init(name: "a", dtype: .int8, shape: shape)])
    }
  }

  @Test(arguments: [2, 4])
  func keepsTheOldFileWhenBytesAreMissingOrTooMany(count: Int) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(["a": (.uint8, [1], [9])], to: path())
    #expect(
      throws: SafetensorsError.wrongByteCount(path: path(), tensor: "a", expected: 3, found: count)
    ) {
      try write(["a": (.uint8, [3], Array(repeating: 0, count: count))], to: path())
    }
    #expect(try SafetensorsFile(path: path()).withBytes(of: "a") { Array($0) } == [9])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
  }

  @Test func saysWhyItCouldNotWrite() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let inNoFolder = path("missing/a.safetensors")
    let error = #expect(throws: SafetensorsError.self) {
      try write(["a": (.uint8, [1], [9])], to: inNoFolder)
    }
    #expect(error == .system(path: inNoFolder, operation: "create", errorNumber: ENOENT))
    #expect(error?.description == "\(inNoFolder): could not create: No such file or directory")
  }

  // A limit on the file's size takes the same road as a full disk. It holds for the whole
  // process, hence a process of its own.
  @Test func saysThatTheBytesDoNotFit() async {
    defer { try? FileManager.default.removeItem(at: folder) }
    await #expect(processExitsWith: .success) {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appendingPathComponent("a.safetensors").path
      let writer = try SafetensorsWriter(
        path: path, tensors: [.init(name: "a", dtype: .uint8, shape: [1 << 20])])
      func write() throws {
        try writer.write { _, sink in
          try [UInt8](repeating: 1, count: 1 << 20).withUnsafeBytes { try sink($0) }
        }
      }
      try write()
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 1 << 19, rlim_max: 1 << 19)
      // The constant is an enumeration case with glibc and an integer elsewhere.
      #if canImport(Glibc)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      #else
        setrlimit(RLIMIT_FSIZE, &limit)
      #endif
      let error = #expect(throws: SafetensorsError.self) { try write() }
      #expect(error == .system(path: path, operation: "write", errorNumber: EFBIG))
      #expect(error?.description.hasSuffix("could not write: File too large") == true)
      #expect(try SafetensorsFile(path: path).entry("a").shape == [1 << 20])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }
  }
}
