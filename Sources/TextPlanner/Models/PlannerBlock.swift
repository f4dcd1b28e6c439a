import Torch

/// What a block's cross-attention reads: keys and values, computed once per prompt.
struct KeysAndValues {
  /// `[B, heads, d, M]`
  let keys: Tensor
  /// `[B, heads, M, d]`
  let values: Tensor

  func select(items: Tensor) -> KeysAndValues {
    KeysAndValues(keys: keys.select(indices: items), values: values.select(indices: items))
  }
}

/// A pre-norm transformer block that can be differentiated twice: self-attention, cross-attention where
/// it has a context, and an MLP, each beside a shortcut.
///
/// Attention is matrix products and a softmax: the fused operator has no double backward on a CPU.
/// Vaswani et al. 2017, arXiv:1706.03762, section 3.
final class PlannerBlock: Module {
  private let heads: Int
  private let attentionNorm: LayerNorm
  private let queryKeyValue: Linear
  private let projection: Linear
  private let crossNorm: LayerNorm?
  private let crossQuery: Linear?
  private let crossKeyValue: Linear?
  private let crossProjection: Linear?
  private let mlpNorm: LayerNorm
  private let first: Linear
  private let second: Linear

  /// - Parameter hasContext: whether there is cross-attention.
  ///
  /// - Precondition: `heads` divides `width`.
  init(width: Int, heads: Int, hidden: Int, hasContext: Bool, using generator: RandomGenerator) {
    precondition(width % heads == 0, "a block of width \(width) in \(heads) heads")
    self.heads = heads
    attentionNorm = LayerNorm(width)
    queryKeyValue = Linear(width, 3 * width, using: generator)
    projection = Linear(width, width, using: generator)
    crossNorm = hasContext ? LayerNorm(width) : nil
    crossQuery = hasContext ? Linear(width, width, using: generator) : nil
    crossKeyValue = hasContext ? Linear(width, 2 * width, using: generator) : nil
    crossProjection = hasContext ? Linear(width, width, using: generator) : nil
    mlpNorm = LayerNorm(width)
    first = Linear(width, hidden, using: generator)
    second = Linear(hidden, width, using: generator)
    super.init()
    register(attentionNorm, as: "attention.norm")
    register(queryKeyValue, as: "attention.qkv")
    register(projection, as: "attention.proj")
    if let crossNorm, let crossQuery, let crossKeyValue, let crossProjection {
      register(crossNorm, as: "cross.norm")
      register(crossQuery, as: "cross.query")
      register(crossKeyValue, as: "cross.kv")
      register(crossProjection, as: "cross.proj")
    }
    register(mlpNorm, as: "mlp.norm")
    register(first, as: "mlp.fc1")
    register(second, as: "mlp.fc2")
  }

  /// What this block's cross-attention reads of context tokens `[B, M, D]`.
  ///
  /// - Precondition: the block has cross-attention.
  func keysAndValues(of context: Tensor) -> KeysAndValues {
    guard let crossKeyValue else { preconditionFailure("a block without cross-attention") }
    let parts = divided(crossKeyValue(context), into: 2)
    return KeysAndValues(keys: parts[0].transposed(), values: parts[1])
  }

  /// Tokens `[B, N, D]`, unchanged in shape.
  ///
  /// - Parameters:
  ///   - mask: bool, broadcastable to `[B, heads, N, N]`; true where a query may look.
  ///   - context: what cross-attention reads, and its mask.
  func callAsFunction(
    _ x: Tensor, mask: Tensor? = nil, context: (KeysAndValues, mask: Tensor?)? = nil
  ) -> Tensor {
    callAsFunction(x, after: nil, mask: mask, context: context).tokens
  }

  /// Tokens `[B, N, D]`, unchanged in shape, that come after others: what those are attended to by is kept, so
  /// that one more token costs one token.
  ///
  /// - Parameters:
  ///   - past: the keys and values of the tokens before; nil where there are none.
  ///   - mask: bool, broadcastable to `[B, heads, N, M]`, M tokens with those before.
  /// - Returns: the tokens, and the keys and values of all tokens so far.
  func callAsFunction(
    _ x: Tensor, after past: KeysAndValues?, mask: Tensor?,
    context: (KeysAndValues, mask: Tensor?)?
  ) -> (tokens: Tensor, seen: KeysAndValues) {
    let parts = divided(queryKeyValue(attentionNorm(x)), into: 3)
    var seen = KeysAndValues(keys: parts[1].transposed(), values: parts[2])
    if let past {
      seen = KeysAndValues(
        keys: Tensor.concatenate([past.keys, seen.keys], along: 3),
        values: Tensor.concatenate([past.values, seen.values], along: 2))
    }
    var x = x + projection(attend(parts[0], to: seen, mask: mask))
    if let context, let crossNorm, let crossQuery, let crossProjection {
      let query = divided(crossQuery(crossNorm(x)), into: 1)[0]
      x = x + crossProjection(attend(query, to: context.0, mask: context.mask))
    }
    return (x + second(first(mlpNorm(x)).silu()), seen)
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
