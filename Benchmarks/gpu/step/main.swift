// Times training steps of any method on views that are on the device already and prints what they cost, as JSON.
//
//     training-step-benchmark FOLDER DEVICE STEPS [setting=value ...]
//
// The settings are those of `jepa train images --set`. ../run runs it beside conv_peer.py.

import EnergyDescent
import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

struct Report: Encodable {
  var imagesPerSecond: Double
  var peakMemoryMiB: Int
  var losses: [Double]
}

func measure(folder path: String, device: Device, steps: Int, settings: [String]) throws -> Report {
  let folder = try ImageFolder(path)
  let configuration = try ConfigurationReader.read(
    ImageTrainingConfiguration.self, overrides: settings
  ).resolved(for: folder)
  let generator = RandomGenerator(seed: configuration.seed)
  let method = try configuration.makeMethod(using: generator)
  for module in [method.encoder] + (method.companions + method.trained).map(\.module) {
    module.move(to: device)
  }
  let descent = WeightDescent(method.trained, configuration.optimizer)
  let precision = configuration.precision.resolved(on: device)

  let requests = (0..<4).map { batch in
    BatchRequest(
      items: (0..<configuration.batchSize).map {
        SampledItem(index: (batch * configuration.batchSize + $0) % folder.count, epoch: batch)
      })
  }
  let loader = try ViewLoader(
    folder, plan: configuration.views!, decoder: configuration.decoder, seed: configuration.seed,
    options: configuration.loader, requests: requests.makeIterator())
  var batches: [TrainingBatch] = []
  while let views = try loader.next() { batches.append(TrainingBatch(views, device: device)) }

  var losses: [Tensor] = []
  let warmup = max(3, steps / 4)
  var start = ContinuousClock.now
  for step in 0..<warmup + steps {
    if step == warmup {
      try device.synchronize()
      start = .now
    }
    let energy = method.energy(
      of: batches[step % batches.count], using: generator, precision: precision)
    energy.total.backward()
    descent.step(stepSize: configuration.optimizer.learningRate.peak)
    method.didStep(progress: 0)
    losses.append(energy.total.detached())
  }
  try device.synchronize()
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  return Report(
    imagesPerSecond: Double(configuration.batchSize * steps) / seconds,
    peakMemoryMiB: device.peakMemory.map { $0 >> 20 } ?? PeakMemory.mebibytes,
    losses: losses.map { $0.item() })
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 3, let steps = Int(arguments[2]), steps > 0 else {
  FileHandle.standardError.write(
    Data("usage: training-step-benchmark FOLDER DEVICE STEPS [setting=value ...]\n".utf8))
  exit(1)
}
do {
  let device = try Device(arguments[1])
  let report = try measure(
    folder: arguments[0], device: device, steps: steps, settings: Array(arguments.dropFirst(3)))
  print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
} catch {
  FileHandle.standardError.write(Data("training-step-benchmark: \(error)\n".utf8))
  exit(1)
}
