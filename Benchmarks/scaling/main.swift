// Times training steps in this process and the others of its launcher, and beside them the averaging of the same gradients
// alone. Rank 0 prints JSON. `run` starts it.
//
//     scaling-benchmark FOLDER STEPS [setting=value ...]
//
// The settings are those of `jepa train images --set`; batchSize is that of all processes.

import EnergyDescent
import Foundation
import ImageJEPA
import Learning
import Pictures
import Torch
import TrainingRuns

struct Report: Encodable {
  var processes: Int
  var batchSize: Int
  /// Medians.
  var secondsAStep: Double
  var secondsOfTheSum: Double
  /// What each process gives to be averaged.
  var gradientBytes: Int
  var loss: Double
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func measure(
  folder path: String, steps: Int, settings: [String], group: ProcessGroup?
) throws -> Report {
  let folder = try ImageFolder(path)
  let configuration = try ConfigurationReader.read(
    ImageTrainingConfiguration.self, overrides: settings
  ).resolved(for: folder)
  Session.threadCount = configuration.threads ?? 1
  Session.flushDenormals()
  let generator = RandomGenerator(seed: configuration.seed)
  let method = try configuration.makeMethod(using: generator)
  for module in [method.encoder] + (method.companions + method.trained).map(\.module) {
    module.shareStatistics(over: group)
  }
  let exchange: any GradientExchange = group ?? SingleProcess()
  let descent = WeightDescent(method.trained, configuration.optimizer, exchange: exchange)
  let precision = configuration.precision.resolved(on: .cpu)

  var sampler = EpochSampler(
    itemCount: folder.count, batchSize: configuration.batchSize, seed: 0, rank: exchange.rank,
    worldSize: exchange.worldSize)
  let requests = (0..<2).map { _ in BatchRequest(items: sampler.nextBatch().items) }
  let loader = try ViewLoader(
    folder, plan: configuration.views!, decoder: configuration.decoder, seed: configuration.seed,
    options: configuration.loader, requests: requests.makeIterator())
  let share = ItemShare(of: configuration.batchSize, among: group)
  var batches: [TrainingBatch] = []
  while let views = try loader.next() {
    batches.append(TrainingBatch(views, device: .cpu, share: share))
  }

  var (seconds, loss) = ([Double](), 0.0)
  for step in 0..<3 + steps {
    let start = ContinuousClock.now
    let energy = method.energy(
      of: batches[step % batches.count], using: generator, precision: precision)
    energy.total.backward()
    let total = energy.total.detached().clone()
    descent.step(stepSize: configuration.optimizer.learningRate.peak, averaging: [total])
    method.didStep(progress: 0)
    if step >= 3 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    loss = total.item()
  }

  let gradients = descent.parameters.map { Tensor.zeros(like: $0.tensor.detached()) }
  let sums = (0..<3 + steps).map { _ in
    let start = ContinuousClock.now
    exchange.average(gradients)
    return (ContinuousClock.now - start) / .seconds(1)
  }
  return Report(
    processes: exchange.worldSize, batchSize: configuration.batchSize,
    secondsAStep: median(seconds), secondsOfTheSum: median(Array(sums.dropFirst(3))),
    gradientBytes: gradients.reduce(0) { $0 + $1.count * $1.dtype.byteCount }, loss: loss)
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2, let steps = Int(arguments[1]), steps > 0 else {
  FileHandle.standardError.write(
    Data("usage: scaling-benchmark FOLDER STEPS [setting=value ...]\n".utf8))
  exit(1)
}
do {
  let group = try ProcessPlace.inEnvironment().map { try ProcessGroup(joining: $0) }
  let report = try measure(
    folder: arguments[0], steps: steps, settings: Array(arguments.dropFirst(2)), group: group)
  if group?.isFirst ?? true {
    print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
  }
} catch {
  FileHandle.standardError.write(Data("scaling-benchmark: \(error)\n".utf8))
  exit(1)
}
