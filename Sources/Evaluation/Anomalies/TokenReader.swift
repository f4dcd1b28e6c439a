import Files
import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

/// A model as `jepa anomalies` sees pictures with it: tokens, and how they differ from what is predicted of them.
package struct TokenReader {
  package let model: ImageModel
  private let encoder: VisionEncoder
  private let method: (any TrainingMethod)?
  private let masks: [Tensor]
  private let rounds: Int
  /// What the tokens and the predictions of a picture take in memory.
  let bytesOfPicture: Int

  /// How often each token is hidden.
  package static let defaultRounds = 4
  /// Pictures that are encoded at once.
  private static let batchSize = 32

  /// - Parameters:
  ///   - encoder: what sees the pictures in the model's place, such as one that was not trained.
  ///   - method: what the encoder was trained by, with its predictor; nil reads tokens alone.
  ///   - rounds: how often each token is hidden.
  ///   - seed: fixes the masks.
  package init(
    model: ImageModel, encoder: VisionEncoder? = nil, method: (any TrainingMethod)?,
    rounds: Int = defaultRounds, seed: UInt64 = 0
  ) {
    self.model = model
    self.encoder = encoder ?? model.encoder
    let grid = model.encoder.grid(imageSize: model.preprocessing.imageSize)
    let masks = method.flatMap { _ in TokenMasks(grid, rounds: rounds, seed: seed) }
    self.masks = masks?.tensors ?? []
    self.rounds = rounds
    // A method that predicts nothing says so when it is first asked.
    let nothing = Tensor.zeros(
      [1, 3, model.preprocessing.imageSize, model.preprocessing.imageSize], device: model.device)
    let predicts = self.masks.first.flatMap {
      method?.tokenPredictions(of: nothing, hiding: [$0])
    }
    self.method = predicts == nil ? nil : method
    bytesOfPicture =
      4
      * (Self.middleTokens(of: nothing, self.encoder, grid).count
        + (predicts.map { grid.count * $0[0].size(2) } ?? 0))
  }

  /// Opens a checkpoint; one that was not trained here, or that predicts no tokens, gives tokens alone.
  ///
  /// - Throws: what loading a model throws.
  package init(checkpoint path: String, device: Device = .cpu) throws {
    let model = try ImageModel.load(from: path, device: device)
    let folder = PathParts(model.path).folder
    let isTrained = FileManager.default.fileExists(atPath: "\(folder)/config.yaml")
    self.init(
      model: model,
      method: isTrained
        ? try ImageTrainingConfiguration.loadMethod(from: folder, device: device).method : nil)
  }

  /// The same model before it was trained: what the structure alone sees.
  ///
  /// - Throws: what loading a model throws.
  package static func untrained(checkpoint path: String, seed: UInt64) throws -> TokenReader {
    let configuration = try ImageTrainingConfiguration.loadMethod(from: path).configuration
    let method = try configuration.makeMethod(using: RandomGenerator(seed: seed))
    return TokenReader(
      model: try ImageModel.load(from: path), encoder: method.encoder, method: method)
  }

  /// Whether the model predicts tokens.
  package var predicts: Bool { method != nil }

  package var grid: TokenGrid { model.encoder.grid(imageSize: model.preprocessing.imageSize) }

  /// What is known of pictures `[B, 3, S, S]`, normalised.
  package func read(_ pictures: Tensor, names: [String]) -> TokenTable {
    let pictures = pictures.to(device: model.device)
    let tokens = Self.middleTokens(of: pictures, encoder, grid)
    guard let found = method?.tokenPredictions(of: pictures, hiding: masks) else {
      return TokenTable(names: names, tokens: tokens)
    }
    return withoutGradient {
      let sum = Tensor.zeros([pictures.size(0), grid.count, found[0].size(2)])
      for (mask, predictions) in zip(masks, found) {
        let before = sum.select(indices: mask, along: 1)
        sum.assign(before + predictions.to(.float32, device: .cpu), at: mask, along: 1)
      }
      return TokenTable(names: names, tokens: tokens, predictions: sum / Double(rounds))
    }
  }

  /// What the middle layer makes of each token's square, float32 `[B, N, D]` on the CPU.
  private static func middleTokens(
    of pictures: Tensor, _ encoder: VisionEncoder, _ grid: TokenGrid
  ) -> Tensor {
    encoder.inferring {
      let tokens = encoder.tokens(of: pictures, afterLayer: max(1, encoder.layerCount / 2))
      return pooled(tokens, to: grid).to(.float32, device: .cpu).contiguous()
    }
  }

  /// Tokens of a finer grid, `[B, M, C]`, as mean and deviation over each square of `grid`, `[B, N, 2 C]`; those of
  /// the grid itself as they are.
  private static func pooled(_ tokens: Tensor, to grid: TokenGrid) -> Tensor {
    let factor = Int((Double(tokens.size(1)) / Double(grid.count)).squareRoot().rounded())
    guard factor > 1 else { return tokens }
    let (batch, width) = (tokens.size(0), tokens.size(2))
    let squares = tokens.reshaped(batch, grid.height, factor, grid.width, factor, width)
      .permuted(0, 1, 3, 2, 4, 5).reshaped(batch, grid.count, factor * factor, width)
    return Tensor.concatenate(
      [squares.mean(2), squares.variance(2, correction: 0).sqrt()], along: 2)
  }

  /// Reads pictures in order, a batch at a time; those that cannot be read are left out.
  ///
  /// - Parameters:
  ///   - task: what is shown while it takes its time.
  ///   - body: is given each batch.
  /// - Returns: why pictures could not be read.
  /// - Throws: with `isStrict` the `ImageError` of the first picture that cannot be read;
  ///   `EvaluationError.nonFiniteEmbedding`; what `body` throws.
  package func read(
    _ entries: [ImageEntry], _ task: String, decoder: ImageDecoder = ImageDecoder(),
    isStrict: Bool = false, progress: WorkProgress = WorkProgress(),
    _ body: (TokenTable) throws -> Void
  ) throws -> [ImageFailure] {
    let preprocessing = model.preprocessing
    let batches = try ImageBatches(
      entries, size: preprocessing.imageSize, batchSize: Self.batchSize,
      filter: preprocessing.filter, normalization: preprocessing.normalization, decoder: decoder,
      options: LoaderOptions(isStrict: isStrict))
    progress.begin(task, total: entries.count, of: "pictures")
    while let batch = try batches.next() {
      let table = read(batch.tensor, names: batch.paths)
      try table.requireNumbers(first: batches.position.count - batch.count)
      try body(table)
      batches.release(batch)
      progress.update(batches.position.count)
    }
    return batches.failures
  }
}
