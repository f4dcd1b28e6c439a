import TestSupport
import Testing
import Torch

/// Layers against PyTorch: outputs, gradients and running statistics (Tests/Fixtures/README.md).
@Suite struct LayerParityTests {
  let reference: Reference
  let tolerance = 1e-5
  let generator = RandomGenerator(seed: 0)

  init() throws { reference = try Reference("layers/reference.safetensors") }

  /// Fills a layer with the reference's weights, runs it forward and back, compares everything.
  func compare(_ name: String, _ layer: Module, _ forward: (Tensor) -> Tensor) {
    reference.fill(layer, prefix: "\(name).")
    let x = reference["\(name).x"]
    if x.dtype.isFloatingPoint { x.requiringGradient() }
    let output = forward(x)
    #expect(relativeDifference(output, from: reference["\(name).output"]) < tolerance)
    output.backward(reference["\(name).cotangent"])
    var found = layer.gradientsByStateName
    if x.dtype.isFloatingPoint { found["x"] = x.gradient }
    let expected = reference.names.filter { $0.hasPrefix("\(name).gradient.") }
    #expect(Set(expected) == Set(found.keys.map { "\(name).gradient.\($0)" }))
    for (key, gradient) in found {
      let difference = relativeDifference(gradient, from: reference["\(name).gradient.\(key)"])
      // Nothing depends on a key's bias but rounding.
      #expect(difference < (key.hasSuffix("key.bias") ? .infinity : tolerance), "\(key)")
    }
    for (key, buffer) in layer.buffers {
      let difference = relativeDifference(buffer, from: reference["\(name).after.\(key)"])
      #expect(difference < tolerance, "\(key)")
    }
  }

  @Test func linear() {
    let layer = Linear(6, 4, using: generator)
    compare("linear", layer) { layer($0) }
  }

  @Test func layerNorm() {
    let layer = LayerNorm(8, epsilon: 1e-6)
    compare("layerNorm", layer) { layer($0) }
  }

  @Test func groupNorm() {
    let layer = GroupNorm(groups: 4, channels: 8)
    compare("groupNorm", layer) { layer($0) }
  }

  @Test func embedding() {
    let layer = Embedding(7, width: 5, using: generator)
    compare("embedding", layer) { layer($0) }
  }

  @Test(arguments: [AttentionForm.fused, .differentiable])
  func attention(form: AttentionForm) {
    let layer = Attention(
      width: 32, heads: 4, form: form,
      queryKeyValueNames: ["attention.query", "attention.key", "attention.value"],
      projectionName: "output.dense", using: generator)
    compare("attention", layer) { layer($0) }
  }

  @Test func perceptron() {
    let layer = MLP(8, hidden: 12, using: generator)
    compare("perceptron", layer) { layer($0) }
  }

  @Test func convolution() {
    let layer = Conv2d(3, 4, stride: 2, bias: true, using: generator)
    compare("convolution", layer) { layer($0) }
  }

  @Test(arguments: [true, false])
  func batchNorm(training: Bool) {
    let layer = BatchNorm(4)
    layer.train(training)
    compare(training ? "batchNorm" : "batchNormEvaluation", layer) { layer($0) }
  }

  @Test(arguments: [true, false], [true, false])
  func residualBlock(training: Bool, channelsLast: Bool) {
    let layer = ResidualBlock(3, 6, stride: 2, using: generator)
    layer.train(training)
    compare(training ? "residual" : "residualEvaluation", layer) {
      layer(channelsLast ? $0.channelsLast() : $0)
    }
  }

  @Test(arguments: [true, false])
  func fusedAttentionProduct(masked: Bool) {
    let name = masked ? "attentionProductMasked" : "attentionProduct"
    let inputs = ["query", "key", "value"].map {
      reference["\(name).\($0)"].requiringGradient()
    }
    let output = inputs[0].attending(
      to: inputs[1], inputs[2], mask: masked ? reference["\(name).mask"] : nil)
    #expect(relativeDifference(output, from: reference["\(name).output"]) < tolerance)
    output.backward(reference["\(name).cotangent"])
    for (key, input) in zip(["query", "key", "value"], inputs) {
      let expected = reference["\(name).gradient.\(key)"]
      #expect(relativeDifference(input.gradient!, from: expected) < tolerance, "\(key)")
    }
  }

  /// The mask's other way in: `causal` looks at the same keys as a lower triangle.
  @Test func causalAttentionProduct() {
    let name = "attentionProductMasked"
    let output = reference["\(name).query"].attending(
      to: reference["\(name).key"], reference["\(name).value"], causal: true)
    #expect(relativeDifference(output, from: reference["\(name).output"]) < tolerance)
  }
}
