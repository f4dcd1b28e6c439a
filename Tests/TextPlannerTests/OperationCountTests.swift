import Testing
import Torch

@testable import TextPlanner

/// Floating-point operations, counted by hand for networks of a few weights.
@Suite struct OperationCountTests {
  private var sizes: PlannerConfiguration {
    var sizes = PlannerConfiguration()
    (sizes.width, sizes.heads, sizes.hidden) = (4, 2, 8)
    (sizes.promptDepth, sizes.predictorDepth) = (1, 1)
    (sizes.latentWidth, sizes.symbolWidth, sizes.decoderHidden) = (2, 3, 5)
    return sizes
  }
  private let limits = TextLimits(promptLength: 6, answerLength: 3)

  /// The products of layers, each inputs by outputs.
  private func products(_ layers: [(Int, Int)]) -> Double {
    Double(layers.reduce(0) { $0 + $1.0 * $1.1 })
  }

  @Test func theEnergyIsTwiceItsProducts() {
    let model = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    // Of one answer of 3 places: 2 -> 4 -> 2 outside; inside 4 -> 12, 4 -> 4, 4 -> 4, 4 -> 4, 4 -> 8 -> 4.
    let layers =
      3 * products([(2, 4), (4, 2), (4, 12), (4, 4), (4, 4), (4, 4), (4, 8), (8, 4)])
    // Scores and weighted sums: 3 x 3 and 3 x 6 pairs of 4 numbers, twice.
    let (own, cross): (Double, Double) = (72, 144)
    let once = 2 * (layers + own + cross)
    #expect(model.operationsOfEnergy(contextLength: 6) == once)
    #expect(model.operationsOfGradient(contextLength: 6) == 2 * (layers + 2 * own + cross))
    #expect(model.operationsOfDecoding == 6 * products([(2, 5), (5, 257)]))
    #expect(model.operationsOfEncoding == 36)
  }

  @Test func writingWithACacheCostsOneTokenASymbol() {
    let model = AutoregressiveModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    let layers = products([(4, 12), (4, 4), (4, 4), (4, 4), (4, 8), (8, 4), (4, 257)])
    let symbol = layers + products([(12, 4)])
    // One symbol and the end: attention to 1 and to 2 tokens.
    let two = 2 * (2 * symbol + 24)
    #expect(model.operationsOfWriting(length: 1, promptLength: 6) == two)
    // A full row has no end.
    let three = 2 * (3 * symbol + 48)
    #expect(model.operationsOfWriting(length: 3, promptLength: 6) == three)
  }

  /// The counter goes by sizes; here every matrix that a model really has is counted for the rows that pass it.
  @Test func everyMatrixThatIsThereIsCounted() throws {
    for sizes in [sizes, PlannerConfiguration()] {
      let model = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
      func products(_ rows: Int, _ isPassed: (String) -> Bool) -> Double {
        let matrices = model.parameters.filter {
          $0.name.hasSuffix(".weight") && $0.tensor.rank == 2 && isPassed($0.name)
        }
        return matrices.reduce(0) { $0 + 2 * Double(rows) * Double($1.tensor.count) }
      }
      func isOfContext(_ name: String) -> Bool { name.contains("cross.kv") }
      // Q K^T and its weighted sum, over all heads, of each block.
      func attention(_ queries: Int, _ keys: Int, depth: Int) -> Double {
        Double(depth) * 4 * Double(queries * keys * sizes.width)
      }
      let predictor = products(3) { $0.hasPrefix("predictor.") && !isOfContext($0) }
      let own = attention(3, 3, depth: sizes.predictorDepth)
      let cross = attention(3, 5, depth: sizes.predictorDepth)
      let costs = model.operationCosts(ofPrompt: "12345")
      #expect(costs.evaluation == predictor + own + cross)
      #expect(costs.gradient == predictor + 2 * own + cross)
      #expect(costs.decoding == products(3) { $0.hasPrefix("autoencoder.decoder.") })
      #expect(costs.encoding == products(3) { $0.hasPrefix("autoencoder.encoder.") })
      #expect(costs.verification == costs.encoding + costs.evaluation)
      let prompt = products(5) { $0.hasPrefix("prompt.") || isOfContext($0) }
      #expect(costs.prompt == prompt + attention(5, 5, depth: sizes.promptDepth))
    }
  }

  /// What a memory holds is read once, and attended to with the prompt.
  @Test func entriesAreReadOnceAndAttendedTo() {
    let model = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    let entry = RetrievedEntry(prompt: "ab", answer: "c", similarity: 1)
    let (without, with) = (
      model.operationCosts(ofPrompt: "12"), model.operationCosts(ofPrompt: "12", entries: [entry])
    )
    #expect(with.prompt == without.prompt + model.operationsOfPrompt(length: 2 + 3))
    #expect(with.evaluation == model.operationsOfEnergy(contextLength: 2 + 3))
    #expect(with.decoding == without.decoding)
  }

  @Test func bothReadPromptsAlike() {
    let planner = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    let baseline = AutoregressiveModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    #expect(planner.operationsOfPrompt(length: 5) == baseline.operationsOfPrompt(length: 5))
    let expected = 2 * (5 * products([(4, 12), (4, 4), (4, 8), (8, 4), (4, 8)]) + 200)
    #expect(planner.operationsOfPrompt(length: 5) == expected)
  }

  /// The networks that think have as many weights as one another, but for what turns symbols into numbers.
  @Test func theBlocksOfBothHaveTheSameWeights() {
    let sizes = PlannerConfiguration()
    let limits = TextLimits(promptLength: 16, answerLength: 16)
    func blockWeights(_ module: Module) -> Int {
      module.parameters.filter { $0.name.contains("blocks.") }.reduce(0) { $0 + $1.tensor.count }
    }
    let planner = PlannerModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    let baseline = AutoregressiveModel(sizes, limits: limits, using: RandomGenerator(seed: 1))
    #expect(blockWeights(planner) == blockWeights(baseline))
    let ratio = Double(baseline.parameterCount) / Double(planner.parameterCount)
    #expect((0.9...1.1).contains(ratio), "\(ratio)")
  }
}
