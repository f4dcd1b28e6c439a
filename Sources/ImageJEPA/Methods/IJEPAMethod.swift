import EnergyDescent
import Learning
import Torch

/// Target blocks, predicted from a context block in the embeddings of a slow teacher.
///
///     L = mean over target tokens smooth-l1( P(f(context), places), layer-norm(teacher(x)) at places )
///
/// Assran et al. 2023, "Self-supervised learning from images with a joint-embedding predictive
/// architecture", arXiv:2301.08243, section 3. The encoder that is kept is the teacher, the paper's target
/// encoder. By default all target blocks are predicted in one pass, where the paper takes one for each:
/// `MethodConfiguration.predictsBlocksTogether`.
public final class IJEPAMethod: TrainingMethod {
  private let contextEncoder: VisionEncoder
  private let teacher: Teacher<VisionEncoder>
  private let predictor: TokenPredictor
  private let configuration: MethodConfiguration
  private let grid: TokenGrid

  /// - Parameters:
  ///   - encoder: the context encoder, which is trained.
  ///   - copy: an encoder of the same structure: becomes the teacher.
  ///   - imageSize: the side of the pictures, in pixels.
  ///   - configuration: the method's settings.
  ///   - generator: where the first weights are drawn from.
  public init(
    encoder: VisionEncoder, copy: VisionEncoder, imageSize: Int,
    configuration: MethodConfiguration, using generator: RandomGenerator
  ) {
    contextEncoder = encoder
    teacher = Teacher(of: encoder, copy: copy)
    grid = encoder.grid(imageSize: imageSize)
    self.configuration = configuration
    predictor = TokenPredictor(
      inputs: encoder.width, outputs: encoder.width, width: configuration.predictorWidth,
      depth: configuration.predictorDepth, heads: configuration.predictorHeads, grid: grid,
      using: generator)
  }

  public var encoder: VisionEncoder { teacher.module }

  public var trained: [(name: String, module: Module)] {
    [("encoder", contextEncoder), ("predictor", predictor)]
  }

  public var companions: [(name: String, module: Module)] {
    [("context_encoder", contextEncoder), ("predictor", predictor)]
  }

  public func energy(
    of batch: TrainingBatch, using generator: RandomGenerator, precision: DType?
  ) -> StepEnergy {
    let pictures = batch.pictures("clean")
    let masks = BlockMasks.draw(
      configuration.blocks, for: batch.share, grid: grid, using: generator,
      device: pictures.device)
    return withAutocast(to: precision, on: pictures.device) {
      energy(of: pictures, masks: masks, share: batch.share)
    }
  }

  /// The energy of pictures `[B, 3, S, S]` for given masks.
  ///
  /// - Parameters:
  ///   - pictures: normalised, on the encoders' device.
  ///   - masks: what the context keeps and what is predicted.
  ///   - share: which part of all processes' pictures these are; by default all.
  public func energy(
    of pictures: Tensor, masks: BlockMasks, share: ItemShare? = nil
  ) -> StepEnergy {
    let (targets, embeddings) = self.targets(of: pictures, masks: masks)
    let context = contextEncoder.tokens(of: pictures, keeping: masks.context)
    let predictions = masks.predict(
      with: predictor, from: context, together: configuration.predictsBlocksTogether)
    let shares = share?.rows()
    let energy =
      shares == nil
      ? predictions.inFullPrecision.smoothL1(targets)
      : shares.mean(of: predictions.inFullPrecision.smoothL1(targets, reduction: .none))
    return StepEnergy(
      total: energy, terms: [("energy", energy.detached())], embeddings: embeddings,
      embeddingShares: shares)
  }

  /// The teacher's layer-normed tokens at the target blocks, `[B, M * m, D]`, and its embeddings of the
  /// whole pictures, `[B, D]`.
  private func targets(of pictures: Tensor, masks: BlockMasks) -> (Tensor, embeddings: Tensor) {
    withoutGradient {
      let tokens = teacher.module.tokens(of: pictures).inFullPrecision
      return (tokens.layerNormalized(epsilon: 1e-5).gatherTokens(masks.targets), tokens.mean(1))
    }
  }

  public func didStep(progress: Double) {
    teacher.follow(contextEncoder, momentum: configuration.momentum.value(at: progress))
  }

  public func energies(of pictures: Tensor, using generator: RandomGenerator) -> Tensor? {
    contextEncoder.inferring(with: predictor) {
      let rounds = (0..<4).map { _ in
        let masks = BlockMasks.draw(
          configuration.blocks, count: pictures.size(0), grid: grid, using: generator,
          device: pictures.device)
        let context = contextEncoder.tokens(of: pictures, keeping: masks.context)
        let errors = masks.predict(
          with: predictor, from: context, together: configuration.predictsBlocksTogether
        ).smoothL1(targets(of: pictures, masks: masks).0, reduction: .none)
        return errors.mean(1, 2)
      }
      return rounds.dropFirst().reduce(rounds[0], +) / Double(rounds.count)
    }
  }

  public func tokenErrors(of pictures: Tensor, hiding hidden: Tensor) -> Tensor? {
    contextEncoder.inferring(with: predictor) {
      let masks = BlockMasks(hiding: hidden, grid: grid, device: pictures.device)
      let context = contextEncoder.tokens(of: pictures, keeping: masks.context)
      return masks.predict(with: predictor, from: context, together: true)
        .smoothL1(targets(of: pictures, masks: masks).0, reduction: .none).mean(2)
    }
  }

  public func tokenPredictions(of pictures: Tensor, hiding masks: [Tensor]) -> [Tensor]? {
    predictor.predictions(of: pictures, hiding: masks, encodedBy: contextEncoder, grid: grid)
  }

  public func controls(of pictures: Tensor) -> Tensor {
    encoder.inferring { -encoder.tokens(of: pictures).squared().mean(1, 2) }
  }
}
