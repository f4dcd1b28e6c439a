import TestSupport
import Testing
import Torch

/// A small vision transformer against PyTorch (Tests/Fixtures/README.md). Its training is compared in
/// EnergyDescentTests, where the optimizer is.
@Suite struct VisionTransformerParityTests {
  let weights: Reference
  let reference: Reference

  init() throws {
    weights = try Reference("vit_training/model.safetensors")
    reference = try Reference("vit_training/reference.safetensors")
  }

  func model(_ form: AttentionForm) -> ReferenceVisionTransformer {
    let model = ReferenceVisionTransformer(form: form)
    weights.fill(model)
    return model
  }

  @Test func checkpointNamesAndShapes() {
    let state = ReferenceVisionTransformer().state
    #expect(Set(state.map(\.name)) == Set(weights.names))
    #expect(state.count == weights.names.count)
    for (name, tensor) in state { #expect(tensor.shape == weights[name].shape, "\(name)") }
  }

  @Test func positionTable() {
    let expected = weights["embeddings.position_embeddings"].squeezed(0)
    let found = PositionTable.grid(rows: 4, columns: 4, width: 32)
    #expect(relativeDifference(found, from: expected) < 1e-7)
  }

  @Test(arguments: [AttentionForm.fused, .differentiable])
  func tokensAndLogits(form: AttentionForm) {
    let model = model(form)
    let pixels = reference["batch.0.pixels"]
    let (tokens, logits) = model.inferring { (model.encode(pixels), model(pixels)) }
    #expect((tokens - reference["tokens"]).abs().max().item() < 5e-6)
    #expect((logits - reference["logits"]).abs().max().item() < 5e-6)
  }

  @Test(arguments: [AttentionForm.fused, .differentiable])
  func gradientOfEveryParameter(form: AttentionForm) {
    let model = model(form)
    model(reference["batch.0.pixels"]).crossEntropy(reference["batch.0.labels"]).backward()
    let found = model.gradientsByStateName
    let expected = reference.names.filter { $0.hasPrefix("gradient.") }
    #expect(Set(found.keys.map { "gradient.\($0)" }) == Set(expected))
    for (name, gradient) in found {
      if name.hasSuffix("key.bias") {
        #expect(gradient.abs().max().item() < 1e-7, "\(name)")
      } else {
        let difference = relativeDifference(gradient, from: reference["gradient.\(name)"])
        #expect(difference < 1e-5, "\(name)")
      }
    }
  }

  /// Recomputing activations in the backward pass changes no gradient.
  @Test func checkpointedGradients() {
    let pixels = reference["batch.0.pixels"]
    let labels = reference["batch.0.labels"]
    let (plain, checkpointed) = (model(.fused), model(.fused))
    plain(pixels).crossEntropy(labels).backward()
    let leaf = pixels.clone().requiringGradient()
    Torch.checkpointed(leaf) { checkpointed($0) }.crossEntropy(labels).backward()
    let expected = plain.gradientsByStateName
    for (name, gradient) in checkpointed.gradientsByStateName {
      #expect((gradient - expected[name]!).abs().max().item() < 1e-7, "\(name)")
    }
  }
}
