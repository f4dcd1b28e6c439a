import Torch

/// A pre-norm transformer decoder block: causal self-attention, cross-attention and an MLP, each beside a
/// shortcut, of the same sizes as `PlannerBlock`.
///
/// Vaswani et al. 2017, arXiv:1706.03762, section 3.1. What earlier tokens are attended to by is kept, so
/// that one more token costs one token.
final class CausalBlock: Module {
  private let heads: Int
  private let attentionNorm: LayerNorm
  private let queryKeyValue: Linear
  private let projection: Linear
  private let crossNorm: LayerNorm
  private let crossQuery: Linear
  private let crossKeyValue: Linear
  private let crossProjection: Linear
  private let mlpNorm: LayerNorm
  private let first: Linear
  private let second: Linear

  /// Precondition: `heads` divides `width`.
  init(width: Int, heads: Int, hidden: Int, using generator: RandomGenerator) {
    precondition(width % heads == 0, "a block of width \(width) in \(heads) heads")
    self.heads = heads
    attentionNorm = LayerNorm(width)
    queryKeyValue = Linear(width, 3 * width, using: generator)
    projection = Linear(width, width, using: generator)
    crossNorm = LayerNorm(width)
    crossQuery = Linear(width, width, using: generator)
    crossKeyValue = Linear(width, 2 * width, using: generator)
    crossProjection = Linear(width, width, using: generator)
    mlpNorm = LayerNorm(width)
    first = Linear(width, hidden, using: generator)
    second = Linear(hidden, width, using: generator)
    super.init()
    register(attentionNorm, as: "attention.norm")
    register(queryKeyValue, as: "attention.qkv")
    register(projection, as: "attention.proj")
    register(crossNorm, as: "cross.norm")
    register(crossQuery, as: "cross.query")
    register(crossKeyValue, as: "cross.kv")
    register(crossProjection, as: "cross.proj")
    register(mlpNorm, as: "mlp.norm")
    register(first, as: "mlp.fc1")
    register(second, as: "mlp.fc2")
  }

  /// What cross-attention reads of context tokens `[B, M, D]`.
  func keysAndValues(of context: Tensor) -> KeysAndValues {
    let parts = divided(crossKeyValue(context), into: 2)
    return KeysAndValues(keys: parts[0].transposed(), values: parts[1])
  }

  /// Tokens `[B, N, D]`, unchanged in shape, each of which sees those before it.
  ///
  /// - Parameters:
  ///   - past: the keys and values of the tokens before the first; nil at the beginning.
  ///   - context: what cross-attention reads.
  ///   - contextMask: bool, broadcastable to `[B, heads, N, M]`.
  /// - Returns: the tokens, and the keys and values of all tokens so far.
  func callAsFunction(
    _ x: Tensor, past: KeysAndValues? = nil, context: KeysAndValues, contextMask: Tensor?
  ) -> (tokens: Tensor, seen: KeysAndValues) {
    let parts = divided(queryKeyValue(attentionNorm(x)), into: 3)
    var seen = KeysAndValues(keys: parts[1].transposed(), values: parts[2])
    if let past {
      seen = KeysAndValues(
        keys: Tensor.concatenate([past.keys, seen.keys], along: 3),
        values: Tensor.concatenate([past.values, seen.values], along: 2))
    }
    let mask = Self.causalMask(
      queries: x.size(1), keys: seen.values.size(2), device: x.device)
    let attended = x + projection(attend(parts[0], to: seen, mask: mask))
    let query = divided(crossQuery(crossNorm(attended)), into: 1)[0]
    let informed = attended + crossProjection(attend(query, to: context, mask: contextMask))
    return (informed + second(first(mlpNorm(informed)).silu()), seen)
  }

  /// Bool `[queries, keys]`: the last query sees every key; nil for one query.
  private static func causalMask(queries: Int, keys: Int, device: Device) -> Tensor? {
    guard queries > 1 else { return nil }
    let visible = Tensor.ones([queries, keys]).lowerTriangle(diagonal: keys - queries)
    return (visible .> 0).to(device: device)
  }

  /// `[B, N, count * D]` to `[count, B, heads, N, d]`.
  private func divided(_ x: Tensor, into count: Int) -> Tensor {
    let (batch, tokens, width) = (x.size(0), x.size(1), x.size(2) / count)
    return x.reshaped(batch, tokens, count, heads, width / heads).permuted(2, 0, 3, 1, 4)
  }

  /// `softmax(Q K^T / sqrt(d)) V` of queries `[B, heads, N, d]`: `[B, N, heads * d]`.
  private func attend(_ query: Tensor, to context: KeysAndValues, mask: Tensor?) -> Tensor {
    let (batch, tokens, size) = (query.size(0), query.size(2), query.size(3))
    var scores = (query * (1 / Double(size).squareRoot())).matmul(context.keys)
    if let mask { scores = scores.filled(with: -.infinity, where: .!mask) }
    return scores.softmax(-1).matmul(context.values).transposed(1, 2)
      .reshaped(batch, tokens, heads * size)
  }
}
