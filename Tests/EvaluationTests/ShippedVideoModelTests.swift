import Foundation
import Testing
import Torch
import TrainingRuns

@testable import Evaluation
@testable import Files
@testable import Frames
@testable import VideoJEPA

/// The model in `checkpoints/video`: what is promised of it.
@Suite struct ShippedVideoModelTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../..").standardized.path
  private static let path = "\(package)/checkpoints/video"

  private func demo(_ name: String) throws -> any FrameSource {
    try FrameInput.open("\(Self.package)/data/demo/clips/\(name)")
  }

  private func score(_ name: String, groupSize: Int = 32) throws -> ConsistencyReport {
    try ConsistencyScorer(ConsistencyModel.load(from: Self.path), groupSize: groupSize)
      .score(demo(name))
  }

  @Test func itIsSmallAndWhole() throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.path)
    let bytes = try files.reduce(0) { sum, name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(Self.path)/\(name)")
      return sum
        + (attributes[.type] as? FileAttributeType == .typeRegular
          ? attributes[.size] as? Int ?? 0 : 0)
    }
    #expect(bytes <= 10_000_000, "\(bytes) bytes: \(files)")
    let model = try ConsistencyModel.load(from: Self.path)
    #expect(model.clips.hypotheses != nil && model.rule.cleanFrames > 1000)
    #expect(!files.contains { $0.contains("optimizer") || $0.contains("state.json") })
  }

  /// Every planted fault is found within a frame and named; nothing else is flagged, and nothing of the clean clip.
  @Test func theDemoClipsAreJudgedRightly() throws {
    let clean = try score("clean")
    #expect(!clean.isFlagged, "\(clean.text)")
    let faulty = try score("faulty")
    let labels = try JSONFile.read(
      MadeUpClipFolder.Labels.self,
      from: "\(Self.package)/data/demo/clips/faulty/\(MadeUpClipFolder.labelsName)"
    ).faults
    #expect(faulty.ranges.count == labels.count, "\(faulty.text)")
    for label in labels {
      let found = faulty.ranges.first { range in
        (range.start...range.end).overlaps(label.start - 1...label.end + 1)
      }
      #expect(found?.kind == label.kind.breakKind, "\(label) in \(faulty.text)")
      if label.kind == .drop4 { #expect(found?.hypothesis == .skipped4) }
      if label.kind == .duplicate { #expect(found?.hypothesis == .repeated) }
    }
  }

  @Test(arguments: PredictionMode.allCases)
  func noBitOfAPredictionComesFromItsFrame(mode: PredictionMode) throws {
    let model = try ClipModel.load(from: Self.path)
    let images = try demo("clean").remainingFrames().prefix(9).map(\.image)
    func predictions(_ clip: Tensor) -> ClipPredictions {
      withoutGradient {
        ClipPredictions(mode, of: model.encoder.maps(of: clip), by: model.predictor)!
      }
    }
    func bits(_ tensor: Tensor, _ place: Int) -> [UInt32] {
      tensor.select(place, along: 1).contiguous().array(of: Float.self).map(\.bitPattern)
    }
    let before = predictions(model.clip(of: images))
    for frame in before.targets {
      var edited = images
      edited[frame] = images[frame].exposed(noise: 90, seed: 5)
      let after = predictions(model.clip(of: edited))
      let place = frame - before.targets.lowerBound
      #expect(bits(after.predicted, place) == bits(before.predicted, place))
      #expect(bits(after.energies, place) != bits(before.energies, place))
    }
  }

  /// However many frames are there at once: the same frames are flagged, with the same scores but for rounding.
  @Test func portionsChangeNothing() throws {
    let whole = try score("faulty")
    let again = try score("faulty")
    #expect(again.scores == whole.scores)
    for groupSize in [1, 7, 500] {
      let other = try score("faulty", groupSize: groupSize)
      #expect(other.ranges.map(\.start) == whole.ranges.map(\.start))
      #expect(other.ranges.map(\.kind) == whole.ranges.map(\.kind))
      for (left, right) in zip(whole.scores, other.scores) {
        #expect(abs(left - right) <= 0.01 * max(1, abs(left)))
      }
    }
  }
}
