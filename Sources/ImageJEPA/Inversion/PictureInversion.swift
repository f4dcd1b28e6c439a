import EnergyDescent
import Torch

/// Finds a picture of a given embedding: descends `InversionEnergy` over pixels, from faint noise about grey.
///
/// What it shares with the picture that the embedding was made of, the encoder kept; where it differs, the
/// encoder did not mind.
public struct PictureInversion {
  /// How a picture is looked for.
  public struct Settings: Sendable, Equatable {
    /// How many updates there are, at least 1.
    public var steps = 300
    /// What the noise is made from.
    public var seed: UInt64 = 0
    /// The weight of roughness beside the distance, at least 0.
    public var smoothness = 1.0

    public init() {}
  }

  /// What was found, and energies to compare its own with: all of the same function.
  public struct Result {
    /// `[3, S, S]` in 0...1, on the CPU.
    public let picture: Tensor
    /// The energy of the noise.
    public let startEnergy: Double
    public let energy: Double
    /// The energy of the picture that the embedding was made of: its roughness alone.
    public let originalEnergy: Double
    /// The energy of that picture in an eighth of its resolution.
    public let blurredEnergy: Double
  }

  private let model: ImageModel
  private let settings: Settings

  /// The first step size; it falls to a twentieth.
  private static let stepSize = 0.05
  /// The noise's standard deviation, before it is squeezed into 0...1.
  private static let noise = 0.1
  /// The smallest side of an octave in pixels.
  private static let leastSide = 4

  public init(_ model: ImageModel, settings: Settings = Settings()) {
    precondition(settings.steps >= 1, "an inversion of \(settings.steps) steps")
    self.model = model
    self.settings = settings
  }

  /// - Parameters:
  ///   - original: the picture whose embedding is looked for, `[3, S, S]` in 0...1.
  ///   - part: of which part of its tokens.
  ///   - progress: is told after each update how many there were.
  /// - Returns: nil where an energy is not a number, as with damaged weights.
  public func callAsFunction(
    of original: Tensor, part: InversionEnergy.Part, progress: (_ steps: Int) -> Void = { _ in }
  ) -> Result? {
    let original = original.unsqueezed(0).to(device: model.device)
    let energy = InversionEnergy(
      of: original, part: part, model: model, smoothness: settings.smoothness)
    let descent = withoutGradient {
      Minimizer(
        rule: AdamW(betas: (0.9, 0.99)),
        schedule: Schedule(
          peak: Self.stepSize, end: Self.stepSize / 20, warmup: 0.02, shape: .cosine),
        maximumSteps: settings.steps
      ).minimize(energy, from: start(side: original.size(2)), progress: progress)
    }
    return withoutGradient {
      func energyOf(_ picture: Tensor) -> Double {
        energy.energies(
          ofPictures: picture, items: Tensor([Int64(0)]).to(device: model.device)
        ).item()
      }
      let result = Result(
        picture: InversionEnergy.pictures(ofOctaves: descent.values)[0].to(device: .cpu),
        startEnergy: descent.traces[0][0], energy: descent.energies[0],
        originalEnergy: energyOf(original), blurredEnergy: energyOf(blurred(original)))
      let energies = [
        result.startEnergy, result.energy, result.originalEnergy, result.blurredEnergy,
      ]
      return energies.allSatisfy(\.isFinite) ? result : nil
    }
  }

  /// Noise in octaves, from the whole side down to a few pixels; the same for every picture.
  private func start(side: Int) -> [Tensor] {
    let sides = sequence(first: side) { $0 / 2 }.prefix { $0 == side || $0 >= Self.leastSide }
      .map { $0 }
    let generator = RandomGenerator(seed: settings.seed)
    let deviation = Self.noise / Double(sides.count).squareRoot()
    return sides.map { side in
      (Tensor.normal([1, 3, side, side], using: generator) * deviation).to(device: model.device)
    }
  }

  private func blurred(_ pictures: Tensor) -> Tensor {
    let side = pictures.size(2)
    return pictures.resized(height: max(1, side / 8), width: max(1, side / 8))
      .resized(height: side, width: side, antialias: false)
  }
}
