import TestSupport
import Testing
import Torch

@testable import ImageJEPA

/// Pictures that are found from their embeddings: the energy over pixels, and its descent.
@Suite struct InversionTests {
  enum Kind: CaseIterable { case transformer, convolutional, ofClips }

  /// An encoder with random weights, of pictures of 16 pixels.
  static func model(_ kind: Kind, dtype: DType = .float32) -> ImageModel {
    let generator = RandomGenerator(seed: 4)
    let encoder: VisionEncoder =
      switch kind {
      case .transformer:
        VisionTransformer(
          TransformerShape(width: 12, depth: 2, heads: 3, patchSize: 4, imageSize: 16),
          using: generator)
      case .convolutional:
        ConvolutionalEncoder(
          ConvolutionalShape(width: 8, blocks: [1, 1, 1], stride: 8), using: generator)
      case .ofClips:
        VJEPA2Encoder(
          VJEPA2Shape(width: 12, depth: 1, heads: 2, hidden: 24),
          clips: VJEPA2Clips(patchSize: 4, imageSize: 16, frames: 2, tubeletSize: 2),
          using: generator)
      }
    encoder.train(false)
    encoder.convert(to: dtype)
    return ImageModel(
      encoder: encoder, preprocessing: ImagePreprocessing(imageSize: 16), path: "")
  }

  /// `[B, 3, 16, 16]` in 0...1.
  static func pictures(_ count: Int, dtype: DType = .float32) -> Tensor {
    Tensor.uniform([count, 3, 16, 16], using: RandomGenerator(seed: 5), dtype: dtype)
  }

  static let firstItem = Tensor([Int64(0)])

  // MARK: The energy

  @Test(arguments: Kind.allCases, InversionEnergy.Part.allCases)
  func gradientsAreThoseOfFiniteDifferences(kind: Kind, part: InversionEnergy.Part) {
    let energy = InversionEnergy(
      of: Self.pictures(1, dtype: .float64), part: part, model: Self.model(kind, dtype: .float64),
      smoothness: 0.7)
    let generator = RandomGenerator(seed: 6)
    let octaves = [16, 8, 4].map { side in
      (Tensor.normal([1, 3, side, side], using: generator, dtype: .float64) * 0.5)
        .requiringGradient()
    }
    let error = gradientError(withRespectTo: octaves, step: 1e-6) {
      energy.energies(of: octaves, items: Self.firstItem)
    }
    #expect(error < 1e-5)
  }

  @Test(arguments: Kind.allCases, InversionEnergy.Part.allCases)
  func aPictureHasItsRoughnessAndGreyHasOne(kind: Kind, part: InversionEnergy.Part) {
    let original = Self.pictures(1)
    func energy(of picture: Tensor, smoothness: Double) -> Double {
      let energy = InversionEnergy(
        of: original, part: part, model: Self.model(kind), smoothness: smoothness)
      return withoutGradient {
        energy.energies(ofPictures: picture, items: Self.firstItem).item()
      }
    }
    #expect(abs(energy(of: original, smoothness: 0)) < 1e-9)
    let grey = Tensor.full([1, 3, 16, 16], 0.5)
    #expect(abs(energy(of: grey, smoothness: 3) - 1) < 1e-5)
    // The mean of sqrt(right^2 + below^2 + 0.02^2) - 0.02, written out.
    let values = original.array(of: Float.self).map(Double.init)
    var sum = 0.0
    for y in 0..<15 {
      for x in 0..<15 {
        var squares = 0.02 * 0.02
        for channel in 0..<3 {
          let place = channel * 256 + y * 16 + x
          for other in [place + 1, place + 16] {
            squares += (values[other] - values[place]) * (values[other] - values[place])
          }
        }
        sum += squares.squareRoot() - 0.02
      }
    }
    #expect(abs(energy(of: original, smoothness: 2) - 2 * sum / 225) < 1e-4)
  }

  @Test func everyItemIsHeldAgainstItsOwnEmbedding() {
    let (originals, model) = (Self.pictures(3), Self.model(.transformer))
    let all = InversionEnergy(of: originals, part: .tokens, model: model, smoothness: 1)
    let found = Self.pictures(1)
    withoutGradient {
      let rows = all.energies(
        ofPictures: found.expanded(2, -1, -1, -1), items: Tensor([2, 1] as [Int64])
      ).array(of: Float.self)
      for (row, item) in [2, 1].enumerated() {
        let alone = InversionEnergy(
          of: originals.slice(item..<item + 1), part: .tokens, model: model, smoothness: 1)
        let expected = alone.energies(ofPictures: found, items: Self.firstItem).item()
        #expect(abs(Double(rows[row]) - expected) < 1e-5)
      }
    }
  }

  @Test func octavesStayWithinTheRangeOfPixels() {
    let octaves = [16, 8, 5].map {
      Tensor.normal([2, 3, $0, $0], using: RandomGenerator(seed: 7)) * 100
    }
    let pictures = InversionEnergy.pictures(ofOctaves: octaves)
    #expect(pictures.shape == [2, 3, 16, 16])
    #expect(pictures.min().item() >= 0 && pictures.max().item() <= 1)
  }

  // MARK: The descent

  private func inversion(
    _ kind: Kind = .transformer, of picture: Tensor? = nil, steps: Int = 120, seed: UInt64 = 0,
    part: InversionEnergy.Part = .tokens
  ) -> PictureInversion.Result? {
    var settings = PictureInversion.Settings()
    settings.steps = steps
    settings.seed = seed
    settings.smoothness = 0.01
    return PictureInversion(Self.model(kind), settings: settings)(
      of: picture ?? Self.pictures(1)[0], part: part)
  }

  @Test(arguments: Kind.allCases, InversionEnergy.Part.allCases)
  func theEnergyFallsFarBelowItsStart(kind: Kind, part: InversionEnergy.Part) throws {
    let result = try #require(inversion(kind, part: part))
    #expect(result.picture.shape == [3, 16, 16])
    #expect(result.energy < 0.1 * result.startEnergy, "\(result.startEnergy) to \(result.energy)")
    #expect(result.energy < result.blurredEnergy)
    #expect(result.originalEnergy < result.blurredEnergy)
  }

  @Test func theSameSeedGivesTheSameNumbers() throws {
    let first = try #require(inversion(steps: 10)).picture.array(of: Float.self)
    #expect(try #require(inversion(steps: 10)).picture.array(of: Float.self) == first)
    #expect(try #require(inversion(steps: 10, seed: 1)).picture.array(of: Float.self) != first)
  }

  @Test func aGreyPictureIsInvertedToo() throws {
    let result = try #require(inversion(of: Tensor.full([3, 16, 16], 0.5), steps: 5))
    #expect(result.originalEnergy == 0)
  }

  @Test func weightsThatAreNotNumbersGiveNothing() {
    let model = Self.model(.transformer)
    withoutGradient { model.encoder.parameters[0].tensor.assign(.nan) }
    var settings = PictureInversion.Settings()
    settings.steps = 2
    #expect(
      PictureInversion(model, settings: settings)(of: Self.pictures(1)[0], part: .tokens) == nil)
  }
}
