import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files

/// Files that `jepa embed` did not write, or that were damaged since: one clear error each.
@Suite struct EmbeddingFileTests {
  let output: OutputFolder

  init() throws { output = try OutputFolder() }

  /// The same small file in every format.
  private func write(_ name: String) throws {
    let file = try EmbeddingFile(path: Fixtures.path("embeddings/numpy.npz"))
    let paths = EmbeddingPaths(output: output(name))
    let export = try UnfinishedExport(paths.unfinished, settings: [:], isResuming: false)
    let writer = try EmbeddingFormat(path: name)
      .makeWriter(export, paths: paths, description: file.description)
    try writer.append(file.values, rows: file.rows, first: 0) { file.values }
    try export.publish(try writer.finish(file.description))
  }

  private func expectFailure(
    _ name: String, saying text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try EmbeddingFile(path: output(name))
      Issue.record("\(name) was read", sourceLocation: sourceLocation)
    } catch {
      #expect(
        "\(error)".contains(output("")) && "\(error)".contains(text), "\(error)",
        sourceLocation: sourceLocation)
    }
  }

  /// Whatever is in the list is written and read.
  @Test func everyFormatReadsWhatItWrote() throws {
    let file = try EmbeddingFile(path: Fixtures.path("embeddings/numpy.npz"))
    #expect(EmbeddingFormat.all.count { $0.ending == nil } == 1)
    #expect(Set(EmbeddingFormat.endings).count == EmbeddingFormat.all.count - 1)
    for ending in EmbeddingFormat.endings {
      #expect(
        try EmbeddingFormat(path: "e\(ending.uppercased())").ending.map { ".\($0)" } == ending)
      try write("e\(ending)")
      let again = try EmbeddingFile(path: output("e\(ending)"))
      #expect(again.rows == file.rows && again.description == file.description, "\(ending)")
      #expect((again.values .== file.values).all().integer() == 1, "\(ending)")
    }
    expectFailure(
      "folder", saying: "expected a .npy, .npz, .safetensors, .csv, .jsonl or .faiss file")
  }

  @Test func arraysThatAreNotOurs() throws {
    try write("e.npy")
    let good = try output.bytes("e.npy")
    func changed(_ old: String, _ new: String) throws {
      var bytes = good
      bytes.replaceSubrange(bytes.range(of: Data(old.utf8))!, with: Data(new.utf8))
      try output.write(bytes, to: "e.npy")
    }
    for length in [1, 9, 100, good.count - 1] {
      try output.write(good.prefix(length), to: "e.npy")
      expectFailure("e.npy", saying: "expected")
    }
    try output.write(Data(), to: "e.npy")
    expectFailure("e.npy", saying: "an empty file")
    try output.write(good + [0], to: "e.npy")
    expectFailure("e.npy", saying: "'<f4' numbers of shape [3, 2], found 25 bytes of them")
    try changed("False", "True ")
    expectFailure("e.npy", saying: "expected a header of an array, found")
    try changed("False, 'shape': (3, 2), } ", "True, 'shape': (3, 2), }  ")
    expectFailure("e.npy", saying: "a row-major array, found one in Fortran's order")
    try changed("(3, 2), }   ", "(9999, 2), }")
    expectFailure("e.npy", saying: "found 24 bytes")
    try changed("(3, 2), }", "(2, 3), }")
    expectFailure("e.npy", saying: "expected float32 of shape [3, 2], as it is described")
    try changed("<f4", "<i4")
    expectFailure("e.npy", saying: "expected an array of '<f4' or '<f2', [N, D], found '<i4'")
    try output.write(Data("%PDF-1.7 and more".utf8), to: "e.npy")
    expectFailure("e.npy", saying: "expected a NumPy file, found 17 bytes that begin otherwise")
    try output.write(good, to: "e.npy")
    _ = try EmbeddingFile(path: output("e.npy"))
  }

  @Test func arraysWithoutWhatBelongsToThem() throws {
    try write("e.npy")
    // Fewer rows in the list than in the array.
    var rows = String(decoding: try output.bytes("e.csv"), as: UTF8.self)
    rows = rows.split(separator: "\r\n").dropLast().joined(separator: "\r\n") + "\r\n"
    try output.write(Data(rows.utf8), to: "e.csv")
    expectFailure("e.npy", saying: "expected 3 rows, as it is described, found a list of 2")
    try output.write(Data("a,b\r\n1,2\r\n".utf8), to: "e.csv")
    expectFailure("e.npy", saying: "expected a first line row,path,label,frame,seconds")
    try FileManager.default.removeItem(atPath: output("e.csv"))
    expectFailure(
      "e.npy",
      saying: "expected embeddings written by jepa embed, found a file without \(output("e.csv"))")
    try FileManager.default.removeItem(atPath: output("e.json"))
    expectFailure("e.npy", saying: "found a file without \(output("e.json"))")
    expectFailure("none.npy", saying: "No such file")
    expectFailure(
      "folder", saying: "expected a .npy, .npz, .safetensors, .csv, .jsonl or .faiss file")
  }

  /// The bytes that `faiss.write_index` writes of the same numbers, but for two numbers that nobody reads.
  @Test func indicesOfFAISS() throws {
    try write("e.faiss")
    let good = try output.bytes("e.faiss")
    var expected = Data("IxF2".utf8) + [2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]
    expected += [0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 6, 0, 0, 0]
    expected += [0, 0, 0, 0]
    let file = try EmbeddingFile(path: output("e.faiss"))
    let numbers = file.values.array(of: Float.self)
    #expect(good == expected + numbers.withUnsafeBytes { Data($0) })
    let source = try EmbeddingFile(path: Fixtures.path("embeddings/numpy.npz"))
    #expect(file.rows == source.rows && numbers == source.values.array(of: Float.self))
    for bad in [good.dropLast(), good + [0], Data("IxFI".utf8) + good[4...], good[1...]] {
      try output.write(Data(bad), to: "e.faiss")
      expectFailure("e.faiss", saying: "a flat index of FAISS, whole, by product or distance")
    }
    // A count whose product is beyond all numbers.
    var huge = good
    huge.replaceSubrange(8..<16, with: [UInt8](repeating: 0x7F, count: 8))
    try output.write(huge, to: "e.faiss")
    expectFailure("e.faiss", saying: "a flat index of FAISS")
  }

  @Test func archivesThatAreNotOurs() throws {
    try write("e.npz")
    let good = try output.bytes("e.npz")
    for length in [1, 21, 22, 500, good.count - 1] {
      try output.write(good.prefix(length), to: "e.npz")
      expectFailure("e.npz", saying: "expected a whole .npz file that is not compressed")
    }
    let compressed = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("embeddings/compressed.npz")))
    try output.write(compressed, to: "e.npz")
    expectFailure("e.npz", saying: "expected a whole .npz file that is not compressed")
    // Any flipped bit is an error, or changes nothing that is read.
    let expected = try EmbeddingFile(path: Fixtures.path("embeddings/numpy.npz"))
    var refused = 0
    for position in stride(from: 0, to: good.count, by: 7) {
      var flipped = good
      flipped[position] ^= 0x10
      try output.write(flipped, to: "e.npz")
      do {
        let file = try EmbeddingFile(path: output("e.npz"))
        #expect(file.rows == expected.rows && file.description == expected.description)
        #expect((file.values .== expected.values).all().integer() == 1)
      } catch { refused += 1 }
    }
    #expect(refused > good.count / 7 / 2)
  }

  @Test func otherFormatsThatAreNotOurs() throws {
    try write("e.safetensors")
    try SafetensorsWriter.write(
      [("embeddings", Tensor.ones([2, 2]))], to: output("foreign.safetensors"))
    expectFailure("foreign.safetensors", saying: "found a file without version in its metadata")
    try write("e.csv")
    try FileManager.default.copyItem(atPath: output("e.json"), toPath: output("x.json"))
    try output.write(Data("a,b\n1,2\n".utf8), to: "x.csv")
    expectFailure("x.csv", saying: "expected a first line of 7 names")
    var lines = String(decoding: try output.bytes("e.csv"), as: UTF8.self)
    lines = lines.replacingOccurrences(of: "-0.5", with: "zero")
    try output.write(Data(lines.utf8), to: "x.csv")
    expectFailure("x.csv", saying: "expected row 2 with 2 numbers")
    try output.write(Data("{\"row\":0}\n".utf8), to: "x.jsonl")
    expectFailure("x.jsonl", saying: "expected row 0 with 2 numbers")
    try output.write(Data("{}".utf8), to: "x.json")
    #expect(throws: (any Error).self) { try EmbeddingFile(path: output("x.csv")) }
  }
}
