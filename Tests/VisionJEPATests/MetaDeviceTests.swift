import EnergyDescent
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures
@testable import VideoJEPA

/// Whole training steps on libtorch's meta device, which has no memory.
///
/// There every number that is read back is an error, and so is nearly every operator between a tensor on
/// the host and one on the device. What runs here keeps an accelerator busy.
@Suite struct MetaDeviceTests {
  /// Copies to the device and back while `body` runs.
  static func copies(_ body: () throws -> Void) rethrows -> (toDevice: Int, toHost: Int) {
    let before = Session.copyCounts
    try body()
    let after = Session.copyCounts
    return (after.toDevice - before.toDevice, after.toHost - before.toHost)
  }

  /// - Parameter most: copies to the device that one step may need: the views, SIGReg's directions and the
  ///   choice of tokens, which are drawn on the host so that a seed means the same on every device.
  @Test(arguments: [
    ("views", "infonce", 3), ("views", "sigreg", 4), ("views", "vicreg", 2),
    ("lejepa", "sigreg", 2), ("lejepa", "infonce", 1), ("masks", "sigreg", 6),
    ("ijepa", "sigreg", 3),
  ])
  func aStepMakesNothingOnTheHost(name: String, regularizer: String, most: Int) throws {
    let pictures = try ColouredShapes(4)
    let folder = try ImageFolder(pictures.path)
    for preset in ["conv-micro", "vit-tiny"] {
      let configuration = try MethodTests.configuration([
        "method.name=\(name)", "method.regularizer=\(regularizer)", "encoder.preset=\(preset)",
      ]).resolved(for: folder)
      let generator = RandomGenerator(seed: 0)
      let method = try configuration.makeMethod(using: generator)
      for module in [method.encoder] + (method.companions + method.trained).map(\.module) {
        module.move(to: .meta)
      }
      let descent = WeightDescent(method.trained, configuration.optimizer)
      let monitor = CollapseMonitor(configuration.collapse)
      let divergence = DivergenceWatch(device: .meta, advice: "")
      let request = BatchRequest(items: (0..<4).map { SampledItem(index: $0, epoch: 0) })
      let loader = try ViewLoader(
        folder, plan: configuration.views!, seed: 1, options: configuration.loader,
        requests: [request, request].makeIterator())
      while let views = try loader.next() {
        let copies = try Self.copies {
          let energy = method.energy(
            of: TrainingBatch(views, device: .meta), using: generator, precision: nil)
          try divergence.note(energy.total, "loss", ofStep: 1, names: [])
          energy.total.backward()
          monitor.note(try #require(energy.embeddings))
          let norm = descent.step(stepSize: 1e-3)
          method.didStep(progress: 0.5)
          try divergence.note(norm, "gradient", ofStep: 1, names: [])
          #expect(energy.total.device == .meta && energy.embeddings?.device == .meta)
        }
        #expect(copies.toDevice <= most, "\(preset)")
        #expect(copies.toHost == 0, "\(preset)")
      }
    }
  }

  @Test func aStepOnClipsMakesNothingOnTheHost() throws {
    let generator = RandomGenerator(seed: 0)
    let configuration = try ClipTrainingTests.configuration()
    let model = try ClipModel(
      ClipModelDescription(frameSize: 32, tokenWidth: 12, predictor: configuration.predictor),
      using: generator)
    model.move(to: .meta)
    let method = ClipMethod(model, configuration: configuration.method)
    let descent = WeightDescent(model.parts, configuration.optimizer)
    let monitor = SlowFeatureMonitor(SlowFeatureConfiguration())
    let clips = Tensor.normal([2, 8, 3, 32, 32], using: generator)
    for _ in 0..<2 {
      let copies = Self.copies {
        let step = method.energy(of: clips.to(device: .meta), using: generator, precision: nil)
        step.energy.total.backward()
        monitor.note(step.copyError)
        descent.step(stepSize: 1e-3)
      }
      #expect(copies.toDevice <= 3)
      #expect(copies.toHost == 0)
    }
  }

  /// What a group of frames is scored by, up to the numbers that go into the table.
  @Test func aGroupOfFramesIsPredictedWithoutTheHost() throws {
    let generator = RandomGenerator(seed: 0)
    let model = try ClipModel(
      ClipModelDescription(frameSize: 32, tokenWidth: 12), using: generator)
    model.move(to: .meta)
    let frames = Tensor.normal([1, 8, 3, 32, 32], using: generator).to(device: .meta)
    let copies = Self.copies {
      withoutGradient {
        let maps = model.encoder.maps(of: frames)
        for mode in PredictionMode.allCases {
          let energies = ClipPredictions(mode, of: maps, by: model.predictor)?.energies
          #expect(energies?.device == .meta)
        }
      }
    }
    #expect(copies == (0, 0))
  }
}
