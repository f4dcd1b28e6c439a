import EnergyDescent
import Learning
import Torch

/// Invariance over views and prediction of hidden tokens, without a teacher.
///
///     inv = mean_v |z_v - mean_u z_u|^2          tok = mean |P(f(masked)) - g(f(clean))|^2
///     L   = ((1 - l) inv + l R(z) + w ((1 - m) tok + m S(tokens))) / (1 + w)
///
/// with regularizers R and S, of weights l and m.
///
/// The invariance teaches what a picture is; the token energy says how badly its parts fit. Only a share
/// of a batch has its masked view encoded: the tokens need fewer pictures than the invariance does, and so
/// the method costs little more than `lejepa`. Started from LeJEPA (Balestriero and LeCun 2025,
/// arXiv:2511.08544); docs/decisions/0003-default-method.md has the measurements.
public final class ViewsMethod: TrainingMethod {
  public let encoder: VisionEncoder
  private let projector: Projector
  private let pooledPredictor: PooledPredictor?
  private let completion: CellCompletion
  private let configuration: MethodConfiguration
  private let regularizer: Regularizer
  private let tokenRegularizer: Regularizer
  private let cells: CellMask
  private let imageSize: Int

  /// - Parameter cells: how pictures are masked when their energy is asked for.
  init(
    encoder: VisionEncoder, imageSize: Int, cells: CellMask, configuration: MethodConfiguration,
    using generator: RandomGenerator
  ) {
    self.encoder = encoder
    self.configuration = configuration
    self.cells = cells
    self.imageSize = imageSize
    regularizer = Regularizer(configuration.regularizerName, configuration)
    tokenRegularizer = Regularizer(configuration.tokenRegularizerName, configuration)
    projector = Projector(encoder.width, widths: configuration.projector, using: generator)
    pooledPredictor =
      configuration.conditioned
      ? PooledPredictor(width: projector.width, hidden: 256, using: generator) : nil
    completion = CellCompletion(
      encoder: encoder, grid: encoder.grid(imageSize: imageSize), configuration: configuration,
      using: generator)
  }

  public var trained: [(name: String, module: Module)] { [("encoder", encoder)] + companions }

  public var companions: [(name: String, module: Module)] {
    [("projector", projector), ("completion", completion)]
      + (pooledPredictor.map { [("pooled_predictor", $0)] } ?? [])
  }

  public func energy(
    of batch: TrainingBatch, using generator: RandomGenerator, precision: DType?
  ) -> StepEnergy {
    let share = batch.share
    let completedShare = share.first(
      max(1, Int((Double(share.total) * configuration.tokenShare).rounded())))
    let completed = completedShare.own
    let clean = batch.pictures("clean")
    let masked = batch.pictures("masked").slice(0..<completed)
    let local = batch.pictures("local")

    // Tokens of all views.
    let (cleanTokens, maskedTokens, localTokens) = withAutocast(to: precision, on: clean.device) {
      // Running statistics describe whole pictures only, for those are what is embedded later.
      (
        encoder.tokens(of: clean),
        encoder.withoutStatistics { encoder.tokens(of: masked) },
        encoder.withoutStatistics { encoder.tokens(of: local) }
      )
    }

    // The invariance: every view's embedding to the mean of its picture's views.
    let embeddings = [cleanTokens, localTokens, maskedTokens].map { $0.mean(1) }
    let projected = projector(Tensor.concatenate(embeddings))
    let whole = batch.count * (1 + batch.copies("local"))
    let views = projected.slice(0..<whole).reshaped(-1, batch.count, projector.width)
    let maskedView = projected.slice(whole..<whole + completed)
    let invariance =
      pooledPredictor.map { predictionError($0, of: views, from: batch) }
      ?? spread(of: views, of: share, and: maskedView, of: completedShare)

    // The token energy: the clean frame's tokens from what the masked frame shows.
    let targets = completion.projector(cleanTokens.slice(0..<completed))
    let visible = completion.visibility(of: batch.cells("masked").slice(0..<completed))
    let tokenEnergy = completion.trainingEnergy(
      masked: maskedTokens, visible: visible, targets: targets, share: completedShare)

    // What keeps both from collapsing.
    // Where one view is the target it is regularized by itself: healthy others would hide its collapse.
    let viewPenalty = regularizer(
      pooledPredictor == nil ? views : views.slice(0..<1), shares: share.rows(), using: generator)
    let tokenPenalty = tokenRegularizer.ofTokens(targets, of: completedShare, using: generator)

    let weight = configuration.tokenWeight
    let total =
      (regularizer.combine(prediction: invariance, penalty: viewPenalty)
        + tokenRegularizer.combine(prediction: tokenEnergy, penalty: tokenPenalty) * weight)
      / (1 + weight)
    return StepEnergy(
      total: total,
      terms: [
        ("energy", tokenEnergy), ("invariance", invariance),
        (regularizer.name.rawValue, viewPenalty),
        ("\(tokenRegularizer.name.rawValue)Tokens", tokenPenalty),
      ].map { ($0.0, $0.1.detached()) },
      embeddings: embeddings[0].detached(),
      collapseShares: regularizer.collapseShares((viewPenalty, share.total))
        + tokenRegularizer.collapseShares(
          (
            tokenPenalty,
            tokenRegularizer.testedTokens(of: completedShare, each: targets.size(1))
          )),
      embeddingShares: share.rows())
  }

