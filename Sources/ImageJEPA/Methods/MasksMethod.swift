import EnergyDescent
import Learning
import Torch

/// Target blocks, predicted from a context block in the encoder's own embeddings; a regularizer instead of
/// a teacher keeps them from collapsing.
///
///     L = (1 - lambda) mean |P(f(context), places) - g(f(x)) at places|^2 + lambda (R(z) + R(tokens) / 2) / 1.5
///
/// Gradients flow through both sides. The masks are those of Assran et al. 2023, arXiv:2301.08243; the
/// regularizer in the teacher's place is that of LeJEPA, arXiv:2511.08544.
public final class MasksMethod: TrainingMethod {
  public let encoder: VisionEncoder
  private let projector: Projector
  private let tokenProjector: Projector
  private let predictor: TokenPredictor
  private let configuration: MethodConfiguration
  private let regularizer: Regularizer
  private let grid: TokenGrid

  init(
    encoder: VisionEncoder, imageSize: Int, configuration: MethodConfiguration,
    using generator: RandomGenerator
  ) {
    self.encoder = encoder
    self.configuration = configuration
    regularizer = Regularizer(configuration.regularizerName, configuration)
    grid = encoder.grid(imageSize: imageSize)
    projector = Projector(encoder.width, widths: configuration.projector, using: generator)
    tokenProjector = Projector(
      encoder.width, widths: configuration.tokenProjector, using: generator)
    predictor = TokenPredictor(
      inputs: encoder.width, outputs: tokenProjector.width,
      width: configuration.predictorWidth, depth: configuration.predictorDepth,
      heads: configuration.predictorHeads, grid: grid, using: generator)
  }

  public var trained: [(name: String, module: Module)] { [("encoder", encoder)] + companions }

  public var companions: [(name: String, module: Module)] {
    [("projector", projector), ("token_projector", tokenProjector), ("predictor", predictor)]
  }

  public func energy(
    of batch: TrainingBatch, using generator: RandomGenerator, precision: DType?
  ) -> StepEnergy {
    let pictures = batch.pictures("clean")
    let share = batch.share
    let masks = BlockMasks.draw(
      configuration.blocks, for: share, grid: grid, using: generator, device: pictures.device)
    let (tokens, context) = withAutocast(to: precision, on: pictures.device) {
      (
        encoder.tokens(of: pictures),
        encoder.withoutStatistics { encoder.tokens(of: pictures, keeping: masks.context) }
      )
    }
    let projected = tokenProjector(tokens.inFullPrecision)
    let predictions = masks.predict(
      with: predictor, from: context.inFullPrecision,
      together: configuration.predictsBlocksTogether)
    let energy = share.rows().mean(
      of: (predictions - projected.gatherTokens(masks.targets)).squared())

    let embeddings = tokens.mean(1)
    let penalty = regularizer(
      projector(embeddings).unsqueezed(0), shares: share.rows(), using: generator)
    let tokenPenalty = regularizer.ofTokens(projected, of: share, using: generator)
    return StepEnergy(
      total: regularizer.combine(
        prediction: energy, penalty: (penalty + tokenPenalty * 0.5) / 1.5),
      terms: [
        ("energy", energy), (regularizer.name.rawValue, penalty),
        ("\(regularizer.name.rawValue)Tokens", tokenPenalty),
      ].map { ($0.0, $0.1.detached()) },
      embeddings: embeddings.detached(),
      collapseShares: regularizer.collapseShares(
        (penalty, share.total),
        (tokenPenalty, regularizer.testedTokens(of: share, each: tokens.size(1)))),
      embeddingShares: share.rows())
  }

  public func energies(of pictures: Tensor, using generator: RandomGenerator) -> Tensor? {
    encoder.inferring(with: tokenProjector) {
      predictor.inferring {
        let projected = tokenProjector(encoder.tokens(of: pictures))
        let rounds = (0..<4).map { _ in
          let masks = BlockMasks.draw(
            configuration.blocks, count: pictures.size(0), grid: grid, using: generator,
            device: pictures.device)
          let context = encoder.tokens(of: pictures, keeping: masks.context)
          let predictions = masks.predict(
            with: predictor, from: context, together: configuration.predictsBlocksTogether)
          let errors = predictions - projected.gatherTokens(masks.targets)
          return errors.squared().mean(1, 2)
        }
        return rounds.dropFirst().reduce(rounds[0], +) / Double(rounds.count)
      }
    }
  }

  public func tokenErrors(of pictures: Tensor, hiding hidden: Tensor) -> Tensor? {
    encoder.inferring(with: tokenProjector) {
      predictor.inferring {
        let masks = BlockMasks(hiding: hidden, grid: grid, device: pictures.device)
        let context = encoder.tokens(of: pictures, keeping: masks.context)
        let targets = tokenProjector(encoder.tokens(of: pictures)).gatherTokens(masks.targets)
        let predictions = masks.predict(with: predictor, from: context, together: true)
        return (predictions - targets).squared().mean(2)
      }
    }
  }

  public func tokenPredictions(of pictures: Tensor, hiding masks: [Tensor]) -> [Tensor]? {
    predictor.predictions(of: pictures, hiding: masks, encodedBy: encoder, grid: grid)
  }

  public func controls(of pictures: Tensor) -> Tensor {
    encoder.inferring(with: tokenProjector) {
      -tokenProjector(encoder.tokens(of: pictures)).squared().mean(1, 2)
    }
  }
}
