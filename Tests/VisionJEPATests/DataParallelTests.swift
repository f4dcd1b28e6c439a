import EnergyDescent
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// Two and four processes compute what one does: losses, gradients, weights, running statistics, the teacher.
///
/// Views are random here, too: they depend on the seed, the picture and the pass alone. Masks are drawn for all pictures in
/// every process.
@Suite struct DataParallelTests {
  static let kinds: [(method: String, regularizer: String)] =
    ["views", "lejepa", "masks", "ijepa"].flatMap { method in
      ["sigreg", "infonce", "vicreg"].map { (method, $0) }
    }

  /// What ten steps lead to.
  struct Outcome {
    /// Of each step the loss and its terms.
    var losses: [Double] = []
    /// Of the first step.
    var gradient: [Double] = []
    /// In the end, with running statistics and the teacher.
    var weights: [Double] = []
  }

  static func train(
    _ configuration: ImageTrainingConfiguration, on folder: ImageFolder, dtype: DType,
    group: ProcessGroup?, steps: Int = 10
  ) throws -> Outcome {
    let generator = RandomGenerator(seed: 0)
    let method = try configuration.makeMethod(using: generator)
    let modules = [method.encoder] + (method.companions + method.trained).map(\.module)
    for module in modules {
      if dtype == .float64 { module.convert(to: dtype) }
      module.shareStatistics(over: group)
    }
    let exchange: any GradientExchange = group ?? SingleProcess()
    let descent = WeightDescent(method.trained, configuration.optimizer, exchange: exchange)
    var sampler = EpochSampler(
      itemCount: folder.count, batchSize: configuration.batchSize, seed: 3, rank: exchange.rank,
      worldSize: exchange.worldSize)
    let requests = (0..<steps).map { _ in BatchRequest(items: sampler.nextBatch().items) }
    let loader = try ViewLoader(
      folder, plan: configuration.views!, seed: 1, options: configuration.loader,
      requests: requests.makeIterator())
    let share = ItemShare(of: configuration.batchSize, among: group)
    var outcome = Outcome()
    while let views = try loader.next() {
      let batch = TrainingBatch(views, device: .cpu, share: share, dtype: dtype)
      let energy = method.energy(of: batch, using: generator, precision: nil)
      energy.total.backward()
      if outcome.gradient.isEmpty {
        let gradients = descent.parameters.map {
          $0.tensor.gradient?.clone() ?? Tensor.zeros(like: $0.tensor)
        }
        exchange.average(gradients)
        outcome.gradient = numbers(gradients)
      }
      let losses = Tensor.stack(([energy.total] + energy.terms.map(\.value)).map { $0.detached() })
      descent.step(stepSize: 2e-3, averaging: [losses])
      method.didStep(progress: 0.5)
      outcome.losses += numbers([losses])
      loader.release(views)
    }
    outcome.weights = numbers(modules.flatMap { $0.state.map(\.tensor) })
    return outcome
  }

  private static func numbers(_ tensors: [Tensor]) -> [Double] {
    tensors.flatMap { $0.detached().to(.float64).flattened().array(of: Double.self) }
  }

  /// The greatest difference, as a share of the greatest number.
  static func difference(_ found: [Double], _ wanted: [Double]) -> Double {
    guard found.count == wanted.count, !found.isEmpty else { return .infinity }
    let size = wanted.map(abs).max() ?? 0
    return zip(found, wanted).map { abs($0 - $1) }.max()! / max(size, .leastNormalMagnitude)
  }

  private func configuration(
    _ folder: ImageFolder, _ method: String, _ regularizer: String
  ) throws -> ImageTrainingConfiguration {
    // Of four processes two have two pictures and two have one; of the masked views two have none.
    try MethodTests.configuration([
      "batchSize=6", "method.directions=16", "method.name=\(method)",
      "method.regularizer=\(regularizer)",
    ]).resolved(for: folder)
  }

  /// Ten steps with the regularizer that each method has by default, in two and in four processes; two steps with the others,
  /// in four, of which some have none of a batch's masked views.
  @Test(arguments: kinds)
  func theyComputeWhatOneDoes(method: String, regularizer: String) throws {
    let pictures = try ColouredShapes(14)
    let folder = try ImageFolder(pictures.path)
    let configuration = try configuration(folder, method, regularizer)
    let steps = regularizer == (method == "views" ? "infonce" : "sigreg") ? 10 : 2
    let whole = try Self.train(
      configuration, on: folder, dtype: .float64, group: nil, steps: steps)
    for worldSize in steps == 10 ? [2, 4] : [4] {
      let parts = try asProcesses(worldSize) { group in
        try Self.train(configuration, on: folder, dtype: .float64, group: group, steps: steps)
      }
      for (name, found, wanted) in [
        ("losses", parts[0].losses, whole.losses), ("gradient", parts[0].gradient, whole.gradient),
        ("weights", parts[0].weights, whole.weights),
      ] {
        let difference = Self.difference(found, wanted)
        #expect(difference <= 1e-10, "\(name) of \(worldSize)")
      }
      for part in parts {
        // Bit for bit, or the weights would drift apart.
        #expect(part.weights == parts[0].weights && part.losses == parts[0].losses)
      }
    }
  }

  /// In float32 they differ by no more than float32 itself does from float64: sums are added up in another order.
  @Test(arguments: [
    ("views", "infonce"), ("lejepa", "sigreg"), ("masks", "sigreg"), ("ijepa", "sigreg"),
  ])
  func inFloat32TheyDifferByRounding(method: String, regularizer: String) throws {
    let pictures = try ColouredShapes(14)
    let folder = try ImageFolder(pictures.path)
    let configuration = try configuration(folder, method, regularizer)
    let exact = try Self.train(configuration, on: folder, dtype: .float64, group: nil, steps: 1)
    let whole = try Self.train(configuration, on: folder, dtype: .float32, group: nil, steps: 1)
    let parts = try asProcesses(2) { group in
      try Self.train(configuration, on: folder, dtype: .float32, group: group, steps: 1)
    }
    #expect(Self.difference(parts[0].losses, whole.losses) <= 1e-5)
    let rounding = Self.difference(whole.gradient, exact.gradient)
    #expect(Self.difference(parts[0].gradient, whole.gradient) <= max(1e-5, 4 * rounding))
  }
}
