import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// The encoders' shapes, names and files, and the predictors.
@Suite struct EncoderTests {
  static func encoder(
    _ preset: EncoderPreset, size: Int = 32, patch: Int? = nil, stem: Bool = false, seed: UInt64 = 1
  ) throws -> VisionEncoder {
    var configuration = EncoderConfiguration()
    configuration.preset = preset
    configuration.patchSize = patch
    configuration.convolutionalStem = stem
    return try configuration.makeEncoder(imageSize: size, using: RandomGenerator(seed: seed))
  }

  static func pictures(_ size: Int, count: Int = 2) -> Tensor {
    Tensor.normal([count, 3, size, size], using: RandomGenerator(seed: 2))
  }

  // vit-large and vit-huge would take gigabytes: their shapes are those of the table in `transformerShape`.
  @Test(arguments: [
    (EncoderPreset.convMicro, 128, 32, 4), (.convMicro, 128, 96, 6), (.convTiny, 192, 64, 4),
    (.convSmall, 256, 32, 4), (.vitTiny, 192, 32, 8), (.vitSmall, 384, 32, 8),
    (.vitBase, 768, 16, 8),
  ])
  func presetsHaveTheirShapes(preset: EncoderPreset, width: Int, size: Int, side: Int) throws {
    let encoder = try Self.encoder(preset, size: size)
    #expect(encoder.width == width)
    #expect(encoder.grid(imageSize: size) == TokenGrid(height: side, width: side))
    let (tokens, embedding) = encoder.inferring {
      (encoder.tokens(of: Self.pictures(size)), encoder.embedding(of: Self.pictures(size)))
    }
    #expect(tokens.shape == [2, side * side, width])
    #expect(relativeDifference(tokens.mean(1), from: embedding) < 1e-6)
    #expect(tokens.isFinite().all().integer() == 1)
  }

  /// What reads pixels is AdamW's, whatever the number of channels: `WeightDescent`.
  @Test(arguments: [EncoderPreset.convMicro, .convTiny, .vitTiny], [false, true])
  func layersThatReadPixelsSaySo(preset: EncoderPreset, stem: Bool) throws {
    let encoder = try Self.encoder(preset, stem: stem && preset == .vitTiny)
    let reading = encoder.inputWeights.filter { $0.tensor.rank >= 2 }.map(\.name)
    let ofThreeChannels = encoder.parameters.filter {
      $0.tensor.rank == 4 && $0.tensor.size(1) == 3
    }
    #expect(reading == ofThreeChannels.map(\.name) && !reading.isEmpty)
  }

  @Test func keptTokensOfATransformerAreComputedAlone() throws {
    // All tokens kept, in another order, are the same tokens: positions travel with their patches.
    let encoder = try Self.encoder(.vitTiny, patch: 8)
    let order = Tensor.permutation(16, using: RandomGenerator(seed: 3)).reshaped(1, 16)
    let (all, kept) = encoder.inferring {
      (
        encoder.tokens(of: Self.pictures(32, count: 1)),
        encoder.tokens(of: Self.pictures(32, count: 1), keeping: order)
      )
    }
    #expect(relativeDifference(kept, from: all.gatherTokens(order)) < 1e-5)
  }

  @Test func aTransformerTakesPicturesOfOtherSizes() throws {
    let encoder = try Self.encoder(.vitTiny, patch: 8)
    let tokens = encoder.inferring { encoder.tokens(of: Self.pictures(48)) }
    #expect(tokens.shape == [2, 36, 192])
  }

  @Test func checkpointedActivationsAreThePlainOnes() throws {
    func gradients(recomputing: Bool) throws -> [Tensor] {
      let encoder = try #require(try Self.encoder(.vitTiny, patch: 16) as? VisionTransformer)
      encoder.recomputesActivations = recomputing
      encoder.tokens(of: Self.pictures(32)).squared().mean().backward()
      return encoder.parameters.map { $0.tensor.gradient! }
    }
    for (plain, recomputed) in zip(
      try gradients(recomputing: false), try gradients(recomputing: true))
    {
      #expect(relativeDifference(recomputed, from: plain) < 1e-6)
    }
  }

