// Times I-JEPA training steps on pictures in memory and prints what they cost, as JSON.
// `run` runs it beside peer.py, with the same options; README.md says what both measure.

import EnergyDescent
import Files
import Foundation
import ImageJEPA
import Torch
import TrainingRuns

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("ijepa-step-benchmark: \(message)\n".utf8))
  exit(1)
}

/// The options by name, with peer.py's names and defaults; `precision` (float32, bfloat16) and `blocks`
/// (separate, together) are this side's own.
struct Options {
  private var values = [
    "image": "64", "patch": "8", "batch": "64", "width": "192", "depth": "12", "heads": "3",
    "predictor-width": "96", "predictor-depth": "6", "predictor-heads": "3",
    "learning-rate": "1e-3", "momentum": "0.996", "warmup": "3", "steps": "10", "threads": "0",
    "seed": "0", "device": "cpu", "precision": "float32", "blocks": "separate", "masks": "",
    "write-masks": "", "read-state": "",
  ]

  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard name.hasPrefix("--"), values[String(name.dropFirst(2))] != nil else {
        let names = values.keys.sorted().joined(separator: " --")
        fail("unknown option \(name): expected one of --\(names)")
      }
      guard let value = rest.popFirst() else { fail("no value for \(name)") }
      values[String(name.dropFirst(2))] = value
    }
  }

  func text(_ name: String) -> String { values[name]! }

  func number(_ name: String) -> Double {
    guard let number = Double(values[name]!) else {
      fail("--\(name): expected a number, found \(values[name]!)")
    }
    return number
  }

  func count(_ name: String) -> Int {
    guard let count = Int(values[name]!), count >= 0 else {
      fail("--\(name): expected a count, found \(values[name]!)")
    }
    return count
  }
}

/// The masks that both sides read.
struct MaskFile: Codable {
  struct Batch: Codable {
    /// `[item][n]`
    var context: [[Int64]]
    /// `[item][block][m]`
    var targets: [[[Int64]]]

    init(_ masks: MultiBlockMask.Batch) {
      let (blocks, length) = (masks.targetCount, masks.targetLength)
      context = (0..<masks.itemCount).map { item in
        Array(masks.context[item * masks.contextLength..<(item + 1) * masks.contextLength])
      }
      targets = (0..<masks.itemCount).map { item in
        (0..<blocks).map { block in
          let start = (item * blocks + block) * length
          return Array(masks.targets[start..<start + length])
        }
      }
    }
  }
  var batches: [Batch]

  static func draw(batches: Int, items: Int, grid: TokenGrid, seed: UInt64) throws -> MaskFile {
    let mask = MultiBlockMask()
    try mask.validate(grid: grid)
    var generator = SeededGenerator(seed: seed)
    return MaskFile(
      batches: (0..<batches).map { _ in
        Batch(mask.draw(itemCount: items, grid: grid, using: &generator))
      })
  }
}

extension BlockMasks {
  /// The masks of a file's batch.
  init(_ batch: MaskFile.Batch, device: Device) {
    let lengths = Set(batch.context.map(\.count))
    let targetLength = batch.targets[0][0].count
    guard lengths.count == 1, batch.targets.joined().allSatisfy({ $0.count == targetLength }) else {
      fail("a batch whose contexts or target blocks differ in length")
    }
    self.init(
      context: Tensor(
        Array(batch.context.joined()), shape: [batch.context.count, batch.context[0].count]),
      targets: Tensor(
        Array(batch.targets.joined().joined()),
        shape: [batch.targets.count, batch.targets[0].count, targetLength]),
      device: device)
  }
}

/// The training step of the method `ijepa`, as the trainer makes it.
final class Step {
  private let method: IJEPAMethod
  private let descent: WeightDescent
  private let learningRate: Double
  private let precision: DType?
  private let device: Device

