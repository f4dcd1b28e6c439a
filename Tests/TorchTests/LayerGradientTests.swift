import TestSupport
import Testing
import Torch

/// First and second derivatives of every layer against central differences, in float64.
@Suite struct LayerGradientTests {
  let generator = RandomGenerator(seed: 42)
  let tolerance = 1e-7

  /// A leaf of float64.
  func leaf(_ shape: Int...) -> Tensor {
    Tensor.normal(shape, using: generator, dtype: .float64).requiringGradient()
  }

  /// The layer in float64, with weights in general position instead of the small or zero ones that a
  /// fresh layer has.
  func inDouble<Layer: Module>(_ layer: Layer) -> Layer {
    layer.convert(to: .float64)
    withoutGradient {
      for (_, tensor) in layer.parameters {
        let noise = Tensor.normal(tensor.shape, using: generator, dtype: .float64)
        tensor.assign(tensor.rank == 1 ? 0.8 + 0.3 * noise : 0.5 * noise)
      }
    }
    return layer
  }

  /// Checks the gradients by `x` and by every weight; and, if asked, those of the gradients themselves.
  func check(
    _ layer: Module, x: Tensor, twice: Bool = true, _ forward: @escaping () -> Tensor
  ) {
    let inputs = [x] + layer.parameters.map(\.tensor)
    #expect(gradientError(withRespectTo: inputs, of: forward) < tolerance)
    guard twice else { return }
    let seed = Tensor.normal(forward().shape, using: generator, dtype: .float64)
    let error = gradientError(withRespectTo: inputs) {
      let first = gradients(
        of: [forward()], withRespectTo: inputs, seeds: [seed], createGraph: true)
      // A square makes every part of the gradient count, whatever its size.
      return Tensor.concatenate(
        zip(first, inputs).map { ($0 ?? Tensor.zeros(like: $1)).flattened().squared() })
    }
    #expect(error < tolerance)
  }

  @Test func linear() {
    let layer = inDouble(Linear(4, 3, using: generator))
    let x = leaf(2, 4)
    // The function is bilinear: its first derivatives depend on the inputs, so both checks have work.
    check(layer, x: x) { layer(x) }
  }

  @Test func layerNorm() {
    let layer = inDouble(LayerNorm(5))
    let x = leaf(3, 5)
    check(layer, x: x) { layer(x) }
  }

  @Test func groupNorm() {
    let layer = inDouble(GroupNorm(groups: 2, channels: 4))
    let x = leaf(2, 4, 2, 2)
    check(layer, x: x) { layer(x) }
  }

  @Test(arguments: [true, false])
  func batchNorm(training: Bool) {
    let layer = inDouble(BatchNorm(3))
    layer.train(training)
    let x = leaf(4, 3, 2, 1)
    check(layer, x: x) { layer(x) }
  }

  @Test func embedding() {
    let layer = inDouble(Embedding(4, width: 3, using: generator))
    let indices = Tensor([1, 3, 1] as [Int64])
    let x = leaf(3, 3)
    check(layer, x: x) { layer(indices) * x }
  }

  @Test func perceptron() {
    let layer = inDouble(MLP(3, hidden: 5, using: generator))
    let x = leaf(2, 3)
    check(layer, x: x) { layer(x) }
  }

  @Test func patchEmbedding() {
    let layer = inDouble(PatchEmbedding(channels: 2, width: 3, patchSize: 2, using: generator))
    let x = leaf(2, 2, 4, 4)
    let kept = Tensor([0, 3, 2, 1] as [Int64], shape: [2, 2])
    check(layer, x: x) { layer(x, keeping: kept) }
  }

  @Test func convolution() {
    let layer = inDouble(Conv2d(2, 3, stride: 2, bias: true, using: generator))
    let x = leaf(2, 2, 4, 3)
    check(layer, x: x) { layer(x) }
  }

  @Test func residualBlock() {
    let layer = inDouble(ResidualBlock(2, 3, stride: 2, using: generator))
    let x = leaf(2, 2, 4, 4)
    check(layer, x: x) { layer(x) }
  }

  @Test(arguments: [true, false])
  func differentiableAttention(masked: Bool) {
    let layer = inDouble(Attention(width: 4, heads: 2, form: .differentiable, using: generator))
    let x = leaf(2, 3, 4)
    let mask = masked ? Tensor.ones([3, 3]).lowerTriangle() .> 0 : nil
    check(layer, x: x) { layer(x, mask: mask) }
  }

  @Test func fusedAttention() {
    let layer = inDouble(Attention(width: 4, heads: 2, form: .fused, using: generator))
    let x = leaf(2, 3, 4)
    check(layer, x: x, twice: false) { layer(x) }
  }

  /// Long enough for libtorch's own operator, which short sequences on a CPU do not go through.
  @Test func fusedAttentionOfManyTokens() {
    let layer = inDouble(Attention(width: 2, heads: 1, form: .fused, using: generator))
    let x = leaf(1, 130, 2)
    check(layer, x: x, twice: false) { layer(x) }
  }

  @Test(arguments: [AttentionForm.fused, .differentiable])
  func transformerBlock(form: AttentionForm) {
    let layer = inDouble(
      TransformerBlock(width: 4, heads: 2, hidden: 6, depth: 1, form: form, using: generator))
    let x = leaf(1, 3, 4)
    check(layer, x: x, twice: form == .differentiable) { layer(x) }
  }

  // MARK: The derivatives themselves

  @Test func derivativesOfACube() {
    let x = Tensor([-1, 0.5, 2] as [Double]).requiringGradient()
    let first = gradients(of: [x.raised(to: 3).sum()], withRespectTo: [x], createGraph: true)[0]!
    #expect(relativeDifference(first, from: Tensor([3, 0.75, 12] as [Double])) < 1e-15)
    let second = gradients(of: [first.sum()], withRespectTo: [x], createGraph: true)[0]!
    #expect(relativeDifference(second, from: Tensor([-6, 3, 12] as [Double])) < 1e-15)
    let third = gradients(of: [second.sum()], withRespectTo: [x])[0]!
    #expect(third.array(of: Double.self) == [6, 6, 6])
    #expect(!third.requiresGradient)
  }

  /// The planner's step: an energy's gradient by a latent, differentiated by the weights.
  @Test func gradientThroughADescentStep() {
    let layer = inDouble(
      TransformerBlock(
        width: 4, heads: 2, hidden: 6, depth: 1, form: .differentiable, using: generator))
    let latent = leaf(2, 3, 4)
    let target = Tensor.normal([2, 3, 4], using: generator, dtype: .float64)
    let weights = layer.parameters.map(\.tensor)
    let error = gradientError(withRespectTo: weights + [latent]) {
      let energy = (latent - layer(latent)).squared().sum() / 2
      let gradient = gradients(of: [energy], withRespectTo: [latent], createGraph: true)[0]!
      return (latent - gradient).meanSquaredError(target)
    }
    #expect(error < tolerance)
  }

  @Test func noGradientWhereNothingDepends() {
    let (x, y) = (leaf(2), leaf(2))
    let results = gradients(of: [x.squared().sum()], withRespectTo: [x, y])
    #expect(results[0] != nil)
    #expect(results[1] == nil)
  }
}
