import TestSupport
import Testing
import Torch

@testable import ImageJEPA
@testable import VideoJEPA

/// The frame that is predicted is no input of its prediction: editing it, and nothing else, moves no bit.
@Suite struct ClipLeakTests {
  static func predictions(_ clips: Tensor, _ model: ClipModel) -> [PredictionMode: ClipPredictions]
  {
    withoutGradient {
      let maps = model.encoder.maps(of: clips)
      return Dictionary(
        uniqueKeysWithValues: PredictionMode.allCases.map {
          ($0, ClipPredictions($0, of: maps, by: model.predictor)!)
        })
    }
  }

  /// The clips with frame `frame` replaced by noise.
  static func edited(_ clips: Tensor, frame: Int) -> Tensor {
    let copy = clips.clone()
    let target = copy.select(frame, along: 1)
    target.assign(Tensor.normal(target.shape, using: RandomGenerator(seed: 77)) * 9)
    return copy
  }

  @Test(arguments: PredictionMode.allCases)
  func editingTheFrameMovesNoBitOfItsPrediction(mode: PredictionMode) throws {
    let model = try ClipModelTests.stirred()
    let clips = ClipModelTests.clips()
    for isTraining in [false, true] {
      model.predictor.train(isTraining)
      let before = Self.predictions(clips, model)[mode]!
      for frame in before.targets {
        let after = Self.predictions(Self.edited(clips, frame: frame), model)[mode]!
        let place = frame - before.targets.lowerBound
        #expect(
          LeakTests.isSame(
            before.predicted.select(place, along: 1), after.predicted.select(place, along: 1)))
        #expect(
          !LeakTests.isSame(
            before.energies.select(place, along: 1), after.energies.select(place, along: 1)))
      }
    }
  }

  /// The test can fail: an edit of any frame of the context moves the prediction.
  @Test(arguments: PredictionMode.allCases)
  func editingTheContextMovesThePrediction(mode: PredictionMode) throws {
    let model = try ClipModelTests.stirred()
    let clips = ClipModelTests.clips()
    let before = Self.predictions(clips, model)[mode]!
    let frame = before.targets.lowerBound
    for offset in mode.offsets {
      let after = Self.predictions(Self.edited(clips, frame: frame + offset), model)[mode]!
      #expect(
        !LeakTests.isSame(
          before.predicted.select(0, along: 1), after.predicted.select(0, along: 1)))
    }
  }

  /// An encoder of pictures has batch norms: they must not carry one frame into another while training.
  @Test func batchNormsCarryNothingFromFrameToFrame() throws {
    let description = try ClipModelDescription(
      around: ImageModel(
        encoder: LeakTests.encoder(.convMicro), preprocessing: ImagePreprocessing(imageSize: 32),
        path: "a test"), frameSize: 32)
    let model = try ClipModel(description, using: RandomGenerator(seed: 1))
    let clips = ClipModelTests.clips()
    let before = Self.predictions(clips, model)
    let after = Self.predictions(Self.edited(clips, frame: 4), model)
    for mode in PredictionMode.allCases {
      let place = 4 - before[mode]!.targets.lowerBound
      #expect(
        LeakTests.isSame(
          before[mode]!.predicted.select(place, along: 1),
          after[mode]!.predicted.select(place, along: 1)))
    }
  }
}