  /// Squared distances of the views `[V, B, D]`, and of the masked view `[b, D]` that the first b
  /// pictures have besides, to the mean of each picture's views; averaged over all.
  ///
  /// Of several processes each has its own part, whose mean over the processes is that of all pictures.
  private func spread(
    of views: Tensor, of share: ItemShare, and masked: Tensor, of maskedShare: ItemShare
  ) -> Tensor {
    let (copies, count, width) = (views.size(0), views.size(1), views.size(2))
    let seen = masked.size(0)
    let sums = views.sum(0)
    let means = Tensor.concatenate([
      (sums.slice(0..<seen) + masked) / Double(copies + 1),
      sums.slice(seen..<count) / Double(copies),
    ])
    let distances =
      (views - means.unsqueezed(0)).squared().sum()
      + (masked - means.slice(0..<seen)).squared().sum()
    let distanceCount = Double((copies * share.total + maskedShare.total) * width)
    return distances / (distanceCount / Double(share.worldSize))
  }

  /// Squared errors of the clean view's embedding, predicted from each local view's and its crop.
  private func predictionError(
    _ predictor: PooledPredictor, of views: Tensor, from batch: TrainingBatch
  ) -> Tensor {
    let local = views.slice(1..<views.size(0)).reshaped(-1, views.size(2))
    let predicted = predictor(local, corruption: batch.corruption("local"))
    return batch.share.rows().mean(
      of: (predicted.reshaped(-1, batch.count, views.size(2)) - views.slice(0..<1)).squared())
  }

  // MARK: The energy of given pictures

  /// The mean misfit of a picture's tokens and their predictions, over several masks.
  public func energies(of pictures: Tensor, using generator: RandomGenerator) -> Tensor? {
    encoder.inferring(with: completion) {
      let targets = completion.projector(encoder.tokens(of: pictures))
      let rounds = (0..<8).map { _ in
        let shown = shownCells(of: pictures.size(0), using: generator).to(device: pictures.device)
        return completion.misfit(
          masked: encoder.tokens(of: pictures * pixels(of: shown)),
          visible: completion.visibility(of: shown), targets: targets)
      }
      return Tensor.stack(rounds).mean(0)
    }
  }

  public func tokenErrors(of pictures: Tensor, hiding hidden: Tensor) -> Tensor? {
    encoder.inferring(with: completion) {
      let (masked, visible) = maskedTokens(of: pictures, hiding: hidden)
      return completion.tokenMisfits(
        masked: masked, visible: visible,
        targets: completion.projector(encoder.tokens(of: pictures))
      ).gather(hidden, along: 1)
    }
  }

  public func tokenPredictions(of pictures: Tensor, hiding masks: [Tensor]) -> [Tensor]? {
    encoder.inferring(with: completion) {
      masks.map { mask in
        let hidden = mask.to(device: pictures.device).unsqueezed(0).expanded(pictures.size(0), -1)
        let (masked, visible) = maskedTokens(of: pictures, hiding: hidden)
        return completion.predictor.complete(masked, visible: visible).gatherTokens(hidden)
      }
    }
  }

  /// The tokens of pictures whose `hidden` tokens' squares are cleared, and which of their tokens are seen.
  private func maskedTokens(of pictures: Tensor, hiding hidden: Tensor) -> (Tensor, Tensor) {
    let grid = encoder.grid(imageSize: imageSize)
    let shown = Tensor.ones([hidden.size(0), grid.count], device: pictures.device)
      .scattered(Tensor.zeros(hidden.shape, device: pictures.device), at: hidden, along: 1)
      .reshaped(hidden.size(0), grid.height, grid.width)
    let pixels = shown.unsqueezed(1).repeatingEach(encoder.stride, along: 2)
      .repeatingEach(encoder.stride, along: 3)
    return (encoder.tokens(of: pictures * pixels), completion.visibility(of: shown))
  }

  public func controls(of pictures: Tensor) -> Tensor {
    encoder.inferring(with: completion) {
      -completion.projector(encoder.tokens(of: pictures)).squared().mean(1, 2)
    }
  }

  /// Random cells of which the share `cells.keep` is shown, `[B, rows, columns]`.
  private func shownCells(of count: Int, using generator: RandomGenerator) -> Tensor {
    let side = cells.side(size: imageSize)
    let order = Tensor.uniform([count, side * side], using: generator).sorted(along: 1).indices
    let shown = order .< Double(cells.keptCount(size: imageSize))
    return shown.to(.float32).reshaped(count, side, side)
  }

  /// Cells as pixels, `[B, 1, S, S]`.
  private func pixels(of shown: Tensor) -> Tensor {
    shown.unsqueezed(1).repeatingEach(cells.cellSize, along: 2)
      .repeatingEach(cells.cellSize, along: 3)
  }
}