  @Test func transformersHaveHuggingFacesNames() throws {
    let encoder = try Self.encoder(.vitTiny, patch: 8)
    let shapes = Dictionary(
      uniqueKeysWithValues: encoder.state.map { ($0.name, $0.tensor.shape) })
    var expected: [String: [Int]] = [
      "embeddings.position_embeddings": [1, 16, 192],
      "embeddings.patch_embeddings.projection.weight": [192, 3, 8, 8],
      "embeddings.patch_embeddings.projection.bias": [192],
      "layernorm.weight": [192], "layernorm.bias": [192],
    ]
    for layer in 0..<12 {
      func add(_ name: String, _ weight: [Int]) {
        expected["encoder.layer.\(layer).\(name).weight"] = weight
        expected["encoder.layer.\(layer).\(name).bias"] = [weight[0]]
      }
      add("layernorm_before", [192])
      add("layernorm_after", [192])
      for part in ["query", "key", "value"] { add("attention.attention.\(part)", [192, 192]) }
      add("attention.output.dense", [192, 192])
      add("intermediate.dense", [768, 192])
      add("output.dense", [192, 768])
    }
    #expect(shapes == expected)
  }

  // MARK: Files

  /// Saves an encoder as a checkpoint and returns the run's path.
  static func saved(_ encoder: VisionEncoder, size: Int) throws -> TemporaryPath {
    let run = TemporaryPath("model")
    let folder = try RunFolder.create(at: run.path)
    try folder.publishCheckpoint(step: 3) {
      try ImageModel.save(
        encoder,
        preprocessing: ImagePreprocessing(
          imageSize: size,
          normalization: Normalization(
            mean: SIMD3(0.1, 0.2, 0.3), standardDeviation: SIMD3(0.4, 0.5, 0.6)),
          filter: .bilinear), to: $0)
    }
    return run
  }

  @Test(arguments: [
    (EncoderPreset.convMicro, false), (.vitTiny, false), (.vitTiny, true),
  ])
  func modelsAreReadAsTheyWereWritten(preset: EncoderPreset, stem: Bool) throws {
    let encoder = try Self.encoder(preset, patch: 8, stem: stem)
    let run = try Self.saved(encoder, size: 32)
    let model = try ImageModel.load(from: run.path)
    #expect(model.preprocessing.imageSize == 32)
    #expect(model.preprocessing.filter == .bilinear)
    #expect(model.preprocessing.normalization.mean == SIMD3(0.1, 0.2, 0.3))
    #expect(model.preprocessing.normalization.standardDeviation == SIMD3(0.4, 0.5, 0.6))
    let (own, read) = (
      encoder.inferring { encoder.embedding(of: Self.pictures(32)) },
      model.encoder.inferring { model.encoder.embedding(of: Self.pictures(32)) }
    )
    #expect(relativeDifference(read, from: own) == 0)
    let random = try model.encoderWithRandomWeights(seed: 5)
    #expect(random.parameters.map(\.tensor.shape) == encoder.parameters.map(\.tensor.shape))
    let other = random.inferring { random.embedding(of: Self.pictures(32)) }
    #expect(relativeDifference(other, from: own) > 1e-2)
    if preset == .vitTiny && !stem {
      let text = try String(contentsOfFile: "\(run.path)/latest/config.json", encoding: .utf8)
      let object = try #require(
        JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
      #expect(object["model_type"] as? String == "ijepa")
      #expect(object["layer_norm_eps"] as? Double == 1e-6)
      #expect(object["architectures"] as? [String] == ["IJepaModel"])
    }
  }

