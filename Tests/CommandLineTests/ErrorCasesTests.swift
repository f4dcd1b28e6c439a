import Evaluation
import Files
import Foundation
import TestSupport
import Testing
import TextPlanner
import Torch
import TrainingRuns

@testable import Embeddings
@testable import Frames
@testable import ImageJEPA
@testable import Pictures
@testable import VideoJEPA

/// One example of each case of every error, and what must be in its text.
@Suite struct ErrorCasesTests {
  /// Every text is one line that holds what the error knows: the path or the option, and what was found.
  @Test func everyTextHoldsWhatTheErrorKnows() {
    for (error, words) in Self.examples.map({ ($0, Self.knowledge(of: $0)) }) + Self.reworded {
      let text = "\(error)"
      let name = Self.caseName(of: error)
      #expect(!text.isEmpty && !text.contains(where: \.isNewline), "\(name): \(text)")
      #expect(!text.contains("Optional(") && !text.contains("nil"), "\(name): \(text)")
      // What is wrong with a file is said after its name, and never by itself.
      if !(error is FileDamage) { #expect(text == error.localizedDescription) }
      for known in words { #expect(text.contains(known), "\(name) does not say \(known): \(text)") }
    }
  }

  /// No case that knows something is without an example, also not one that is added later.
  @Test func everyCaseHasAnExample() throws {
    let shown = Set((Self.examples + Self.reworded.map(\.error)).map(Self.caseName))
    let declared = try Self.declaredCases()
    #expect(declared.count > 100)
    #expect(declared.subtracting(shown) == [])
  }

  // MARK: What an error knows

  /// Such as `FileError.diskFull`; the type alone of a case without values, whose text has nothing to hold.
  private static func caseName(of error: any Error) -> String {
    Mirror(reflecting: error).children.first?.label.map { "\(type(of: error)).\($0)" }
      ?? "\(type(of: error))"
  }

  /// The values that have to be in the text, as they are written there.
  private static func knowledge(of error: any Error) -> [String] {
    guard let payload = Mirror(reflecting: error).children.first else { return [] }
    return texts(in: payload.value)
  }

  private static func texts(in value: Any) -> [String] {
    switch value {
    case let text as String: return [text]
    case let number as Int: return ["\(number)"]
    case let code as Int32: return [String(cString: strerror(code))]
    case let error as any Error: return ["\(error)"]
    default: return Mirror(reflecting: value).children.flatMap { texts(in: $0.value) }
    }
  }

  /// The cases of all enumerations of errors in the sources, such as `FileError.diskFull`.
  private static func declaredCases() throws -> Set<String> {
    let sources = MarkdownPage.repository.appending(path: "Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
    var cases: Set<String> = []
    for case let file as String in files where file.hasSuffix(".swift") {
      let text = try String(
        contentsOf: sources.appending(path: file), encoding: .utf8)
      var current: String?
      for line in text.split(separator: "\n") {
        if let begun = line.firstMatch(of: #/^public enum (\w+): Error\b/#) {
          current = String(begun.1)
        } else if line == "}" || line.contains("var description") {
          current = nil
        } else if let current, let found = line.firstMatch(of: #/^  (?:indirect )?case (\w+)\(/#) {
          cases.insert("\(current).\(found.1)")
        }
      }
    }
    return cases
  }

  // MARK: The examples

  private static let path = "/pictures/of a cat"

  private static let examples: [any Error] =
    runs + training + pictures + frames + models + embeddings + weights + texts

  /// Errors whose text says what they know in other words, and these words.
  private static let reworded: [(error: any Error, words: [String])] = [
    (
      ImageError.tooLarge(
        path: path, width: 12000, height: 9000, pixels: 108_000_000, pixelBudget: 100_000_000),
      [path, "12000x9000", "108 megapixels", "--max-megapixels 100"]
    ),
    (
      ModelError.tensors(
        path: path, layout: "I-JEPA", differences: TensorDifferences(missing: ["a.weight"])),
      [path, "I-JEPA", "a.weight"]
    ),
    (
      PlannerError.autoencoderFailed(exact: 0.5, needed: 0.99, steps: 200),
      ["50.00 %", "99.0 %", "200", "autoencoder.steps"]
    ),
    (FrameError.noPictures(path: path, files: 3, videos: 0), [path, "3 files"]),
    (FrameError.noPictures(path: path, files: 3, videos: 2), [path, "2 videos"]),
  ]

  private static let runs: [any Error] = [
    RunError.unknownKey(path: "optimiser", source: "config.yaml", nearest: "optimizer"),
    RunError.wrongType(path: "seed", expected: "a whole number", found: "-1"),
    RunError.invalidValue(path: "batchSize", reason: "2 to 65536, found 1"),
    RunError.invalidYAML(source: "config.yaml", line: 3, reason: "a tab"),
    RunError.invalidOverride(text: "seed"),
    RunError.configurationChanged(
      path: path, differences: [ConfigurationDifference(path: "seed", old: "1", new: "2")]),
    RunError.outputNotEmpty(path: path), RunError.outputOccupied(path: path),
    RunError.notARun(path: path, missing: "config.yaml"),
    RunError.notImported(path: "/models/cat"), RunError.noCheckpoint(path: path),
    RunError.inUse(path: path, process: 4711),
    RunError.damagedCheckpoint(
      file: path, damage: .checksum(expected: "0a", found: "0b"), intact: "/runs/a/step-2"),
    RunError.damagedMetrics(path: path, line: 7),
    FileError.invalidJSON(path: path, reason: "expected an object"),
    RunError.samplerChanged(
      what: "the number of pictures", expected: "8", found: "9", advice: "with --initial"),
    FileError.diskFull(path: path),
    FileError.failed(operation: "write", path: path, code: EACCES),
    FileError.notARegularFile(path: path),
    FileError.listNotUTF8(path: path, found: "UTF-16"),
    FileError.alreadyThere(path: path),
    FileError.foreignFile(path: path, option: "--output"),
    InputError.tooFewItems(purpose: "kNN", needed: 5, found: 2),
    InputError.invalidSetting(name: "--k", expected: "1 or more", found: "0"),
    FileDamage.missing, FileDamage.size(expected: 8, found: 5),
    FileDamage.checksum(expected: "0a", found: "0b"),
  ]

  private static let training: [any Error] = [
    TrainingError.collapsed(
      CollapseVerdict(
        figure: "RankMe", value: 1.2, limit: 1.5, step: 40, advice: "Raise batchSize."),
      lastGood: "/runs/a/step-20"),
    TrainingError.diverged(
      step: 12, what: "loss", value: "nan", files: ["a.png", "b.png"], advice: "Train in float32.",
      lastGood: "/runs/a/step-10"),
    TrainingError.notSaved(
      reason: "\(FileError.diskFull(path: path))", lastGood: "/runs/a/step-10"),
    TrainingError.notSaved(reason: "\(FileError.diskFull(path: path))", lastGood: nil),
    TrainingError.failed(
      reason: "out of memory", advice: "Take a smaller batch.", lastGood: "/runs/a/step-10"),
    TrainingError.failed(reason: "the device failed", advice: nil, lastGood: nil),
  ]

  private static let pictures: [any Error] = [
    ImageError.folderNotFound(path: path), ImageError.notAFolder(path: path),
    ImageError.unreadableFolder(path: path, reason: "Permission denied"),
    ImageError.noPictures(path: path, files: 7, found: "5 WebP, 2 text"),
    ImageError.repeatedFolder(path: path),
    ImageError.unreadableFile(path: path, reason: "Permission denied"),
    ImageError.emptyFile(path: path), ImageError.notAPicture(path: path, found: "WebP"),
    ImageError.truncated(path: path, reason: "premature end"),
    ImageError.corrupt(path: path, reason: "bad code"),
    ImageError.unsupported(path: path, reason: "12 bits"),
    ImageError.outOfMemory(path: path), ImageError.noRoomForBatch(byteCount: 9_000_000),
    ImageError.unwritableFile(path: path, reason: "Permission denied"),
    ImageError.fileTooLarge(path: path, bytes: 900, byteBudget: 800),
    ImageError.tooFewReadablePictures(attempts: 16, last: "a.png: the file is empty"),
    ImageError.impossibleMask(expected: "at least 4 tokens", found: "2"),
    ImageError.invalidSetting(name: "--workers", expected: "1 or more", found: "0"),
  ]

  private static let frames: [any Error] = [
    FrameError.notFound(path: path), FrameError.unreadable(path: path, reason: "Permission denied"),
    FrameError.noFrames(path: path, reason: "the input is empty"),
    FrameError.stillPicture(path: path), FrameError.notAFile(path: path),
    FrameError.noVideo(path: path, streams: ["audio"]),
    FrameError.notAVideo(path: path, reason: "Invalid data"),
    FrameError.sizeChanged(path: path, expected: "16x12", found: "20x12"),
    FrameError.toolMissing(tool: "ffprobe"),
    FrameError.toolTooOld(tool: "ffmpeg", reason: "Unrecognized option"),
    FrameError.toolFailed(tool: "ffmpeg", path: path, reason: "killed"),
    FrameError.unwritableVideo(path: path, reason: "No space left on device"),
    FrameError.rawSizeMissing,
    FrameError.invalidSetting(name: "--every", expected: "1 or more", found: "0"),
    ClipError.noClips(path: path, files: 3), ClipError.noWindows(frames: 8, longest: 6),
    ConsistencyError.tooFewFrames(path: path, needed: 8, found: 5),
    ConsistencyError.noRule(path: path),
    ConsistencyError.otherModel(path: path, what: "model", expected: "0a1b", found: "2c3d"),
    ConsistencyError.otherFrames(path: path, expected: 1, found: 3),
    ConsistencyError.clipFailed(path: path, reason: "out of memory"),
  ]

  private static let models: [any Error] = [
    ModelError.unknownType(path: path, found: "bert"),
    ModelError.missingField(path: path, field: "hidden_size", type: "vit"),
    ModelError.impossible(path: path, reason: "5 heads for a width of 192"),
    ModelError.contradiction(path: path, differences: ["layers: 12 and 11"]),
    ModelError.unknownLayout(path: path, expected: "vit", found: ["a.weight", "b.weight"]),
    ModelError.unknownHeads(path: path, width: 192),
    ModelError.notDownloaded(path: path, name: "facebook/ijepa_vith14_1k"),
    ModelError.noFolder(path: path),
    ModelError.fileForFolder(path: path, folder: "/pictures"),
    ModelError.unsupportedModel(path: path, expected: "vit", found: "clip"),
    ModelError.noWeights(folder: path, found: ["pytorch_model.bin"], advice: "convert it"),
  ]

  private static let embeddings: [any Error] = [
    AnomalyError.tooFewPictures(path: path, needed: 10, found: 3, advice: "name more"),
    AnomalyError.otherModel(path: path, expected: "0a1b", found: "2c3d"),
    AnomalyError.notACalibration(path: path, reason: "its metadata does not say so"),
    EmbeddingError.notAMatrix(shape: [2, 3, 4]),
    EmbeddingError.countMismatch(embeddings: 5, labels: 6, paths: 7),
    EmbeddingError.invalidLabel(row: 3, found: -1),
    EmbeddingError.nonFiniteEmbedding(row: 3, path: path),
    EmbeddingError.widthMismatch(expected: 128, found: 96),
    EmbeddingError.tooFewClasses(found: 1),
    EvaluationError.picturesWithoutClass(folder: path, count: 3, of: 9, example: "a.png"),
    EvaluationError.tooFewClassFolders(folder: path, found: ["cats"]),
    EvaluationError.unknownClass(name: "dogs", folder: path, known: ["cats"]),
    EvaluationError.notANumber(purpose: "energy", item: 4),
    EvaluationError.wrongShape(purpose: "energy", expected: [8], found: [8, 1]),
    EvaluationError.unsuitablePictures(
      corruption: "swap", needed: "an even side", shape: [3, 5, 5]),
    EmbeddingError.unknownFormat(path: path, found: "parquet"),
    EmbeddingError.outputNotEmpty(path: path),
    EmbeddingError.unfinishedExport(path: path, rows: 12),
    EmbeddingError.exportStopped(
      reason: "a.npy: could not write", advice: "make room", rows: 12),
    EmbeddingError.cannotResume(path: path, differences: ["pool was mean, now max"]),
    EmbeddingError.inputsChanged(path: path, expected: 9, found: 8),
    EmbeddingError.exportInUse(path: path),
    EmbeddingError.damagedExport(
      path: path, expectedBytes: 9, foundBytes: 8, folder: "/unfinished"),
    EvaluationError.damagedArchive(path: path, expected: "0a", found: "0b"),
    EmbeddingError.nothingEmbedded(failureCount: 4, first: "a.png: the file is empty"),
    EmbeddingError.foreignEmbeddings(path: path, missing: "a.json"),
    EmbeddingError.unknownQuery(query: "dog.png", path: path),
    EmbeddingError.missingModel(path: path, checkpoint: "/runs/a"),
    EmbeddingError.otherModel(path: path, expected: "0a1b", model: "/runs/a", found: "2c3d"),
    EmbeddingError.malformedEmbeddings(path: path, expected: "a header", found: "3 bytes"),
    EmbeddingError.sharedStem(path: path, other: "a.csv"),
    EmbeddingError.tooManyPairs(threshold: 0.9, found: 17_000_000, limit: 16_777_216),
    EmbeddingError.noRowsInFolder(path: path, folder: "/inbox"),
  ]

  private static let weights: [any Error] = [
    SafetensorsError.system(path: path, operation: "write", errorNumber: EACCES),
    SafetensorsError.notARegularFile(path: path),
    SafetensorsError.truncated(path: path, expectedBytes: 90, foundBytes: 80),
    SafetensorsError.notFetched(path: path),
    SafetensorsError.notFinite(path: path, tensor: "a.weight", count: 2, of: 64),
    SafetensorsError.headerTooLarge(path: path, limit: 100, found: 200),
    SafetensorsError.malformedHeader(
      path: path, tensor: "a.weight", offset: 12, expected: "a colon", found: "a comma"),
    SafetensorsError.duplicateKey(path: path, key: "a.weight"),
    SafetensorsError.unsupportedDType(path: path, tensor: "a.weight", found: "F4"),
    SafetensorsError.shapeOverflow(path: path, tensor: "a.weight", shape: [9, 8]),
    SafetensorsError.wrongByteCount(path: path, tensor: "a.weight", expected: 90, found: 80),
    SafetensorsError.misplacedBytes(
      path: path, tensor: "a.weight", expectedOffset: 90, foundOffset: 80),
    SafetensorsError.unusedBytes(path: path, expectedBytes: 90, foundBytes: 95),
    SafetensorsError.missingTensor(path: path, tensor: "a.weight"),
    SafetensorsError.malformedIndex(path: path, reason: "names no file"),
    SafetensorsError.unusableName(path: path, tensor: "__metadata__"),
    TorchError.unknownDevice("gpu"), TorchError.deviceUnavailable("cuda", reason: "no driver"),
    TorchError.libtorch("out of memory"),
    ComputationError.outOfMemory(operation: "matmul", device: "cpu", wanted: "2.0 GiB"),
    ComputationError.outOfMemory(operation: "matmul", device: "cuda", wanted: nil),
    ComputationError.deviceFailed(
      operation: "matmul", reason: "CUDA error: an illegal memory access was encountered"),
    ComputationError.peersFailed(reason: "has ended"),
    ProcessGroupError.missingVariable(name: "RANK", beside: "WORLD_SIZE", advice: "set both"),
    ProcessGroupError.invalidVariable(name: "RANK", expected: "0 to 1", found: "2"),
    ProcessGroupError.portInUse(port: 29500),
    ProcessGroupError.unreachable(address: "node01", port: 29500, seconds: 300),
    ProcessGroupError.incomplete(rank: 1, worldSize: 2, seconds: 300),
    ProcessGroupError.different(what: "data", values: ["a", "b"]),
    ProcessGroupError.unsupportedDevice("cuda:0"),
    ProcessGroupError.endedBadly(rank: 1, reason: .hung(seconds: 300)),
    TorchError.stateMismatch(
      path: path, missing: ["a"], unexpected: ["b"], misshapen: ["c (expected [2], found [3])"]),
  ]

  private static let texts: [any Error] = [
    MemoryError.notFound(path: path), MemoryError.notAMemory(path: path, found: "a picture"),
    MemoryError.newerFormat(path: path, expected: 1, found: 2),
    MemoryError.anotherModel(path: path, expected: "0a1b", found: "2c3d"),
    MemoryError.trainedWithout(checkpoint: path), MemoryError.locked(path: path, seconds: 5),
    MemoryError.full(path: path), MemoryError.damaged(path: path, reason: "a torn page"),
    MemoryError.unusable(path: path, operation: "open", reason: "Permission denied"),
    PlannerError.promptTooLong(prompt: "1+1", length: 40, limit: 32),
    PlannerError.answerTooLong(answer: "22", length: 40, limit: 32),
    PlannerError.holdsNUL(text: "1+1"), PlannerError.notUTF8,
    PlannerError.line(3, .notUTF8), PlannerError.notAPlanner(path: path, found: "vit"),
    PlannerError.tooFewExamples(path: path, found: 1),
    PlannerError.trainedOn(path: path, count: 3, total: 20, first: "1+1"),
    TextDataError.empty(path: path),
    TextDataError.nothingFits(path: path, lines: 4, first: "line 1 is too long"),
    TextDataError.notJSON(path: path, line: 3),
    TextDataError.field(path: path, line: 3, name: "answer", expected: "a text", found: "5"),
    TextDataError.notUTF8(path: path, line: 3, byte: 9),
    TextDataError.holdsNUL(path: path, line: 3),
    TaskError.invalidSetting(name: "--train", expected: "1 or more", found: "0"),
    TaskError.outputNotEmpty(path: path),
    TaskError.tooFew(split: "test", difficulty: 3, wanted: 50, found: 20, draws: 9000),
    TaskError.tooFewRelatives(split: "train", wanted: 50, found: 20, of: 3),
    BaselineError.notABaseline(path: path, expected: "baseline", found: "planner"),
    BaselineError.otherLimits(
      planner: TextLimits(promptLength: 32, answerLength: 16),
      baseline: TextLimits(promptLength: 24, answerLength: 12)),
  ]
}
