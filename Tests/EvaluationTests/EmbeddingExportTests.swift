import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files
@testable import Frames
@testable import Pictures

/// `EmbeddingExport`, from pictures to files and back.
@Suite struct EmbeddingExportTests {
  let pictures: ColouredShapes
  let model: TinyModel
  let output: OutputFolder

  init() throws {
    pictures = try ColouredShapes(10, size: 20)
    model = try TinyModel()
    output = try OutputFolder()
  }

  private func export(
    _ name: String, of inputs: PictureInputs? = nil, batchSize: Int = 4, workers: Int = 2,
    isStrict: Bool = false, isResuming: Bool = false, isForced: Bool = false,
    _ change: (inout EmbeddingSettings) -> Void = { _ in }
  ) throws -> EmbeddingExport.Report {
    try EmbeddingExport(
      embedder: try model.embedder(change), batchSize: batchSize, workers: workers,
      isStrict: isStrict
    ).run(
      try inputs ?? PictureInputs([pictures.path]), to: output(name), isResuming: isResuming,
      isForced: isForced)
  }

  /// A list of paths, one a line.
  private func list(_ paths: [String], name: String = "list.txt") throws -> PictureInputs {
    try output.write(Data(paths.map { $0 + "\n" }.joined().utf8), to: name)
    return try PictureInputs([], lists: [output(name)])
  }

  private var paths: [String] {
    get throws {
      let folder = try ImageFolder(pictures.path)
      return (0..<folder.count).map(folder.path(of:))
    }
  }

  // MARK: Formats