  @Test func weightsOfAnotherPresetAreAnErrorThatNamesThem() throws {
    let run = try Self.saved(try Self.encoder(.convMicro), size: 32)
    let checkpoint = try Checkpoint.open(at: run.path)
    let other = try Self.encoder(.convTiny)
    #expect {
      try other.loadState(
        from: SafetensorsFile(path: checkpoint.file("model.safetensors")))
    } throws: { error in
      "\(error)".contains("does not fit the model: of another shape: ")
        && "\(error)".contains("stem.conv.weight") && "\(error)".contains(checkpoint.path)
    }
  }

  @Test(arguments: [
    (#""model_type" : "swift-jepa-conv""#, #""model_type" : "resnet""#, "found resnet"),
    (#""patch_size" : 8"#, #""patch_size" : 7"#, "pictures of 32 pixels in tokens of 7"),
    (#""num_channels" : 3"#, #""num_channels" : 4"#, "expected 3 channels, found 4"),
    (#""stem_width" : 32,"#, "", "needs the field stem_width"),
  ])
  func impossibleDescriptionsAreErrors(text: String, replacement: String, message: String) throws {
    let run = try Self.saved(try Self.encoder(.convMicro), size: 32)
    let checkpoint = try Checkpoint.open(at: run.path)
    let path = checkpoint.file("config.json")
    let original = try String(contentsOfFile: path, encoding: .utf8)
    let changed = original.replacing(text, with: replacement)
    #expect(changed != original, "\(original)")
    let description = try JSONDecoder().decode(ModelDescription.self, from: Data(changed.utf8))
    #expect {
      _ = try description.makeEncoder(path: path)
    } throws: { "\($0)".contains(message) && "\($0)".contains(path) }
  }

  // MARK: Predictors and positions

  @Test func predictorsHaveTheirShapes() {
    let generator = RandomGenerator(seed: 1)
    let predictor = TokenPredictor(
      inputs: 24, outputs: 40, width: 32, depth: 2, heads: 4, grid: TokenGrid(height: 4, width: 4),
      using: generator)
    let context = Tensor.normal([2, 5, 24], using: generator)
    let places = Tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as [Int64], shape: [2, 5])
    let targets = Tensor([10, 11, 12, 13, 14, 15] as [Int64], shape: [2, 3])
    let predictions = predictor.predict(targets, from: context, at: places)
    #expect(predictions.shape == [2, 3, 40])
    #expect(
      predictor.complete(Tensor.zeros([2, 16, 24]), visible: Tensor.ones([2, 16])).shape
        == [2, 16, 40])
    // A place has its own prediction, whatever the order that places are asked in.
    let swapped = Tensor([12, 11, 10, 15, 14, 13] as [Int64], shape: [2, 3])
    let other = predictor.predict(swapped, from: context, at: places)
    #expect(relativeDifference(other.flipped(1), from: predictions) < 1e-4)
    let names = Set(predictor.state.map { $0.name.split(separator: ".")[0] })
    #expect(
      names == [
        "predictor_embed", "mask_token", "predictor_pos_embed", "predictor_blocks",
        "predictor_norm", "predictor_proj",
      ])

    let pooled = PooledPredictor(width: 12, hidden: 20, using: generator)
    let embeddings = Tensor.normal([6, 12], using: generator)
    let none = Tensor.zeros([6, ViewParameters.width])
    #expect(pooled(embeddings, corruption: none).shape == [6, 12])
    pooled.train(false)
    let told = pooled(embeddings, corruption: none + 1)
    #expect(relativeDifference(told, from: pooled(embeddings, corruption: none)) > 1e-3)
  }

  @Test func positionsAreDistinctAndOrdered() {
    let grid = PositionTable.grid(rows: 3, columns: 5, width: 16)
    #expect(grid.shape == [15, 16])
    let rows = (0..<15).map { grid[$0].array(of: Float.self) }
    #expect(Set(rows).count == 15)
    // The first half is the column's, the second the row's; the origin is sin 0 and cos 0.
    #expect(rows[0] == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
    #expect(rows[7][..<8] == rows[12][..<8] && rows[7][8...] == rows[5][8...])
    #expect(abs(rows[1][0] - 0.841471) < 1e-5 && abs(rows[1][1] - 0.0998334) < 1e-5)
    // A clip of one frame is a picture.
    let clip = PositionTable.spaceTime(frames: 2, rows: 3, columns: 5, width: 16)
    #expect(clip.shape == [30, 16])
    #expect(clip.slice(0..<15).array(of: Float.self) == grid.array(of: Float.self))
    #expect(relativeDifference(clip.slice(15..<30), from: grid) > 1e-2)
  }
}
