import Foundation
import TestSupport
import Testing
import TrainingRuns

@testable import Embeddings
@testable import Evaluation
@testable import Files
@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct MadeUpClipTests {
  private let options = SyntheticClip.Options(
    width: 24, height: 16, frameCount: 72, noise: 0...0)

  @Test func theFolderIsTheClip() throws {
    let folder = TemporaryPath("clip")
    let maker = MadeUpClipFolder(options: options, seed: 4, faults: [.drop2])
    try maker.write(to: folder.path)
    let clip = try maker.makeClip()
    let frames = try FrameInput.open(folder.path, options: FrameOptions(shortSide: nil))
      .remainingFrames()
    #expect(frames.map(\.image) == clip.images)
    let labels = try JSONFile.read(
      MadeUpClipFolder.Labels.self, from: "\(folder.path)/labels.json")
    #expect(labels.faults == clip.labels)
    #expect(labels.faults.map(\.kind) == [.drop2])
    #expect(labels.frameCount == 70)
    #expect(throws: FileError.alreadyThere(path: folder.path)) {
      try maker.write(to: folder.path)
    }
  }

  @Test func cleanClipsAndSemanticFaults() throws {
    #expect(try MadeUpClipFolder(options: options, seed: 4).makeClip().labels.isEmpty)
    let occlusion = try MadeUpClipFolder(options: options, seed: 4, faults: [.occlusion])
      .makeClip()
    #expect(occlusion.labels.map(\.kind) == [.occlusion])
    for faults in [[.morph, .swap], [.morph, .turn]] as [[FaultKind]] {
      #expect(throws: InputError.self) {
        try MadeUpClipFolder(options: options, seed: 4, faults: faults).makeClip()
      }
    }
  }

  /// `data/demo/clips` is what the commands in data/README.md make.
  @Test func theDemoClipsAreThoseOfTheirCommands() throws {
    let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../data/demo").standardized.path
    try BundledPictures.unpack(to: "\(data)/images")
    let pictures = try CutOut.all(inFolder: "\(data)/images/test", atMost: 400)
    for (name, seed, count) in [("clean", 3, 96), ("faulty", 8, 192)] as [(String, UInt64, Int)] {
      let scene = SyntheticClip(
        seed: seed,
        options: SyntheticClip.Options(width: 96, height: 72, frameCount: count, noise: 0...0),
        pictures: pictures)
      let folder = "\(data)/clips/\(name)"
      for frame in [0, 30] {
        let path = "\(folder)/\(String(format: "frame-%04d.png", frame))"
        #expect(try ImageDecoder().decode(contentsOf: path) == scene.image(at: frame))
      }
      let labels = try JSONFile.read(
        MadeUpClipFolder.Labels.self, from: "\(folder)/labels.json")
      #expect(try FrameFolder(folder).names.count == labels.frameCount)
      #expect(
        labels.faults.map(\.kind) == (name == "clean" ? [] : [.swap, .duplicate, .block, .drop4]))
    }
  }

  @Test func nothingIsLeftWhereItCannotBeWritten() throws {
    let folder = TemporaryPath("clip")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: "\(folder.path)/file"))
    let maker = MadeUpClipFolder(options: options, seed: 4)
    #expect(throws: (any Error).self) { try maker.write(to: "\(folder.path)/file/clip") }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
  }

  @Test func examplesHaveAllHypothesesAndTheSeedFixesThem() throws {
    let examples = TransitionExamples(clips: 3, perClip: 50, seed: 3)
    #expect(examples.inputs.count == 150)
    #expect(Set(examples.labels) == Set(TransitionHypothesis.allCases))
    #expect(examples.inputs.allSatisfy { $0.count == 30 && $0.allSatisfy(\.isFinite) })
    let again = TransitionExamples(clips: 3, perClip: 50, seed: 3)
    #expect(again.inputs == examples.inputs)
  }

  @Test func examplesOfTokensAreThoseOfTheSameTransitions() throws {
    let pixels = TransitionExamples(clips: 2, perClip: 20, seed: 3)
    let tokens = TransitionExamples(
      clips: 2, perClip: 20, seed: 3, model: try VideoBenchmarkTests.model())
    #expect(tokens.labels == pixels.labels && tokens.inputs != pixels.inputs)
    #expect(tokens.inputs.allSatisfy { $0.count == 30 && $0.allSatisfy(\.isFinite) })
    #expect(tokens.floor == 0.03 && pixels.floor == 0.1)
  }

  @Test func fittingLearnsAndTheSeedFixesIt() throws {
    let examples = TransitionExamples(clips: 5, perClip: 60, seed: 5)
    var fitting = HypothesisFitting()
    (fitting.steps, fitting.batchSize, fitting.hiddenWidths) = (150, 128, [16])
    var losses: [Double] = []
    let fitted = try fitting.fit(examples) { losses.append($1) }
    #expect(losses.last! < 0.8 * losses.first!)
    #expect(try fitting.fit(examples) == fitted)
    #expect(throws: InputError.self) {
      try fitting.fit(TransitionExamples(clips: 1, perClip: 4, seed: 5))
    }
  }
}

/// The network that is shipped, on clips that it was not fitted on.
@Suite struct ShippedHypothesesTests {
  @Test func theLowestEnergyNamesWhatIsSo() {
    let examples = TransitionExamples(clips: 8, perClip: 40, seed: 0x7465_7374)
    let accuracy = HypothesisAccuracy(.pixels, on: examples)
    for (hypothesis, least) in [
      (TransitionHypothesis.next, 0.7), (.swapped, 0.7), (.repeated, 0.8), (.skipped4, 0.4),
      (.cut, 0.5),
    ] {
      #expect(accuracy.share(of: hypothesis) > least, "\(accuracy)")
    }
  }

  @Test func energiesAreThoseOfProbabilities() {
    let examples = TransitionExamples(clips: 2, perClip: 8, seed: 1)
    for input in examples.inputs {
      let energies = TransitionHypotheses.pixels.energies(ofCentredLogarithms: input)
      #expect(energies.count == 7)
      #expect(abs(energies.reduce(0) { $0 + exp(-$1) } - 1) < 1e-4)
      #expect(energies.allSatisfy { $0 >= -1e-5 })
    }
  }
}
