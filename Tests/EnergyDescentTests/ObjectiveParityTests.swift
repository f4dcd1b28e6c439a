import EnergyDescent
import TestSupport
import Testing
import Torch

/// The anti-collapse objectives against PyTorch: values and gradients (Tests/Fixtures/README.md).
@Suite struct ObjectiveParityTests {
  struct Values: Decodable {
    struct Precisions: Decodable {
      var float32: Double
      var float64: Double
    }
    var sigreg: Precisions
    var vicreg: Precisions
    var ntXent: Precisions
    var crossBatch: Precisions
    var smoothL1OnNormedTargets: Precisions
    var vicregTerms: [String: Double]
    var sigregOfCollapsePerItem: Double
  }

  let reference: Reference
  let values: Values

  init() throws {
    reference = try Reference("losses/reference.safetensors")
    values = try Reference.numbers("losses/reference.json")
  }

  /// Compares value and gradients in float32, and in float64 where the objective keeps that.
  func compare(
    _ name: String, _ expected: Values.Precisions, varying inputs: [String],
    dtypes: [DType] = [.float32, .float64], _ loss: ([Tensor]) -> Tensor
  ) {
    for dtype in dtypes {
      let tolerance = dtype == .float32 ? 1e-5 : 1e-12
      let leaves = inputs.map { reference["\(name).\($0)"].to(dtype).requiringGradient() }
      let value = loss(leaves)
      let wanted = dtype == .float32 ? expected.float32 : expected.float64
      #expect(abs(value.item() - wanted) < tolerance * wanted, "\(name) in \(dtype)")
      value.backward()
      for (input, leaf) in zip(inputs, leaves) {
        let gradient = reference["\(name).gradient.\(input).\(dtype)"]
        let difference = relativeDifference(leaf.gradient!, from: gradient)
        #expect(difference < tolerance, "\(name) by \(input) in \(dtype)")
      }
    }
  }

  @Test func sigreg() {
    let directions = reference["sigreg.directions"].transposed()
    compare("sigreg", values.sigreg, varying: ["embeddings"], dtypes: [.float32]) {
      SIGReg()($0[0], directions: directions)
    }
    // Several samples at once are as many statistics.
    let embeddings = reference["sigreg.embeddings"]
    let statistics = SIGReg().statistics(
      Tensor.stack([embeddings, embeddings * 0]), directions: directions)
    #expect(abs(statistics[0].item() - values.sigreg.float32) < 1e-4)
    let collapsed = values.sigregOfCollapsePerItem * Double(embeddings.size(0))
    #expect(abs(statistics[1].item() - collapsed) < 1e-4)
  }

  @Test func vicreg() {
    compare("vicreg", values.vicreg, varying: ["x", "y"]) { VICReg()($0[0], $0[1]) }
    let (x, y) = (reference["vicreg.x"].to(.float64), reference["vicreg.y"].to(.float64))
    let spread = (VICReg().variance(x) + VICReg().variance(y)) / 2
    #expect(abs(spread.item() - values.vicregTerms["variance"]!) < 1e-12)
    let correlation = VICReg().covariance(x) + VICReg().covariance(y)
    #expect(abs(correlation.item() - values.vicregTerms["covariance"]!) < 1e-12)
  }

  @Test func infoNCE() {
    compare("crossBatch", values.crossBatch, varying: ["x", "y"], dtypes: [.float32]) {
      InfoNCE(temperature: 0.2)($0[0], keys: $0[1])
    }
    compare("ntXent", values.ntXent, varying: ["x", "y"], dtypes: [.float32]) {
      InfoNCE(temperature: 0.1).bothWays($0[0], $0[1])
    }
  }

  @Test func smoothL1OnNormedTargets() {
    let name = "smoothL1OnNormedTargets"
    compare(name, values.smoothL1OnNormedTargets, varying: ["prediction"]) { inputs in
      let target = reference["\(name).target"].to(inputs[0].dtype)
      return inputs[0].smoothL1(target.layerNormalized(epsilon: 1e-5))
    }
  }
}
