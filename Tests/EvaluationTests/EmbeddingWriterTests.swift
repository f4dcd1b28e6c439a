import Foundation
import Testing
import Torch

@testable import Evaluation

@Suite struct EmbeddingWriterTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func path(_ name: String = "e.npy") -> String { folder.appendingPathComponent(name).path }

  var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
  }

  @Test func writesTheBytesThatNumpyWrites() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try NPYWriter(path: path(), width: 2)
    try writer.append(Tensor([Float](arrayLiteral: 1, 2, 3, 4), shape: [2, 2]))
    try writer.append(Tensor([Double](arrayLiteral: -0.5, 6), shape: [1, 2]))
    try writer.finish()
    // numpy.save of float32 [[1, 2], [3, 4], [-0.5, 6]], numpy 2.4.
    let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
    var expected = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, 118, 0])
    expected += Data(dictionary.utf8)
    expected += Data(repeating: UInt8(ascii: " "), count: 127 - expected.count) + Data([0x0A])
    expected += Data([
      0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0, 0xBF, 0, 0,
      0xC0, 0x40,
    ])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path())) == expected)
    #expect(writer.rowCount == 3)
  }

  @Test func theHeaderHasRoomForAnyNumberOfRows() {
    for columns in [1, 128, 123_456] {
      let lengths = Set(
        [0, 1, 99_999, Int.max].map { NPYWriter.header(rows: $0, columns: columns).count })
      #expect(lengths.count == 1 && lengths.first! % 64 == 0)
    }
  }

  @Test func readsBackWhatItWrote() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let values = Tensor.normal([50, 9], using: RandomGenerator(seed: 1))
    let writer = try NPYWriter(path: path(), width: 9)
    // A view with strides of its own.
    try writer.append(values.transposed().contiguous().transposed().slice(0..<20))
    try writer.append(values.slice(20..<50))
    try writer.finish()
    let read = try NPYFile.read(path())
    #expect(read.shape == [50, 9] && (read .== values).all().item() == 1)
  }

  @Test func anEmptyMatrixIsOne() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try NPYWriter(path: path(), width: 4).finish()
    #expect(try NPYFile.read(path()).shape == [0, 4])
  }

  @Test func anUnfinishedFileNeverAppears() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("old".utf8).write(to: URL(fileURLWithPath: path()))
    do {
      let writer = try EmbeddingWriter(path: path(), width: 2)
      try writer.append(.ones([1, 2]), rows: [.init(path: "a.png")])
      #expect(try files.count == 3)
      #expect(try String(contentsOfFile: path(), encoding: .utf8) == "old")
    }
    #expect(try files == ["e.npy"])
    #expect(try String(contentsOfFile: path(), encoding: .utf8) == "old")
  }

  @Test func listsItsRows() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try EmbeddingWriter(path: path(), width: 2)
    try writer.append(
      .ones([2, 2]),
      rows: [.init(path: "cats/a.png", label: "cats"), .init(path: "a, \"b\"\n.png")])
    try writer.append(.zeros([1, 2]), rows: [.init(path: "ü.png", label: "x,y")])
    try writer.finish()
    #expect(try files == ["e.csv", "e.npy"])
    let list = try String(contentsOfFile: writer.listPath, encoding: .utf8)
    #expect(
      list == "row,path,label\r\n0,cats/a.png,cats\r\n1,\"a, \"\"b\"\"\n.png\",\r\n"
        + "2,ü.png,\"x,y\"\r\n")
    #expect(try NPYFile.read(path()).array(of: Float.self) == [1, 1, 1, 1, 0, 0])
  }

  @Test func refusesWhatDoesNotFit() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try EmbeddingWriter(path: path(), width: 2)
    #expect(throws: EvaluationError.widthMismatch(expected: 2, found: 3)) {
      try writer.append(.ones([1, 3]), rows: [.init(path: "a")])
    }
    #expect(throws: EvaluationError.countMismatch(embeddings: 1, labels: 0, paths: 0)) {
      try writer.append(.ones([1, 2]), rows: [])
    }
    #expect(throws: EvaluationError.notAMatrix(shape: [2])) {
      try writer.append(.ones([2]), rows: [])
    }
    let nowhere = path("no/e.npy")
    #expect(
      throws: EvaluationError.system(path: nowhere, operation: "create", errorNumber: ENOENT)
    ) { try NPYWriter(path: nowhere, width: 2) }
  }

  @Test func refusesOtherFiles() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let writer = try NPYWriter(path: path(), width: 2)
    try writer.append(.ones([3, 2]))
    try writer.finish()
    let good = try Data(contentsOf: URL(fileURLWithPath: path()))
    var fortran = good
    fortran.replaceSubrange(
      good.range(of: Data("False".utf8))!, with: Data("True ".utf8))
    var huge = good
    huge.replaceSubrange(
      good.range(of: Data("(3, 2), }   ".utf8))!, with: Data("(9999, 2), }".utf8))
    let short = [Data(), good.prefix(9), good.prefix(100), good.dropLast()]
    for bad in short + [good + [0], fortran, huge] {
      try Data(bad).write(to: URL(fileURLWithPath: path("bad.npy")))
      #expect(throws: EvaluationError.self) { try NPYFile.read(path("bad.npy")) }
    }
    #expect(throws: EvaluationError.self) { try NPYFile.read(path("none.npy")) }
  }
}
