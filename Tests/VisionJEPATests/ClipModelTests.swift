import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import VideoJEPA

/// The encoder of frames, the space-time predictor, and the model that they make.
@Suite struct ClipModelTests {
  static func model(frameSize: Int = 32, seed: UInt64 = 1) throws -> ClipModel {
    try ClipModel(
      ClipModelDescription(frameSize: frameSize), using: RandomGenerator(seed: seed))
  }

  /// A model whose predictor is as small as can be.
  static func small() throws -> ClipModel {
    var predictor = ClipPredictorConfiguration()
    (predictor.width, predictor.blocks) = (16, 1)
    return try ClipModel(
      ClipModelDescription(frameSize: 32, tokenWidth: 12, predictor: predictor),
      using: RandomGenerator(seed: 1))
  }

  /// A model that no layer of zeros keeps at copying.
  static func stirred(frameSize: Int = 32) throws -> ClipModel {
    let model = try model(frameSize: frameSize)
    let generator = RandomGenerator(seed: 5)
    withoutGradient {
      for (_, module) in model.parts {
        for (_, tensor) in module.parameters {
          tensor.accumulate(Tensor.normal(tensor.shape, using: generator), scale: 0.05)
        }
      }
    }
    return model
  }

  static func clips(_ frames: Int = 8, size: Int = 32, seed: UInt64 = 2) -> Tensor {
    Tensor.normal([2, frames, 3, size, size], using: RandomGenerator(seed: seed))
  }

  @Test func sizesAreThoseOfTheRecipe() throws {
    let model = try Self.model(frameSize: 64)
    #expect((190_000...200_000).contains(model.encoder.parameterCount))
    #expect((1_300_000...1_450_000).contains(model.predictor.parameterCount))
    let maps = withoutGradient { model.encoder.maps(of: Self.clips(3, size: 64)) }
    #expect(maps.shape == [2, 3, 96, 8, 8])
  }

  @Test func aFreshPredictorCopies() throws {
    let model = try Self.model()
    let maps = withoutGradient { model.encoder.maps(of: Self.clips()) }
    for mode in PredictionMode.allCases {
      let prediction = withoutGradient { ClipPredictions(mode, of: maps, by: model.predictor)! }
      let frames = mode.offsets.map { offset in
        let targets = prediction.targets
        return maps.slice(targets.lowerBound + offset..<targets.upperBound + offset, along: 1)
      }
      let copied = mode == .middle ? (frames[1] + frames[2]) / 2 : frames[frames.count - 1]
      #expect(prediction.predicted.array(of: Float.self) == copied.array(of: Float.self))
      let copyEnergies = (copied - prediction.actual).squared().mean(2)
      let gap = (prediction.energies - copyEnergies).abs().max().item()
      #expect(gap < 1e-6, "equal but for the order of sums: \(gap)")
    }
  }

  @Test func targetsHaveTheirWholeContext() {
    #expect(PredictionMode.past.targets(frameCount: 8) == 3..<8)
    #expect(PredictionMode.future.targets(frameCount: 8) == 0..<5)
    #expect(PredictionMode.middle.targets(frameCount: 8) == 2..<6)
    for mode in PredictionMode.allCases {
      #expect(mode.targets(frameCount: 2).isEmpty)
      #expect(!mode.offsets.contains(0))
    }
  }

  /// The future is the past of the clip played backwards, to the last bit.
  @Test func theFutureIsTheMirroredPast() throws {
    let model = try Self.stirred()
    let maps = withoutGradient { model.encoder.maps(of: Self.clips()) }
    let (past, future) = withoutGradient {
      (
        ClipPredictions(.past, of: maps, by: model.predictor)!.energies.flipped(1),
        ClipPredictions(.future, of: maps.flipped(1), by: model.predictor)!.energies
      )
    }
    #expect(past.array(of: Float.self) == future.array(of: Float.self))
  }

  @Test func whiteningMakesPatchesStandardNormal() throws {
    let generator = RandomGenerator(seed: 3)
    let mixing = Tensor.normal([40, 12], using: generator)
    let patches = Tensor.normal([3000, 40], using: generator).matmul(mixing) + 3
    let whitening = PatchWhitening(of: patches, components: 12)
    let white = patches.matmul(whitening.weight.transposed()) + whitening.bias
    let covariance = white.transposed().matmul(white) / 3000
    let difference = (covariance - Tensor.identity(12)).abs().max().item()
    #expect(difference < 0.02, "\(difference)")
    #expect(white.mean(0).abs().max().item() < 1e-3)
  }

  /// A token sees no more than its neighbourhood: the far corner of the frame does not move it.
  @Test func tokensAreLocal() throws {
    let model = try Self.stirred(frameSize: 64)
    let frame = Tensor.normal([1, 3, 64, 64], using: RandomGenerator(seed: 4))
    let other = frame.clone()
    other.slice(48..<64, along: 2).slice(48..<64, along: 3).assign(5)
    let (before, after) = withoutGradient {
      (model.encoder.tokens(of: frame), model.encoder.tokens(of: other))
    }
    let moved = (before - after).abs().max(2).array(of: Float.self)
    #expect(moved[0] == 0 && moved[8 * 3 + 3] == 0)
    #expect(moved[63] > 0)
  }

