import EnergyDescent
import TestSupport
import Testing
import Torch

/// Update rules and schedules against PyTorch (Tests/Fixtures/README.md).
@Suite struct OptimizerParityTests {
  struct Numbers: Decodable {
    struct Schedule: Decodable {
      var peak: Double
      var end: Double
      var warmupSteps: Int
      var steps: Int
      var values: [Double]
    }
    struct AdamW: Decodable {
      var learningRate: Double
      var beta1: Double
      var beta2: Double
      var epsilon: Double
      var weightDecay: Double
      var steps: Int
    }
    var adamW: AdamW
    var clipping: [String: Double]
    var normsBefore: [String: Double]
    var warmupCosine: Schedule
  }

  let reference: Reference
  let numbers: Numbers

  init() throws {
    reference = try Reference("optimizer/reference.safetensors")
    numbers = try Reference.numbers("optimizer/reference.json")
  }

  @Test(arguments: [
    ("adamW", true, DType.float32), ("adamWithoutDecay", false, .float32),
    ("adamWFloat64", true, .float64),
  ])
  func adamW(name: String, decays: Bool, dtype: DType) {
    let settings = numbers.adamW
    let tolerance = dtype == .float32 ? 1e-6 : 1e-12
    let rule = AdamW(
      betas: (settings.beta1, settings.beta2), epsilon: settings.epsilon,
      groups: [AdamW.Group(count: 1, weightDecay: decays ? settings.weightDecay : 0)])
    let variable = reference["start"].to(dtype)
    for step in 0..<settings.steps {
      let gradient = reference["gradient.\(step)"].to(dtype)
      rule.update([variable], against: [gradient], stepSize: settings.learningRate)
      let difference = relativeDifference(variable, from: reference["\(name).step.\(step)"])
      #expect(difference < tolerance, "step \(step)")
    }
    for memory in rule.state where memory.name != "step" {
      let expected = reference["\(name).\(memory.name)"]
      #expect(relativeDifference(memory.tensor, from: expected) < tolerance, "\(memory.name)")
    }
  }

  @Test(arguments: ["clipped", "notClipped"])
  func clipping(name: String) {
    let gradients = (0..<3).map { reference["\(name).before.\($0)"] }
    let norm = globalNorm(gradients)
    #expect(abs(norm.item() / numbers.normsBefore[name]! - 1) < 1e-6)
    scale(gradients, by: (numbers.clipping[name]! / (norm + 1e-6)).clamped(to: 0...1))
    for (index, gradient) in gradients.enumerated() {
      let expected = reference["\(name).after.\(index)"]
      #expect(relativeDifference(gradient, from: expected) < 1e-6)
    }
  }

  @Test func warmupAndCosine() {
    let expected = numbers.warmupCosine
    let schedule = Schedule(
      peak: expected.peak, end: expected.end,
      warmup: Double(expected.warmupSteps) / Double(expected.steps))
    for (step, value) in expected.values.enumerated() {
      let found = schedule.value(at: Double(step) / Double(expected.steps))
      #expect(abs(found - value) < 1e-12, "step \(step)")
    }
  }
}
