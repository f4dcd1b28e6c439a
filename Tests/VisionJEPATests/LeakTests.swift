import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// What is to be predicted is gone before anything is computed from it: changing those pixels, and no
/// others, moves no bit of the context or of the prediction.
@Suite struct LeakTests {
  static let size = 32

  static func encoder(_ preset: EncoderPreset, stem: Bool = false) throws -> VisionEncoder {
    var configuration = EncoderConfiguration()
    configuration.preset = preset
    configuration.patchSize = 8
    configuration.convolutionalStem = stem
    return try configuration.makeEncoder(imageSize: size, using: RandomGenerator(seed: 1))
  }

  static func pictures(_ count: Int = 2) -> Tensor {
    Tensor.normal([count, 3, size, size], using: RandomGenerator(seed: 2))
  }

  /// The pictures with other pixels in the cells that `kept` (int64 `[B, n]`) leaves out.
  static func spoiled(_ pictures: Tensor, besides kept: Tensor, stride: Int) -> Tensor {
    let side = size / stride
    let mask = Tensor.zeros([pictures.size(0), side * side])
      .scattered(Tensor.ones(kept.shape), at: kept, along: 1)
      .reshaped(pictures.size(0), 1, side, side)
      .repeatingEach(stride, along: 2).repeatingEach(stride, along: 3)
    let other = Tensor.normal(pictures.shape, using: RandomGenerator(seed: 9)) * 10
    return pictures * mask + other * (1 - mask)
  }

  static func isSame(_ left: Tensor, _ right: Tensor) -> Bool {
    left.array(of: Float.self) == right.array(of: Float.self)
  }

  static let families: [(EncoderPreset, Bool)] = [
    (.convMicro, false), (.vitTiny, false), (.vitTiny, true),
  ]

  @Test(arguments: families)
  func keptTokensDoNotSeeHiddenPixels(preset: EncoderPreset, stem: Bool) throws {
    let encoder = try Self.encoder(preset, stem: stem)
    let kept = Tensor([0, 3, 5, 6, 9, 15, 1, 2, 5, 8, 10, 12] as [Int64], shape: [2, 6])
    let pictures = Self.pictures()
    let changed = Self.spoiled(pictures, besides: kept, stride: 8)
    #expect(!Self.isSame(pictures, changed))
    // In training mode too: batch norm must not carry what is hidden either.
    for isTraining in [false, true] {
      encoder.train(isTraining)
      let (before, after) = withoutGradient {
        (encoder.tokens(of: pictures, keeping: kept), encoder.tokens(of: changed, keeping: kept))
      }
      #expect(before.shape == [2, 6, encoder.width])
      #expect(Self.isSame(before, after))
    }
    // The test can fail: a change that is seen moves the tokens.
    encoder.train(false)
    let seen = withoutGradient { encoder.tokens(of: pictures + 0.01, keeping: kept) }
    let original = withoutGradient { encoder.tokens(of: pictures, keeping: kept) }
    #expect(!Self.isSame(seen, original))
  }

  @Test(arguments: [EncoderPreset.convMicro, .vitTiny], [false, true])
  func blockPredictionsDoNotSeeTheirTargets(preset: EncoderPreset, together: Bool) throws {
    // The path that `masks` and `ijepa` share: context tokens, then every block from them.
    let encoder = try Self.encoder(preset)
    let grid = encoder.grid(imageSize: Self.size)
    let predictor = TokenPredictor(
      inputs: encoder.width, outputs: 32, width: 64, depth: 2, heads: 4, grid: grid,
      using: RandomGenerator(seed: 4))
    for module in [encoder, predictor] as [Module] { module.train(false) }
    for seed in 0..<4 as Range<UInt64> {
      let masks = BlockMasks.draw(
        MultiBlockMask(minimumKept: 1), count: 2, grid: grid,
        using: RandomGenerator(seed: seed), device: .cpu)
      for item in 0..<2 {
        let context = Set(masks.context[item].array(of: Int64.self))
        #expect(context.isDisjoint(with: masks.targets[item].array(of: Int64.self)))
      }
      func predictions(_ pictures: Tensor) -> Tensor {
        withoutGradient {
          masks.predict(
            with: predictor, from: encoder.tokens(of: pictures, keeping: masks.context),
            together: together)
        }
      }
      let pictures = Self.pictures()
      let before = predictions(pictures)
      #expect(before.shape == masks.targets.shape + [32])
      let spoiled = Self.spoiled(pictures, besides: masks.context, stride: 8)
      #expect(Self.isSame(before, predictions(spoiled)))
      #expect(!Self.isSame(before, predictions(pictures + 0.01)))
    }
  }

