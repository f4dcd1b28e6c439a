import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import TextPlanner

/// The energy of a prompt and an answer's latents.
@Suite struct PlannerModelTests {
  static let limits = TextLimits(promptLength: 6, answerLength: 4)

  static func configuration() -> PlannerConfiguration {
    var configuration = PlannerConfiguration()
    (configuration.width, configuration.heads, configuration.hidden) = (8, 2, 12)
    (configuration.promptDepth, configuration.predictorDepth) = (1, 2)
    (configuration.latentWidth, configuration.symbolWidth) = (6, 4)
    configuration.decoderHidden = 8
    return configuration
  }

  static func model(
    _ dtype: DType = .float64, limits: TextLimits = limits, seed: UInt64 = 1
  ) -> PlannerModel {
    let model = PlannerModel(
      configuration(), limits: limits, using: RandomGenerator(seed: seed))
    model.convert(to: dtype)
    return model
  }

  static func latents(_ model: PlannerModel, _ count: Int) -> Tensor {
    Tensor.normal(
      model.latentShape(count), using: RandomGenerator(seed: 3), dtype: .float64)
  }

  @Test func theEnergyIsHalfTheSquaredDistanceToThePrediction() throws {
    let model = Self.model()
    let conditioning = try model.conditioning(ofPrompts: ["ab", "abcdef"])
    let z = Self.latents(model, 2)
    let difference = z - model.prediction(z, conditioning)
    let expected = (0..<2).map { difference[$0].squared().sum().item() / 2 }
    let found = model.energies(of: z, conditioning).array(of: Double.self)
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-9) }
  }

  @Test func theEnergysGradientIsItsDerivative() throws {
    let model = Self.model()
    let z = Self.latents(model, 2).requiringGradient()
    let error = gradientError(withRespectTo: [z]) {
      model.energies(
        of: z, model.conditioning(model.encode(model.symbols(ofPrompts: ["ab", "abcdef"]))))
    }
    #expect(error < 1e-6)
  }

  /// Training needs the derivative of the gradient: by the weights and by the latents.
  @Test func theGradientItselfCanBeDifferentiated() throws {
    let model = Self.model()
    let z = Self.latents(model, 2).requiringGradient()
    // A matrix of each network, and a norm: names are those in checkpoints.
    let named = Dictionary(uniqueKeysWithValues: model.parameters.map { ($0.name, $0.tensor) })
    let weights = [
      "predictor.blocks.1.attention.qkv.weight", "predictor.blocks.0.cross.query.weight",
      "predictor.blocks.1.mlp.fc1.weight", "predictor.blocks.0.mlp.norm.weight",
      "prompt.blocks.0.attention.proj.weight",
    ].map { named[$0]! }
    let error = gradientError(withRespectTo: [z] + weights) {
      let energies = model.energies(
        of: z, model.conditioning(model.encode(model.symbols(ofPrompts: ["ab", "abcdef"]))))
      return Torch.gradients(
        of: [energies.sum()], withRespectTo: [z], createGraph: true)[0]!
    }
    #expect(error < 1e-5)
  }

  @Test func aPromptsEnergyDoesNotDependOnItsNeighbours() throws {
    let model = Self.model()
    let z = Self.latents(model, 3)
    let prompts = ["a", "abcdef", "éx"]
    let together = model.energies(of: z, try model.conditioning(ofPrompts: prompts))
    for (row, prompt) in prompts.enumerated() {
      let alone = model.energies(
        of: z.slice(row..<row + 1), try model.conditioning(ofPrompts: [prompt]))
      #expect(abs(alone.item() - together[row].item()) < 1e-9)
    }
    let embeddings = try model.promptEmbeddings(prompts)
    let alone = try model.promptEmbeddings([prompts[0]])
    #expect((embeddings[0] - alone[0]).abs().max().item() < 1e-9)
    #expect(abs(embeddings.norm(1)[1].item() - 1) < 1e-9)
  }

  @Test func itemsOfABatchAreSelected() throws {
    let model = Self.model()
    let z = Self.latents(model, 3)
    let conditioning = try model.conditioning(ofPrompts: ["a", "abcdef", "xyz"])
    let whole = model.energies(of: z, conditioning)
    let items = Tensor([0, 2] as [Int64])
    let part = PlannerEnergy(model: model, conditioning: conditioning)
      .energies(of: [z.select(indices: items)], items: items)
    #expect((part - whole.select(indices: items)).abs().max().item() < 1e-9)
  }

  @Test func equalTextsOfOtherLengthsDiffer() throws {
    // The end of a text is part of what is decoded and compared.
    let model = Self.model()
    let conditioning = try model.conditioning(ofPrompts: ["a", "a"])
    let energies = model.energies(
      ofAnswers: model.symbols(ofAnswers: ["x", "xx"]), conditioning)
    #expect(abs(energies[0].item() - energies[1].item()) > 1e-6)
  }

  @Test func symbolsAndTextsAreTheSame() {
    let model = Self.model()
    let answers = ["", "é", "abcd"]
    #expect(model.answers(of: model.symbols(ofAnswers: answers)) == answers)
  }

  // MARK: Memory

  @Test func entriesConditionTheEnergyAndEmptyPlacesDoNot() throws {
    let model = Self.model(.float32)
    let z = Self.latents(model, 2).to(.float32)
    func energies(_ memory: [[RetrievedEntry]]?) throws -> [Double] {
      model.energies(of: z, try model.conditioning(ofPrompts: ["ab", "cd"], memory: memory))
        .to(.float64).array()
    }
    let entry = RetrievedEntry(prompt: "ab", answer: "xy", similarity: 0.9)
    let without = try energies(nil)
    #expect(try energies([[], []]) == without)
    let with = try energies([[entry], []])
    #expect(with[0] != without[0])
    #expect(abs(with[1] - without[1]) < 1e-4 * abs(without[1]))
    // The order of entries does not matter; how near they are does.
    let other = RetrievedEntry(prompt: "c", answer: "z", similarity: 0.2)
    let (one, two) = (try energies([[entry, other], []]), try energies([[other, entry], []]))
    #expect(abs(one[0] - two[0]) < 1e-4 * abs(one[0]))
    var nearer = entry
    nearer.similarity = 1
    #expect(try energies([[nearer], []])[0] != with[0])
  }

  // MARK: Texts that cannot be

  @Test func textsThatDoNotFitAreNamed() {
    let model = Self.model()
    func message(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      message { _ = try model.conditioning(ofPrompts: ["abcdefg"]) }
        == "the prompt 'abcdefg' has 7 symbols, the model's limit is 6")
    #expect(
      message { _ = try model.energies(ofPrompts: ["a"], answers: ["12345"]) }
        == "the answer '12345' has 5 symbols, the model's limit is 4")
    #expect(
      message { _ = try Planner(model).plan(["a\0b"]) } == "the text 'a\\0b' holds a NUL byte")
    #expect(
      message {
        _ = try Planner(model).plan([String(repeating: "é\n", count: 30)])
      } == "the prompt 'é é é é é é é é é é é é …' has 90 symbols, the model's limit is 6")
    #expect(
      message {
        _ = try Planner(model).plan(
          ["a"], memory: [[RetrievedEntry(prompt: "b", answer: "12345", similarity: 1)]])
      } == "the answer '12345' has 5 symbols, the model's limit is 4")
  }
}