  @Test(arguments: ["e.npy", "e.npz", "e.safetensors", "e.csv", "e.jsonl", "e.faiss"])
  func everyFormatReadsBackAsItWas(name: String) throws {
    // Names that want quoting.
    let odd = "\(pictures.path)/a, \"b\"\n ü"
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: try paths[0], toPath: "\(odd)/猫.png")
    let report = try export(name)
    #expect(report.shape == [11, 12] && report.failureCount == 0)
    let file = try EmbeddingFile(path: output(name))
    let folder = try ImageFolder(pictures.path)
    #expect(file.rows.map(\.path) == (0..<11).map(folder.path(of:)))
    #expect(file.rows.map(\.label) == (0..<11).map(folder.label(of:)))
    #expect(file.rows.allSatisfy { $0.frame == nil && $0.seconds == nil })
    let expected = try (0..<11).map { try model.model.embedding(of: folder.path(of: $0)) }
    let found = file.values.array(of: Float.self)
    #expect(zip(found, expected.flatMap { $0 }).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(file.description.modelSHA256.count == 64 && file.description.shape == [11, 12])
    #expect(file.description.pooling == .mean && file.description.layer == -1)
    #expect(file.description.imageSize == 16 && file.description.version == "0.1.0")
    // Nothing else is left.
    #expect(try output.names.allSatisfy { $0.hasPrefix("e.") && !$0.hasSuffix("unfinished") })
  }

  @Test(arguments: ["e.npy", "e.npz", "e.safetensors", "e.csv", "e.jsonl"])
  func halfPrecisionReadsBack(name: String) throws {
    _ = try export(name) { $0.dtype = .float16 }
    let file = try EmbeddingFile(path: output(name))
    #expect(file.values.dtype == .float16)
    _ = try export("whole.npy")
    let whole = try EmbeddingFile(path: output("whole.npy")).values
    #expect((file.values .== whole.to(.float16)).all().integer() == 1)
  }

  @Test(arguments: ["t.npy", "t.npz", "t.safetensors"])
  func withoutPoolingEveryTokenIsKept(name: String) throws {
    let report = try export(name) { $0.pooling = .none }
    #expect(report.shape == [10, 16, 12])
    let tokens = try EmbeddingFile(path: output(name)).values
    _ = try export("mean.npy")
    let means = try EmbeddingFile(path: output("mean.npy")).values
    #expect((tokens.mean(1) - means).abs().max().item() < 1e-6)
    #expect(throws: EmbeddingError.self) { try EmbeddingFile(path: output(name)).matrix() }
  }

  /// -1 is the encoder's output; the others are what the blocks leave, before the last norm.
  @Test func layersAreTheEncodersOwn() throws {
    let pictures = Tensor.normal([2, 3, 16, 16], using: RandomGenerator(seed: 5))
    func tokens(_ layer: Int) throws -> Tensor {
      try model.embedder {
        $0.layer = layer
        $0.pooling = .none
      }(pictures)
    }
    func equal(_ left: Tensor, _ right: Tensor) -> Bool { (left - right).abs().max().item() < 1e-5 }
    let last = try tokens(2)
    #expect(try equal(tokens(-1), last.layerNormalized(epsilon: 1e-6)))
    #expect(try equal(tokens(-2), tokens(1)) && !equal(last, tokens(1)))
    for layer in [0, -3, 3] {
      #expect(
        throws: InputError.invalidSetting(
          name: "layer", expected: "-2 to -1 or 1 to 2", found: "\(layer)")
      ) { try tokens(layer) }
    }
    #expect(try export("l.npy") { $0.layer = 1 }.shape == [10, 12])
    #expect(try EmbeddingFile(path: output("l.npy")).description.layer == 1)
  }

  @Test func bfloat16IsNear() throws {
    _ = try export("exact.npy")
    _ = try export("fast.npy") { $0.arithmetic = .bfloat16 }
    let exact = try EmbeddingFile(path: output("exact.npy")).values
    let fast = try EmbeddingFile(path: output("fast.npy"))
    #expect(fast.values.dtype == .float32 && fast.description.arithmetic == .bfloat16)
    let error = (fast.values - exact).abs().max().item() / exact.abs().max().item()
    #expect(error < 0.03 && error > 0)
  }

  @Test func normalizedEmbeddingsHaveLengthOne() throws {
    _ = try export("n.npy") { $0.isNormalized = true }
    let lengths = try EmbeddingFile(path: output("n.npy")).values.norm(1)
    #expect((lengths - 1).abs().max().item() < 1e-6)
  }

  @Test func theProjectorFolderIsWhatTensorBoardReads() throws {
    _ = try export("projector")
    let names = try FileManager.default.contentsOfDirectory(atPath: output("projector")).sorted()
    #expect(
      names == [
        "embeddings.json", "metadata.tsv", "projector_config.pbtxt", "sprite.png", "vectors.tsv",
      ])
    func lines(_ name: String) throws -> [Substring] {
      String(decoding: try output.bytes("projector/\(name)"), as: UTF8.self).split(separator: "\n")
    }
    let vectors = try lines("vectors.tsv")
    #expect(vectors.count == 10 && vectors[0].split(separator: "\t").count == 12)
    #expect(try lines("metadata.tsv").count == 11)
    let sprite = try ImageDecoder().decode(contentsOf: output("projector/sprite.png"))
    #expect(sprite.width == 4 * 64 && sprite.height == 4 * 64)
    // Ten tiles of sixteen are pictures; what is left is white.
    #expect(sprite.pixels.suffix(6 * 3).allSatisfy { $0 == 255 })
    // One of our own is made anew, another folder is not touched.
    #expect(try export("projector").shape == [10, 12])
    let path = output("mine")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try output.write(Data("mine".utf8), to: "mine/notes.txt")
    #expect(throws: EmbeddingError.outputNotEmpty(path: path)) { try export("mine") }
  }

  /// The bytes of `numpy.savez`, frozen by scripts/fixtures/embeddings.py.
  @Test(arguments: ["numpy.npz", "frames.npz"])
  func archivesAreTheBytesThatNumpyWrites(name: String) throws {
    let fixture = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("embeddings/\(name)")))
    let file = try EmbeddingFile(path: Fixtures.path("embeddings/\(name)"))
    try write(file, as: name)
    #expect(try output.bytes(name) == fixture)
  }

  /// Writes what a file holds with another format's writer.
  private func write(_ file: EmbeddingFile, as name: String) throws {
    let paths = EmbeddingPaths(output: output(name))
    let export = try UnfinishedExport(paths.unfinished, settings: [:], isResuming: false)
    let writer = try EmbeddingFormat(path: name)
      .makeWriter(export, paths: paths, description: file.description)
    try writer.append(file.values, rows: file.rows, first: 0) { file.values }
    try export.publish(try writer.finish(file.description))
  }

  @Test(arguments: ["f.npy", "f.npz", "f.safetensors", "f.csv", "f.jsonl"])
  func framesKeepTheirPlacesAndTimes(name: String) throws {
    let file = try EmbeddingFile(path: Fixtures.path("embeddings/frames.npz"))
    #expect(file.rows.map(\.frame) == [0, 7] && file.rows.map(\.seconds) == [0, 0.28])
    try write(file, as: name)
    let again = try EmbeddingFile(path: output(name))
    #expect(again.rows == file.rows && again.rows[1].name == "clip.mp4#7")
    #expect((again.values .== file.values).all().integer() == 1)
  }

  @Test func arraysAreTheBytesThatNumpyWrites() throws {
    let fixture = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.path("embeddings/tokens.npy")))
    let header = NPYHeader(type: "<f4", shape: [2, 3, 2])
    let numbers = (0..<12).map(Float.init).withUnsafeBytes { Data($0) }
    #expect(Data(header.bytes) + numbers == fixture)
    for tail in [[1], [128], [196, 1280]] {
      let lengths = Set(
        [0, 1, 99_999, Int.max].map { NPYHeader(type: "<f4", shape: [$0] + tail).bytes.count })
      #expect(lengths.count == 1 && lengths.first! % 64 == 0)
    }
  }

  @Test func frameFoldersAreOneRowAFrame() throws {
    // In the order of their numbers, not of their letters.
    for number in [1, 2, 10, 11] {
      try FileManager.default.copyItem(
        atPath: try paths[number % 4], toPath: output("clip-\(number).png"))
    }
    let folder = output("")
    let options = FrameOptions(every: 2, shortSide: 16, assumedFramesPerSecond: 10)
    let inputs = try PictureInputs([folder], foldersAreFrames: true, frameOptions: options)
    #expect(inputs.count == nil)
    let elsewhere = try OutputFolder()
    let report = try EmbeddingExport(embedder: try model.embedder())
      .run(inputs, to: elsewhere("f.npz"))
    #expect(report.shape == [2, 12])
    let file = try EmbeddingFile(path: elsewhere("f.npz"))
    #expect(file.rows.map(\.frame) == [0, 2] && file.rows.map(\.seconds) == [0, 0.2])
    #expect(file.rows.allSatisfy { $0.path == String(folder.dropLast()) })
    // The pictures are found again.
    var pictures = RowPictures(shortSide: 20)
    let tenth = try ImageDecoder().decode(contentsOf: output("clip-10.png"))
    #expect(try pictures.picture(of: file.rows[1]) == tenth)
    #expect(throws: ImageError.self) {
      try pictures.picture(of: EmbeddingRow(path: folder, frame: 99))
    }
  }

  @Test func whatIsNoVideoIsSkippedAndNamed() throws {
    try output.write(Data("no video".utf8), to: "notes.txt")
    let inputs = try PictureInputs([try paths[0], output("notes.txt")])
    let report = try export("e.npy", of: inputs)
    #expect(report.shape[0] == 1 && report.failureCount == 1)
    #expect(
      report.failures == [output("notes.txt") + ": expected PNG or JPEG, found a text"])
  }

  // MARK: Determinism

  @Test func workersChangeNothing() throws {
    _ = try export("one.npy", workers: 1)
    _ = try export("three.npy", workers: 3)
    #expect(try output.bytes("one.npy") == output.bytes("three.npy"))
    #expect(try output.bytes("one.csv") == output.bytes("three.csv"))
  }

  /// Another batch size sums in another order: the last bits of a number may differ, no more.
  @Test(arguments: [1, 3, 64])
  func theBatchSizeChangesTheLastBitsAtMost(batchSize: Int) throws {
    _ = try export("four.npy")
    _ = try export("other.npy", batchSize: batchSize)
    let four = try EmbeddingFile(path: output("four.npy")).values
    let other = try EmbeddingFile(path: output("other.npy")).values
    #expect((four - other).abs().max().item() <= 2e-6 * four.abs().max().item())
    #expect(try output.bytes("four.csv") == output.bytes("other.csv"))
  }

  // MARK: Interruptions

  @Test(arguments: ["e.npy", "e.npz", "e.safetensors", "e.csv", "e.jsonl", "e.faiss", "e"])
  func whatWasInterruptedGoesOnToTheSameBytes(name: String) throws {
    let all = try paths
    let broken = output("broken.png")
    let inputs = all[..<6] + [broken] + all[6...]
    // The seventh picture is not there yet, which stops a strict export after the first batch.
    let listed = try list(Array(inputs))
    let unreadable = #expect(throws: ImageError.self) {
      try export(name, of: listed, isStrict: true)
    }
    #expect(unreadable?.path == broken)
    #expect(!FileManager.default.fileExists(atPath: output(name)))
    let folder = output(name) + ".unfinished"
    #expect(throws: EmbeddingError.unfinishedExport(path: folder, rows: 4)) {
      try export(name, of: try list(Array(inputs)))
    }
    try FileManager.default.copyItem(atPath: all[0], toPath: broken)
    // Bytes after those that the state counts are those of a process that was killed while writing.
    for part in try FileManager.default.contentsOfDirectory(atPath: folder)
    where !["state.json", "lock"].contains(part) {
      let handle = try #require(FileHandle(forWritingAtPath: "\(folder)/\(part)"))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("left over".utf8))
    }
    let report = try export(
      name, of: try list(Array(inputs)), isStrict: true, isResuming: true)
    #expect(report.continuedRows == 4 && report.shape == [11, 12])

    let whole = "whole" + name.dropFirst()
    _ = try export(whole, of: try list(Array(inputs)))
    #expect(!FileManager.default.fileExists(atPath: folder))
    let names = try output.names.filter { $0.hasPrefix("whole") }
    #expect(!names.isEmpty)
    for other in names {
      let mine = "e" + other.dropFirst(5)
      if name == "e" {
        for part in try FileManager.default.contentsOfDirectory(atPath: output(other)) {
          #expect(try output.bytes("e/\(part)") == output.bytes("\(other)/\(part)"), "\(part)")
        }
      } else {
        #expect(try output.bytes(mine) == output.bytes(other), "\(mine)")
      }
    }
  }

  @Test func skippedPicturesAreCountedOnceOverAllProcesses() throws {
    let all = try paths
    let (bad, missing) = (output("bad.png"), output("missing.png"))
    try output.write(Data("no picture".utf8), to: "bad.png")
    let listed = try list([all[0], bad, all[1], all[2], missing, all[3]])
    let report = try export("e.npy", of: listed, batchSize: 2)
    #expect(report.shape[0] == 4 && report.failureCount == 2)
    #expect(report.failures.count == 2 && report.description.contains("4 embeddings"))
    #expect(report.description.contains("2 skipped"))
    #expect(report.description.contains("skipped: \(bad): expected PNG or JPEG"))
    #expect(report.description.contains("skipped: \(missing): cannot read"))
    let file = try EmbeddingFile(path: output("e.npy"))
    #expect(file.rows.map(\.path) == [all[0], all[1], all[2], all[3]])

    // Interrupted after the bad picture, and continued.
    let later = output("later.png")
    let inputs = [all[0], bad, all[1], all[2], later]
    let stopped = UnfinishedRun(output: output("r.npy"))
    try stopped.interrupt(
      try list(inputs), after: 2, embedder: try model.embedder(), batchSize: 2)
    try FileManager.default.copyItem(atPath: all[5], toPath: later)
    let rest = try export("r.npy", of: try list(inputs), batchSize: 2, isResuming: true)
    #expect(rest.continuedRows == 3 && rest.shape[0] == 4 && rest.failureCount == 1)
  }

  @Test func filesOfFoldersThatAreNoPicturesAreNamed() throws {
    try Data().write(to: URL(fileURLWithPath: pictures.path + "/discs/empty.png"))
    let report = try export("e.npy")
    #expect(report.shape[0] == 10 && report.failureCount == 1)
    #expect(report.failures == ["\(pictures.path)/discs/empty.png: the file is empty"])
  }

  @Test func anExportIsContinuedOnlyAsItWasBegun() throws {
    let inputs = try paths
    let folder = output("e.npy.unfinished")
    let run = UnfinishedRun(output: output("e.npy"))
    try run.interrupt(
      try list(inputs), after: 2, embedder: try model.embedder(), batchSize: 4)
    #expect(
      throws: EmbeddingError.cannotResume(
        path: folder, differences: ["batch was 4, now 5", "pooling was mean, now max"])
    ) {
      try export("e.npy", of: try list(inputs), batchSize: 5, isResuming: true) {
        $0.pooling = .max
      }
    }
    var other = inputs
    other.swapAt(0, 1)
    #expect(
      throws: EmbeddingError.inputsChanged(path: folder, expected: 8, found: 8)
    ) { try export("e.npy", of: try list(other), isResuming: true) }
    #expect(
      throws: EmbeddingError.inputsChanged(path: folder, expected: 8, found: 3)
    ) { try export("e.npy", of: try list(Array(inputs.prefix(3))), isResuming: true) }
    do {
      let held = try UnfinishedExport(
        folder, settings: try self.settings(), isResuming: true)
      #expect(throws: EmbeddingError.exportInUse(path: folder)) {
        try export("e.npy", of: try list(inputs), isResuming: true)
      }
      #expect(held.state.rowCount == 8)
    }
    // The numbers of the rows that are done are cut short.
    let numbers = "\(folder)/numbers"
    truncate(numbers, 200)
    #expect(
      throws: EmbeddingError.damagedExport(
        path: numbers, expectedBytes: 128 + 8 * 48, foundBytes: 200, folder: folder)
    ) { try export("e.npy", of: try list(inputs), isResuming: true) }
  }

  private func settings() throws -> [String: String] {
    try model.embedder().description().fields.merging(["batch": "4"]) { $1 }
  }

  @Test func anExportThatStoppedBetweenItsNamesIsCompleted() throws {
    _ = try export("whole.npy")
    // Everything is written, and one of three files has its name.
    let paths = EmbeddingPaths(output: output("e.npy"))
    do {
      let export = try UnfinishedExport(
        paths.unfinished, settings: try settings(), isResuming: false)
      let file = try EmbeddingFile(path: output("whole.npy"))
      let writer = try EmbeddingFormat.npy.makeWriter(
        export, paths: paths, description: file.description)
      try writer.append(file.values, rows: file.rows, first: 0) { file.values }
      let publications = try writer.finish(file.description)
      try export.save {
        $0.rowCount = 10
        $0.publications = publications
      }
      #expect(rename("\(paths.unfinished)/rows.csv", paths.rows) == 0)
    }
    let report = try export("e.npy", isResuming: true)
    #expect(report.shape == [10, 12] && report.continuedRows == 10)
    for ending in ["npy", "csv", "json"] {
      #expect(try output.bytes("e.\(ending)") == output.bytes("whole.\(ending)"))
    }
    #expect(!FileManager.default.fileExists(atPath: paths.unfinished))
  }

  /// A disk that is full in the middle of a batch: what was whole before it is what is gone on from.
  @Test func aBatchThatWasWrittenByHalvesIsWrittenAgain() throws {
    let inputs = try paths
    let run = UnfinishedRun(output: output("e.npy"))
    try run.interrupt(
      try list(inputs), after: 1, embedder: try model.embedder(), batchSize: 4, writingHalf: true)
    let rest = try export("e.npy", of: try list(inputs), isResuming: true)
    #expect(rest.continuedRows == 4 && rest.shape == [10, 12])
    _ = try export("whole.npy", of: try list(inputs))
    #expect(try output.bytes("e.npy") == output.bytes("whole.npy"))
    #expect(try output.bytes("e.csv") == output.bytes("whole.csv"))
  }

  @Test func whatStoodThereStaysUntilTheEnd() throws {
    try output.write(Data("old".utf8), to: "e.npy")
    let run = UnfinishedRun(output: output("e.npy"))
    try run.interrupt(
      try list(try paths), after: 1, embedder: try model.embedder(), batchSize: 4)
    #expect(try output.bytes("e.npy") == Data("old".utf8))
    // It is none of ours, so that it is not replaced without being told to.
    #expect(throws: FileError.foreignFile(path: output("e.npy"), option: "--output")) {
      try export("e.npy", of: list(paths), isResuming: true)
    }
    let rest = try export("e.npy", of: list(paths), isResuming: true, isForced: true)
    #expect(rest.shape == [10, 12])
    #expect(try EmbeddingFile(path: output("e.npy")).rows.count == 10)
  }

  // MARK: What is refused

  @Test func impossibleExportsAreRefusedBeforeAnythingIsMade() throws {
    #expect(throws: EmbeddingError.unknownFormat(path: output("e.txt"), found: "txt")) {
      try export("e.txt")
    }
    for name in ["e.csv", "e"] {
      #expect(throws: InputError.self) { try export(name) { $0.pooling = .none } }
    }
    let nowhere = output("no/e.npy")
    #expect(
      throws: InputError.invalidSetting(
        name: "--output", expected: "a file in a folder that is there", found: nowhere)
    ) { try export("no/e.npy") }
    try FileManager.default.createDirectory(
      atPath: output("folder.npy"), withIntermediateDirectories: true)
    #expect(
      throws: InputError.invalidSetting(
        name: "--output", expected: "a file", found: "the folder \(output("folder.npy"))")
    ) { try export("folder.npy") }
    let nothing = try list([])
    #expect(throws: EmbeddingError.nothingEmbedded(failureCount: 0, first: nil)) {
      try export("e.npy", of: nothing)
    }
    #expect(throws: EmbeddingError.self) { try export("e.npy", of: list(["/nowhere.png"])) }
    #expect(throws: ImageError.self) { try PictureInputs(["/nowhere.png"]) }
    #expect(throws: FileError.self) { try PictureInputs([], lists: ["/nowhere.txt"]) }
    #expect(try output.names == ["folder.npy", "list.txt"])
  }

  @Test func numbersThatAreNoneAreNotWritten() throws {
    withoutGradient { model.model.encoder.parameters[0].tensor.assign(.nan) }
    let first = try paths[0]
    #expect(throws: EmbeddingError.nonFiniteEmbedding(row: 0, path: first)) {
      try export("e.npy")
    }
    #expect(try output.names.isEmpty)
  }
}
