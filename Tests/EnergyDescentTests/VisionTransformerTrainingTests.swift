import EnergyDescent
import TestSupport
import Testing
import Torch

/// Ten training steps of a small vision transformer against PyTorch (Tests/Fixtures/README.md).
@Suite struct VisionTransformerTrainingTests {
  struct Numbers: Decodable {
    struct Optimizer: Decodable {
      var learningRate: Double
      var beta1: Double
      var beta2: Double
      var epsilon: Double
      var weightDecay: Double
    }
    struct Checksum: Decodable {
      var sum: Double
      var sumOfSquares: Double
    }
    var optimizer: Optimizer
    var losses: [Double]
    var finalWeights: [String: Checksum]
  }

  @Test(arguments: [AttentionForm.fused, .differentiable])
  func tenLossesAndTheWeightsAfterThem(form: AttentionForm) throws {
    let reference = try Reference("vit_training/reference.safetensors")
    let numbers: Numbers = try Reference.numbers("vit_training/reference.json")
    let model = ReferenceVisionTransformer(form: form)
    try Reference("vit_training/model.safetensors").fill(model)
    let descent = WeightDescent(
      [("model", model)], betas: (numbers.optimizer.beta1, numbers.optimizer.beta2),
      epsilon: numbers.optimizer.epsilon, weightDecay: numbers.optimizer.weightDecay,
      clipNorm: nil)

    for (step, expected) in numbers.losses.enumerated() {
      let logits = model(reference["batch.\(step).pixels"])
      let loss = logits.crossEntropy(reference["batch.\(step).labels"])
      #expect(abs(loss.item() - expected) < 5e-6, "step \(step)")
      loss.backward()
      descent.step(stepSize: numbers.optimizer.learningRate)
    }

    let state = Dictionary(uniqueKeysWithValues: model.state.map { ($0.name, $0.tensor) })
    for (name, expected) in numbers.finalWeights {
      let weights = try #require(state[name], "\(name)").to(.float64)
      #expect(abs(weights.sum().item() - expected.sum) < 3e-5, "\(name)")
      let squares = weights.squared().sum().item()
      #expect(abs(squares / expected.sumOfSquares - 1) < 2e-6, "\(name)")
    }
  }
}