  @Test func aSavedModelIsTheSame() throws {
    let model = try Self.stirred()
    let run = TemporaryPath("clip-model")
    let folder = try RunFolder.create(at: run.path)
    let checkpoint = try folder.publishCheckpoint(step: 1) { try model.save(to: $0) }
    let loaded = try ClipModel.load(from: run.path)
    let clips = Self.clips()
    func energies(_ model: ClipModel) -> [Float] {
      withoutGradient {
        ClipPredictions(.middle, of: model.encoder.maps(of: clips), by: model.predictor)!.energies
          .array(of: Float.self)
      }
    }
    #expect(energies(loaded) == energies(model))
    #expect(loaded.frameSize == 32)
    let fingerprint = try ClipModel.fingerprint(ofCheckpoint: checkpoint.path)
    #expect(fingerprint.count == 17)
    #expect(try ClipModel.fingerprint(ofCheckpoint: run.path) == fingerprint)
    let random = try loaded.withRandomWeights(seed: 9, whitenedOn: MovingShapes.frames(4))
    #expect(energies(random) != energies(model))
  }

  /// A network of hypotheses is put beside the weights later, is part of the model's name, and travels with it.
  @Test func hypothesesArePutIntoACheckpoint() throws {
    let model = try Self.stirred()
    let run = TemporaryPath("clip-model")
    let folder = try RunFolder.create(at: run.path)
    let checkpoint = try folder.publishCheckpoint(step: 1) { path in
      try model.save(to: path)
      try "seed: 1".write(toFile: path + "/config.yaml", atomically: true, encoding: .utf8)
    }
    let before = try ClipModel.fingerprint(ofCheckpoint: run.path)
    #expect(try ClipModel.load(from: run.path).hypotheses == nil)
    try ClipModel.write(.pixels, toCheckpoint: run.path)
    let loaded = try ClipModel.load(from: run.path)
    #expect(loaded.hypotheses == .pixels)
    #expect(try loaded.withRandomWeights(seed: 1, whitenedOn: []).hypotheses == .pixels)
    let after = try ClipModel.fingerprint(ofCheckpoint: checkpoint.path)
    #expect(after.hasPrefix(before + "-"))

    // What is published has it in its manifest; another one can be put there all the same.
    let shipped = TemporaryPath("shipped")
    try ConsistencyModel.publish(sampleRule(), ofCheckpoint: run.path, to: shipped.path)
    #expect(try ConsistencyModel.load(from: shipped.path).fingerprint == after)
    try ConsistencyModel.write(sampleRule(threshold: 9), toCheckpoint: shipped.path)
    #expect(try ConsistencyModel.load(from: shipped.path).rule.threshold == 9)
    try ClipModel.write(.pixels, toCheckpoint: shipped.path)
    #expect(try ClipModel.fingerprint(ofCheckpoint: shipped.path) == after)
  }

  @Test func hypothesesOnTokensAreMeasuredWhereThereIsANetwork() throws {
    let model = try Self.stirred()
    let frames = MovingShapes.frames(12)
    let misfit = Statistic.misfit(.swapped, .tokens)
    #expect(try ConsistencyTests.measured(frames, model)[misfit].allSatisfy { $0.isNaN })
    model.hypotheses = .pixels
    let table = try ConsistencyTests.measured(frames, model)
    let tokens = model.tokenFrames(of: frames)
    let six = TransitionDistances(
      TransitionDistances.pairs.map { tokens[2 + $0.first].distance(to: tokens[2 + $0.second]) })
    let expected = TransitionHypotheses.pixels.energies(of: six)
    for (hypothesis, energy) in zip(TransitionHypothesis.allCases, expected) {
      let found = table.value(of: .misfit(hypothesis, .tokens), at: 5)
      #expect(abs(Double(found) - energy) < 1e-3 * max(1, energy))
    }
  }

  @Test func aModelOfPicturesIsNoModelOfClips() throws {
    let run = TemporaryPath("picture-model")
    let folder = try RunFolder.create(at: run.path)
    let checkpoint = try folder.publishCheckpoint(step: 1) { path in
      try ImageModel.save(
        LeakTests.encoder(.convMicro), preprocessing: ImagePreprocessing(imageSize: 32), to: path)
    }
    #expect {
      _ = try ClipModel.load(from: run.path)
    } throws: { error in
      "\(error)"
        == "\(checkpoint.path)/config.json: expected a model of clips (swift-jepa-clip), found "
        + "swift-jepa-conv"
    }
  }

  @Test func anEncoderOfPicturesCanBeTheStart() throws {
    func initial(_ preset: EncoderPreset) throws -> (TemporaryPath, VisionEncoder) {
      let run = TemporaryPath("initial")
      let encoder = try LeakTests.encoder(preset)
      let folder = try RunFolder.create(at: run.path)
      try folder.publishCheckpoint(step: 1) { path in
        try ImageModel.save(
          encoder, preprocessing: ImagePreprocessing(imageSize: 32), to: path)
      }
      return (run, encoder)
    }
    let (run, encoder) = try initial(.convMicro)
    var configuration = ClipTrainingConfiguration()
    (configuration.initial, configuration.frameSize) = (run.path, 32)
    let model = try configuration.makeModel(using: RandomGenerator(seed: 1))
    let clips = Self.clips(5)
    let (found, expected) = withoutGradient {
      (model.encoder.tokens(of: clips[0]), encoder.inferring { encoder.tokens(of: clips[0]) })
    }
    #expect(found.array(of: Float.self) == expected.array(of: Float.self))
    #expect(model.predictor.tokenWidth == encoder.width)

    let (transformer, _) = try initial(.vitTiny)
    configuration.initial = transformer.path
    #expect {
      _ = try configuration.makeModel(using: RandomGenerator(seed: 1))
    } throws: { error in
      "\(error)".hasSuffix(
        "model.safetensors: a clip's encoder is to be local (conv-…), found a transformer: its tokens "
          + "would name the clip")
    }
  }
}