  @Test(arguments: [EncoderPreset.convMicro, .vitTiny])
  func completionsDoNotSeeHiddenCells(preset: EncoderPreset) throws {
    // The path of `views`: hidden cells are cleared, then all tokens are predicted.
    let encoder = try Self.encoder(preset)
    let completion = CellCompletion(
      encoder: encoder, grid: encoder.grid(imageSize: Self.size),
      configuration: MethodConfiguration(), using: RandomGenerator(seed: 4))
    for module in [encoder, completion] as [Module] { module.train(false) }
    let kept = Tensor([0, 3, 5, 6, 9, 15, 1, 2, 5, 8, 10, 12] as [Int64], shape: [2, 6])
    let cells = Tensor.zeros([2, 16]).scattered(Tensor.ones([2, 6]), at: kept, along: 1)
      .reshaped(2, 4, 4)
    let shown = cells.unsqueezed(1).repeatingEach(8, along: 2).repeatingEach(8, along: 3)
    func predictions(_ pictures: Tensor) -> Tensor {
      withoutGradient {
        completion.predictor.complete(
          encoder.tokens(of: pictures * shown), visible: completion.visibility(of: cells))
      }
    }
    let pictures = Self.pictures()
    let before = predictions(pictures)
    let spoiled = Self.spoiled(pictures, besides: kept, stride: 8)
    #expect(Self.isSame(before, predictions(spoiled)))
    #expect(!Self.isSame(before, predictions(pictures + 0.01)))
    #expect(
      completion.visibility(of: cells).array(of: Float.self)
        == cells.flattened(1).array(of: Float.self))
  }

  @Test func visibilityFitsCellsToTokensBothWays() throws {
    let encoder = try Self.encoder(.convMicro)
    let completion = CellCompletion(
      encoder: encoder, grid: encoder.grid(imageSize: Self.size),
      configuration: MethodConfiguration(), using: RandomGenerator(seed: 4))
    // Cells of two tokens a side: one visible cell shows four tokens.
    let coarse = Tensor([1, 0, 0, 0] as [Float], shape: [1, 2, 2])
    let tokens = completion.visibility(of: coarse).reshaped(4, 4)
    #expect(tokens.sum().item() == 4 && tokens[1][1].item() == 1 && tokens[2][2].item() == 0)
    // Cells of half a token: a token is as visible as its share.
    let fine = Tensor.zeros([1, 8, 8])
    fine[0][0].assign(1)
    let shares = completion.visibility(of: fine).reshaped(4, 4)
    #expect(shares[0].array(of: Float.self) == [0.5, 0.5, 0.5, 0.5])
    #expect(shares.sum().item() == 2)
  }

  @Test func aLoadersMaskedViewHidesItsCells() throws {
    // The training batches themselves: where a cell is 0 the pixels are 0.
    let pictures = try ColouredShapes(4)
    let folder = try ImageFolder(pictures.path)
    let loader = try ViewLoader(
      folder, plan: MethodName.views.defaultViews(imageSize: 32, patchSize: 8), seed: 1,
      requests: [BatchRequest(items: (0..<4).map { SampledItem(index: $0, epoch: 0) })]
        .makeIterator())
    let batch = TrainingBatch(try #require(try loader.next()), device: .cpu)
    let hidden = 1 - batch.cells("masked").unsqueezed(1)
    let pixels = hidden.repeatingEach(8, along: 2).repeatingEach(8, along: 3)
    #expect((batch.pictures("masked").abs() * pixels).max().item() == 0)
    #expect(hidden.sum(1, 2, 3).array(of: Float.self).allSatisfy { $0 == 6 })
  }
}
