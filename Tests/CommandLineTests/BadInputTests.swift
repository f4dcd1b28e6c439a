import Foundation
import ImageJEPA
import TestSupport
import Testing
import Torch
import TrainingRuns

/// The rows of docs/ERRORS.md as a user meets them: one clear line, status 1, and nothing left behind.
@Suite struct BadInputTests {
  let pictures: ColouredShapes
  let run = TemporaryPath("run")

  init() throws { pictures = try ColouredShapes(6) }

  private func training(_ more: String..., on folder: String? = nil) -> [String] {
    ["train", "images", folder ?? pictures.path, "--output", run.path, "--steps", "3"]
      + JepaProcess.tiny + more
  }

  /// Checks that a command fails with one line, which says `message`.
  private func expectFailure(
    _ arguments: [String], saying message: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status == 1 && !result.wasKilled, sourceLocation: sourceLocation)
    #expect(result.errors == "jepa: error: \(message)\n", sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
  }

  private func folder(_ files: [String: Data]) throws -> TemporaryPath {
    let folder = TemporaryPath("folder")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    for (name, contents) in files {
      try contents.write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }
    return folder
  }

  @Test func uselessFolders() throws {
    let nowhere = run.path + "-nowhere"
    try expectFailure(training(on: nowhere), saying: "\(nowhere): no such folder")
    let empty = try folder([:])
    try expectFailure(
      training(on: empty.path),
      saying: "\(empty.path): the folder is empty, expected PNG or JPEG pictures")
    let text = try folder(["a.txt": Data("hello".utf8), "b.png": Data("hello".utf8)])
    try expectFailure(
      training(on: text.path),
      saying: "\(text.path): none of its 2 files is a PNG or JPEG picture: found 2 text")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test func onePictureTrains() throws {
    let one = try ColouredShapes(1)
    let result = try JepaProcess.run(training(on: one.path))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("views on 1 picture at 32 pixels"))
  }

  /// Bad pictures among good ones are named and left out; `--strict` makes them fatal.
  @Test func badPicturesAmongGoodOnes() throws {
    for name in [
      "truncated.png", "truncated.jpg", "bomb.png", "one-pixel.png", "thin.png", "png-named.jpg",
      "not-a-picture.png",
    ] {
      try FileManager.default.copyItem(
        atPath: Fixtures.path("images/\(name)"), toPath: "\(pictures.path)/discs/\(name)")
    }
    try Data().write(to: URL(fileURLWithPath: "\(pictures.path)/discs/zero.png"))
    let result = try JepaProcess.run(training("--steps", "8"))
    #expect(result.status == 0, "\(result.errors)")
    func says(_ name: String, _ message: String) -> Bool {
      result.errorLines.contains {
        $0.contains("\(pictures.path)/discs/\(name): ") && $0.contains(message)
      }
    }
    #expect(says("zero.png", "the file is empty"))
    #expect(says("not-a-picture.png", "expected PNG or JPEG, found"))
    #expect(
      says("bomb.png", "16000x10000 needs 160 megapixels in memory, over --max-megapixels 100"))
    #expect(says("truncated.png", "the picture is cut short"))
    #expect(says("truncated.jpg", "the picture is cut short"))
    for good in ["one-pixel.png", "thin.png", "png-named.jpg"] { #expect(!says(good, "")) }

    let strict = try JepaProcess.run([
      "embed", pictures.path, "--checkpoint", run.path, "--output", run.path + "/x.npy", "--strict",
    ])
    #expect(strict.status == 1)
    #expect(strict.errorLines.count == 1)
    #expect(!FileManager.default.fileExists(atPath: run.path + "/x.npy"))
  }

  @Test func settingsAreRefusedBeforeAnythingIsMade() throws {
    try expectFailure(
      training("--set", "optimizer.learning_rate=1"),
      saying: "--set: unknown key optimizer.learning_rate: did you mean optimizer.learningRate?")
    try expectFailure(
      training("--device", "cuda:99"),
      saying: "device cuda:99 is not available: \(Device.cuda(99).reasonItIsUnavailable ?? "")")
    try expectFailure(
      training("--device", "gpu"),
      saying: "unknown device 'gpu': expected cpu, cuda, cuda:INDEX or mps")
    try expectFailure(
      training("--set", "encoder.patchSize=4"),
      saying: "encoder.patchSize: a convolutional encoder's is 8, 16, 32 or 64 pixels, found 4")
    try expectFailure(
      training("--method", "ijepa", "--set", "method.blocks.minimumKept=10"),
      saying: "the mask does not fit its grid: expected target blocks of at least minimumKept = 10 "
        + "tokens, found blocks of 1x1 = 1 on a grid of 4x4; lower minimumKept or raise targetScale"
    )
    #expect(!FileManager.default.fileExists(atPath: run.path))
    #expect(try JepaProcess.run(training()).status == 0, "the corrected command is not in the way")
  }

  @Test func runsAreNotOverwrittenAndNotResumedDifferently() throws {
    #expect(try JepaProcess.run(training()).status == 0)
    let before = try lossCurve(ofRun: run.path)
    try expectFailure(
      training(),
      saying: "\(run.path) is not empty: resume the run in it with --resume, or name another "
        + "output folder")
    try expectFailure(
      training("--resume", "--set", "optimizer.weightDecay=0.5"),
      saying: "\(run.path) cannot be resumed with another configuration: "
        + "optimizer.weightDecay was 0.05, now 0.5")
    let missing = run.path + "-none"
    try expectFailure(
      ["train", "images", pictures.path, "--output", missing, "--resume"],
      saying: "\(missing) is neither a run nor a checkpoint: it has no config.yaml")
    #expect(try lossCurve(ofRun: run.path) == before)
  }

  @Test func damagedCheckpointsAreNamed() throws {
    #expect(try JepaProcess.run(training()).status == 0)
    let weights = try Checkpoint.open(at: run.path).file("model.safetensors")
    let whole = try Data(contentsOf: URL(fileURLWithPath: weights))
    let embed = [
      "embed", pictures.path, "--checkpoint", run.path, "--output", run.path + "/x.npy",
    ]
    let resume = ["train", "images", pictures.path, "--output", run.path, "--resume"]

    try whole.prefix(1000).write(to: URL(fileURLWithPath: weights))
    for command in [embed, resume] {
      try expectFailure(command, saying: "\(weights) has 1000 bytes, expected \(whole.count)")
    }
    var flipped = whole
    flipped[whole.count / 2] ^= 4
    try flipped.write(to: URL(fileURLWithPath: weights))
    for command in [embed, resume] {
      let result = try JepaProcess.run(command)
      #expect(result.status == 1)
      #expect(result.errors.hasPrefix("jepa: error: \(weights) is damaged: its CRC-32C is "))
      #expect(result.errorLines.count == 1)
    }
    try FileManager.default.removeItem(atPath: weights)
    try expectFailure(embed, saying: "\(weights) is missing")
  }

  /// Each of several options is named with what was found.
  @Test(arguments: [
    (["embed", "x", "--checkpoint", "x", "--output", "y.npy", "--batch", "0"], "--batch"),
    (["embed", "x", "--checkpoint", "x", "--output", "y.npy", "--every", "0"], "--every"),
    (["benchmark", "video", "--seeds", "0"], "--seeds"),
    (["evaluate", "x", "y", "--checkpoint", "z", "--k", "0"], "--k"),
    (["plan", "x", "--checkpoint", "z", "--starts", "0"], "--starts"),
  ])
  func numbersOutOfRangeAreNamed(arguments: [String], option: String) throws {
    let result = try JepaProcess.run(arguments)
    #expect(result.status != 0 && result.output.isEmpty)
    #expect(result.errors.contains("\(option): expected 1 or more, found 0"), "\(result.errors)")
  }

  /// Refused before anything is made or read.
  @Test func batchesLargerThanMemoryAreRefused() throws {
    let result = try JepaProcess.run(
      training("--set", "batchSize=65536", "--set", "imageSize=4096"))
    #expect(result.status == 1)
    #expect(
      result.errors.hasPrefix("jepa: error: batchSize: 65536 pictures of 4096 pixels in 4 batches"))
    #expect(result.errorLines.count == 1)
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  @Test func evaluationNeedsClasses() throws {
    #expect(try JepaProcess.run(training()).status == 0)
    let discs = pictures.path + "/discs"
    try expectFailure(
      ["evaluate", discs, discs, "--checkpoint", run.path],
      saying: "\(discs): expected every picture in a folder of its class, such as "
        + "\(discs)/cats/1.jpg; there is no such folder, found \(discs)/0.png")
    try expectFailure(
      ["evaluate", pictures.path, discs, "--checkpoint", run.path],
      saying: "\(discs): expected every picture in a folder of its class, such as "
        + "\(discs)/cats/1.jpg; there is no such folder, found \(discs)/0.png")
  }
}
