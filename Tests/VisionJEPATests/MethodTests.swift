import EnergyDescent
import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// Every method and regularizer on a handful of generated pictures.
@Suite struct MethodTests {
  static func configuration(_ overrides: [String]) throws -> ImageTrainingConfiguration {
    try ConfigurationReader.read(
      ImageTrainingConfiguration.self,
      overrides: [
        "imageSize=32", "batchSize=6", "encoder.preset=conv-micro", "threads=1",
        "loader.workers=1", "precision=float32",
      ] + overrides)
  }

  /// The loss terms of `steps` steps on the same few pictures.
  static func train(
    _ configuration: ImageTrainingConfiguration, on pictures: ColouredShapes, steps: Int
  ) throws -> (method: any TrainingMethod, losses: [Double], terms: [[String: Double]]) {
    let folder = try ImageFolder(pictures.path)
    let resolved = try configuration.resolved(for: folder)
    let generator = RandomGenerator(seed: 0)
    let method = try resolved.makeMethod(using: generator)
    let descent = WeightDescent(
      method.trained, matrices: .adamW, betas: (0.9, 0.95), weightDecay: 0, clipNorm: 5)
    let requests = (0..<steps).map { epoch in
      BatchRequest(items: (0..<folder.count).map { SampledItem(index: $0, epoch: epoch % 2) })
    }
    let loader = try ViewLoader(
      folder, plan: resolved.views!, seed: 1, options: resolved.loader,
      requests: requests.makeIterator())
    var losses: [Double] = []
    var terms: [[String: Double]] = []
    while let views = try loader.next() {
      let step = method.energy(
        of: TrainingBatch(views, device: .cpu), using: generator, precision: nil)
      step.total.backward()
      descent.step(stepSize: 1e-3)
      method.didStep(progress: Double(losses.count) / Double(steps))
      losses.append(step.total.item())
      terms.append(
        Dictionary(uniqueKeysWithValues: step.terms.map { ($0.name, $0.value.item()) }))
      #expect(step.embeddings?.shape == [folder.count, method.encoder.width])
      #expect(step.embeddings?.requiresGradient == false)
      loader.release(views)
    }
    return (method, losses, terms)
  }

  @Test(arguments: [
    ("views", "sigreg"), ("views", "vicreg"), ("views", "infonce"), ("masks", "sigreg"),
    ("masks", "vicreg"), ("masks", "infonce"), ("lejepa", "sigreg"), ("lejepa", "vicreg"),
    ("lejepa", "infonce"), ("ijepa", "sigreg"),
  ])
  func thirtyStepsMakeTheLossSmaller(name: String, regularizer: String) throws {
    let pictures = try ColouredShapes(6)
    let configuration = try Self.configuration([
      "method.name=\(name)", "method.regularizer=\(regularizer)", "method.conditioned=false",
    ])
    let (method, losses, terms) = try Self.train(configuration, on: pictures, steps: 30)
    #expect(losses.allSatisfy { $0.isFinite }, "\(losses)")
    let early = losses[..<5].reduce(0, +) / 5
    let late = losses[25...].reduce(0, +) / 5
    #expect(late < early, "\(losses)")
    let expected: Set<String> =
      switch name {
      case "views":
        [
          "energy", "invariance", regularizer,
          (regularizer == "infonce" ? "sigreg" : regularizer) + "Tokens",
        ]
      case "masks": ["energy", regularizer, regularizer + "Tokens"]
      case "lejepa": ["invariance", regularizer]
      default: ["energy"]
      }
    #expect(Set(terms[0].keys) == expected)

    // The energy of given pictures: one finite number each, the same for the same masks.
    let given = Tensor.normal([3, 3, 32, 32], using: RandomGenerator(seed: 5))
    let energies = method.energies(of: given, using: RandomGenerator(seed: 7))
    if name == "lejepa" {
      #expect(energies == nil, "nothing is predicted")
    } else {
      let found = try #require(energies)
      #expect(found.shape == [3] && found.isFinite().all().integer() == 1)
      let again = try #require(method.energies(of: given, using: RandomGenerator(seed: 7)))
      #expect(again.array(of: Float.self) == found.array(of: Float.self))
      #expect(found.array(of: Float.self).allSatisfy { $0 >= 0 })
    }
    #expect(method.controls(of: given).shape == [3])
    #expect(method.encoder.isTraining || name == "ijepa", "inference leaves the mode as it was")
  }

  /// By default views are contrasted and tokens stay Gaussian.
  @Test func tokensHaveARegularizerOfTheirOwn() throws {
    let pictures = try ColouredShapes(6)
    let (_, losses, terms) = try Self.train(Self.configuration([]), on: pictures, steps: 30)
    #expect(losses.allSatisfy { $0.isFinite })
    #expect(losses[25...].reduce(0, +) < losses[..<5].reduce(0, +), "\(losses)")
    #expect(Set(terms[0].keys) == ["energy", "invariance", "infonce", "sigregTokens"])
    // The loss is the two parts, each with its own regularizer's weight.
    let first = terms[0]
    let views = 0.5 * first["invariance"]! + 0.5 * first["infonce"]!
    let tokens = 0.94 * first["energy"]! + 0.06 * first["sigregTokens"]!
    #expect(abs(losses[0] - (views + 0.5 * tokens) / 1.5) < 1e-4 * abs(losses[0]))
  }

  @Test(arguments: [
    ("views", nil, nil, "infonce", "sigreg"), ("views", "vicreg", nil, "vicreg", "vicreg"),
    ("views", "sigreg", nil, "sigreg", "sigreg"), ("views", nil, "infonce", "infonce", "infonce"),
    ("masks", nil, nil, "sigreg", "sigreg"), ("lejepa", nil, nil, "sigreg", "sigreg"),
  ])
  func theRegularizerGoesWithTheMethod(
    name: String, given: String?, ofTokens: String?, views: String, tokens: String
  ) {
    var method = MethodConfiguration()
    method.name = MethodName(rawValue: name)!
    method.regularizer = given.flatMap(RegularizerName.init)
    method.tokenRegularizer = ofTokens.flatMap(RegularizerName.init)
    #expect(method.regularizerName.rawValue == views)
    #expect(method.tokenRegularizerName.rawValue == tokens)
  }

  @Test func aPredictorIsToldTheCorruptionWhereConditioned() throws {
    let pictures = try ColouredShapes(6)
    let (method, losses, _) = try Self.train(
      Self.configuration(["method.conditioned=true"]), on: pictures, steps: 10)
    #expect(method.companions.map(\.name) == ["projector", "completion", "pooled_predictor"])
    #expect(losses.allSatisfy { $0.isFinite } && losses[9] < losses[0])
  }

  @Test func theTeacherIsWhatIJEPAKeeps() throws {
    let configuration = try Self.configuration(["method.name=ijepa", "method.momentum.peak=1"])
    let pictures = try ColouredShapes(6)
    let fresh = try configuration.resolved(for: ImageFolder(pictures.path))
      .makeMethod(using: RandomGenerator(seed: 0))
    let before = fresh.encoder.parameters.map { $0.tensor.array(of: Float.self) }
    let (method, _, _) = try Self.train(configuration, on: pictures, steps: 3)
    // With momentum 1 the teacher stands still, and the context encoder does not.
    #expect(method.encoder.parameters.map { $0.tensor.array(of: Float.self) } == before)
    let student = try #require(method.companions.first { $0.name == "context_encoder" }).module
    #expect(student.parameters.map { $0.tensor.array(of: Float.self) } != before)
    #expect(!method.trained.contains { $0.module === method.encoder })
  }
}
