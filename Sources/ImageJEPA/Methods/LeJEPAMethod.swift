import EnergyDescent
import Learning
import Torch

/// All views of a picture agree and are spread like a normal distribution; nothing is predicted.
///
///     L = (1 - lambda) mean_v |z_v - mean_u z_u|^2 + lambda R(z)
///
/// Balestriero and LeCun 2025, "LeJEPA", arXiv:2511.08544, section 5. The reference beside `views`.
public final class LeJEPAMethod: TrainingMethod {
  public let encoder: VisionEncoder
  private let projector: Projector
  private let configuration: MethodConfiguration
  private let regularizer: Regularizer

  init(
    encoder: VisionEncoder, configuration: MethodConfiguration, using generator: RandomGenerator
  ) {
    self.encoder = encoder
    self.configuration = configuration
    regularizer = Regularizer(configuration.regularizerName, configuration)
    projector = Projector(encoder.width, widths: configuration.projector, using: generator)
  }

  public var trained: [(name: String, module: Module)] { [("encoder", encoder)] + companions }
  public var companions: [(name: String, module: Module)] { [("projector", projector)] }

  public func energy(
    of batch: TrainingBatch, using generator: RandomGenerator, precision: DType?
  ) -> StepEnergy {
    let embeddings = withAutocast(to: precision, on: batch.pictures("global").device) {
      [
        encoder.tokens(of: batch.pictures("global")),
        encoder.withoutStatistics { encoder.tokens(of: batch.pictures("local")) },
      ]
    }.map { $0.mean(1) }
    let views = projector(Tensor.concatenate(embeddings))
      .reshaped(-1, batch.count, projector.width)

    let shares = batch.share.rows()
    let invariance = shares.mean(
      of: (views - views.mean(0, keepingDimensions: true)).squared())
    let penalty = regularizer(views, shares: shares, using: generator)
    return StepEnergy(
      total: regularizer.combine(prediction: invariance, penalty: penalty),
      terms: [
        ("invariance", invariance.detached()),
        (regularizer.name.rawValue, penalty.detached()),
      ],
      embeddings: embeddings[0].slice(0..<batch.count).detached(),
      collapseShares: regularizer.collapseShares((penalty, batch.share.total)),
      embeddingShares: shares)
  }

  public func energies(of pictures: Tensor, using generator: RandomGenerator) -> Tensor? { nil }

  public func controls(of pictures: Tensor) -> Tensor {
    encoder.inferring(with: projector) {
      -projector(encoder.embedding(of: pictures)).squared().mean(1)
    }
  }
}
