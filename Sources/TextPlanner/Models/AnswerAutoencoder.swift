import Torch

/// Between the symbols of an answer and its latents, one latent for each place.
///
///     z_i = norm(W e(y_i)),   logits_i = MLP(z_i)
///
/// The latents have mean 0 and variance 1 over their dimensions. The decoder sees each place by itself: one
/// that looked at its neighbours, or at what it decoded before, would solve the task and hide where
/// planning failed.
public final class AnswerAutoencoder: Module {
  private let symbols: Embedding
  private let encoder: Linear
  private let norm: LayerNorm
  private let first: Linear
  private let second: Linear

  init(_ configuration: PlannerConfiguration, symbolCount: Int, using generator: RandomGenerator) {
    symbols = Embedding(symbolCount, width: configuration.symbolWidth, using: generator)
    encoder = Linear(configuration.symbolWidth, configuration.latentWidth, using: generator)
    norm = LayerNorm(configuration.latentWidth, affine: false)
    first = Linear(configuration.latentWidth, configuration.decoderHidden, using: generator)
    second = Linear(configuration.decoderHidden, symbolCount, using: generator)
    super.init()
    register(symbols, as: "symbols")
    register(encoder, as: "encoder")
    register(first, as: "decoder.fc1")
    register(second, as: "decoder.fc2")
  }

  /// Symbols (int64 `[B, A]`) to latents `[B, A, Z]`.
  public func encode(_ answers: Tensor) -> Tensor { norm(encoder(symbols(answers))) }

  /// Latents `[B, A, Z]` to logits `[B, A, V]`.
  public func logits(_ latents: Tensor) -> Tensor { second(first(latents).relu()) }

  /// Latents `[B, A, Z]` to the likeliest symbols, int64 `[B, A]`.
  public func decode(_ latents: Tensor) -> Tensor { logits(latents).argmax(-1) }

  /// Cross-entropy of what latents `[B, A, Z]` decode to with `answers`, int64 `[B, A]`: a scalar.
  func reconstructionLoss(_ latents: Tensor, _ answers: Tensor) -> Tensor {
    let logits = logits(latents)
    return logits.reshaped(-1, logits.size(-1)).crossEntropy(answers.reshaped(-1))
  }
}