  init(_ options: Options, grid: TokenGrid, device: Device) throws {
    let generator = RandomGenerator(seed: UInt64(options.count("seed")))
    let shape = TransformerShape(
      width: options.count("width"), depth: options.count("depth"), heads: options.count("heads"),
      patchSize: options.count("patch"), imageSize: options.count("image"))
    let encoder = VisionTransformer(shape, using: generator)
    let state = options.text("read-state")
    if !state.isEmpty {
      try encoder.loadState(from: SafetensorsFile(path: "\(state)/model.safetensors"))
    }
    var configuration = MethodConfiguration()
    configuration.name = .ijepa
    configuration.predictorWidth = options.count("predictor-width")
    configuration.predictorDepth = options.count("predictor-depth")
    configuration.predictorHeads = options.count("predictor-heads")
    configuration.predictsBlocksTogether = options.text("blocks") == "together"
    configuration.momentum = .constant(options.number("momentum"))
    method = IJEPAMethod(
      encoder: encoder, copy: VisionTransformer(shape, using: generator),
      imageSize: shape.imageSize, configuration: configuration, using: generator)
    if !state.isEmpty, let predictor = method.trained.first(where: { $0.name == "predictor" }) {
      try predictor.module.loadState(
        from: SafetensorsFile(path: "\(state)/predictor.safetensors"))
    }
    for (_, module) in method.trained + [("teacher", method.encoder)] { module.move(to: device) }
    descent = WeightDescent(
      method.trained, betas: (0.9, 0.95), weightDecay: 0.05, clipNorm: nil)
    learningRate = options.number("learning-rate")
    precision = options.text("precision") == "bfloat16" ? .bfloat16 : nil
    self.device = device
  }

  func callAsFunction(_ pictures: Tensor, _ masks: BlockMasks) -> Tensor {
    let energy = withAutocast(to: precision, on: device) {
      method.energy(of: pictures, masks: masks).total
    }
    energy.backward()
    descent.step(stepSize: learningRate)
    method.didStep(progress: 0)
    return energy.detached()
  }
}

struct Report: Encodable {
  var imagesPerSecond: Double
  var peakMemoryMiB: Int
  var memoryAtStartMiB: Int
  var losses: [Double]
}

func measure(_ options: Options) throws -> Report {
  let device = try Device(options.text("device"))
  if options.count("threads") > 0 { Session.threadCount = options.count("threads") }
  let (batch, image) = (options.count("batch"), options.count("image"))
  let side = image / options.count("patch")
  let file = try JSONDecoder().decode(
    MaskFile.self, from: Data(contentsOf: URL(fileURLWithPath: options.text("masks"))))
  guard file.batches.allSatisfy({ $0.context.count == batch }) else {
    fail("the masks are of another batch than \(batch)")
  }
  let masks = file.batches.map { BlockMasks($0, device: device) }
  let state = options.text("read-state")
  let pictures =
    try state.isEmpty
    ? Tensor.normal(
      [masks.count, batch, 3, image, image],
      using: RandomGenerator(seed: UInt64(options.count("seed"))))
    : SafetensorsFile(path: "\(state)/pixels.safetensors").tensor("pixels")
  let memoryAtStart = PeakMemory.mebibytes
  let onDevice = pictures.to(device: device)
  let step = try Step(options, grid: TokenGrid(height: side, width: side), device: device)

  var losses: [Tensor] = []
  var start = ContinuousClock.now
  for index in 0..<options.count("warmup") + options.count("steps") {
    if index == options.count("warmup") {
      try device.synchronize()
      start = .now
    }
    losses.append(step(onDevice[index % masks.count], masks[index % masks.count]))
  }
  try device.synchronize()
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  return Report(
    imagesPerSecond: Double(batch * options.count("steps")) / seconds,
    peakMemoryMiB: device.peakMemory.map { $0 >> 20 } ?? PeakMemory.mebibytes,
    memoryAtStartMiB: device.peakMemory == nil ? memoryAtStart : 0,
    losses: losses.map { $0.item() })
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
do {
  let output = options.text("write-masks")
  if output.isEmpty {
    print(String(decoding: try JSONEncoder().encode(measure(options)), as: UTF8.self))
  } else {
    let side = options.count("image") / options.count("patch")
    let masks = try MaskFile.draw(
      batches: 4, items: options.count("batch"), grid: TokenGrid(height: side, width: side),
      seed: UInt64(options.count("seed")))
    try JSONEncoder().encode(masks).write(to: URL(fileURLWithPath: output))
  }
} catch {
  fail("\(error)")
}
