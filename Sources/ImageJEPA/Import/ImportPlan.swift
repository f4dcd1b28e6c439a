import Files
import Torch
import TrainingRuns

/// Every tensor of an imported model and where it comes from, checked against the files.
struct ImportPlan {
  struct Item {
    var name: String
    var shape: [Int]
    var dtype: SafetensorsDType
    var source: TensorSource
  }

  let layout: ModelLayout
  /// What is written as `config.json`.
  private(set) var description: ModelDescription
  let preprocessing: ImagePreprocessing
  private(set) var items: [Item] = []
  /// Tensors of the files that the model has no use for.
  private(set) var leftOut: [String] = []
  let hasPredictor: Bool
  /// The weights of the network, without what is carried along.
  private(set) var weightCount = 0
  private let tensors: SafetensorsShards

  private static let types: [SafetensorsDType] = [.float32, .float16, .bfloat16]

  /// - Parameter configuration: the path that errors about the description name.
  /// - Throws: `ModelError`, whose `.tensors` lists every tensor that is missing, unexpected, of another shape or
  ///   of a type that weights do not have.
  init(
    _ tensors: SafetensorsShards, layout: ModelLayout, facts: TensorFacts,
    description: ModelDescription, configuration: String, preprocessing: ImagePreprocessing,
    allowsMissingPredictor: Bool
  ) throws {
    self.tensors = tensors
    self.layout = layout
    self.preprocessing = preprocessing
    try description.check(
      weightCount: tensors.weightCount, path: configuration)
    // Networks without values: names and shapes come from the very code that will load them.
    let (encoder, predictor) = try Initializer.withoutValues {
      (
        try description.makeEncoder(path: configuration),
        try description.makePredictor(path: configuration)
      )
    }
    hasPredictor =
      predictor != nil && (facts.hasPredictor || !allowsMissingPredictor)
    var written = ModelDescription(of: encoder, imageSize: preprocessing.imageSize)
    var targets = encoder.state.map { (encoder.namePrefix + $0.name, $0.tensor.shape) }
    if hasPredictor, let predictor {
      written.describe(predictor)
      targets += predictor.state.map { (VJEPA2Model.predictorPrefix + $0.name, $0.tensor.shape) }
    }
    self.description = written
    weightCount = targets.reduce(0) { $0 + $1.1.reduce(1, *) }

    var differences = TensorDifferences()
    var used: Set<String> = []
    let standardType =
      Self.types.first { type in
        tensors.names.contains { tensors[$0]?.dtype == type }
      } ?? .float32
    for (name, shape) in targets {
      add(
        name, shape, from: layout.source(of: name, facts: facts), standardType, &used, &differences)
    }
    addCarried(facts, standardType, &used, &differences)
    for name in tensors.names where !used.contains(name) {
      let own = name.hasPrefix(facts.prefix) ? String(name.dropFirst(facts.prefix.count)) : name
      if layout.isLeftOut(own) || layout.isLeftOut(name) {
        leftOut.append(name)
      } else {
        differences.unexpected.append(name)
      }
    }
    let predictorNames = facts.prefix + VJEPA2Model.predictorPrefix
    if !facts.hasPredictor, differences.missing.contains(where: { $0.hasPrefix(predictorNames) }) {
      differences.advice = "--allow-missing predictor goes on without it"
    }
    guard differences.isEmpty else {
      throw ModelError.tensors(
        path: tensors.path, layout: layout.rawValue, differences: differences)
    }
    self.description.torchDtype = items.first.map { item in
      DType.allCases.first { $0.safetensors == item.dtype }?.description ?? "float32"
    }
  }

  private mutating func add(
    _ name: String, _ shape: [Int], from source: TensorSource, _ standardType: SafetensorsDType,
    _ used: inout Set<String>, _ differences: inout TensorDifferences
  ) {
    var dtype = standardType
    if let origin = source.name {
      guard let entry = tensors[origin] else {
        if !differences.missing.contains(origin) { differences.missing.append(origin) }
        return
      }
      let isFirst = used.insert(origin).inserted
      dtype = entry.dtype
      let expected = source.shape(for: shape)
      if entry.shape != expected, isFirst {
        differences.misshapen.append("\(origin) (expected \(expected), found \(entry.shape))")
      }
      if !Self.types.contains(dtype), isFirst {
        differences.mistyped.append(
          "\(origin) (expected F32, F16 or BF16, found \(dtype.rawValue))")
      }
    }
    items.append(Item(name: name, shape: shape, dtype: dtype, source: source))
  }

  /// Adds what the model's Hugging Face class has besides: an unused mask token, the weights of a pooler.
  private mutating func addCarried(
    _ facts: TensorFacts, _ standardType: SafetensorsDType, _ used: inout Set<String>,
    _ differences: inout TensorDifferences
  ) {
    for name in tensors.names where name.hasPrefix(facts.prefix) {
      let own = String(name.dropFirst(facts.prefix.count))
      guard layout.isCarried(own), let entry = tensors[name] else { continue }
      add(own, entry.shape, from: .tensor(name), standardType, &used, &differences)
    }
    guard [ModelDescription.dinov2, ModelDescription.registers].contains(description.modelType)
    else {
      return
    }
    if description.modelType == ModelDescription.dinov2 { description.useMaskToken = true }
    if !items.contains(where: { $0.name == ImageModel.maskTokenName }) {
      let source: TensorSource = tensors["mask_token"] == nil ? .constant(0) : .tensor("mask_token")
      add(
        ImageModel.maskTokenName, [1, facts.width], from: source, standardType, &used, &differences)
    }
  }

  /// Writes the tensors, one after the other.
  ///
  /// - Throws: `SafetensorsError`.
  func writeTensors(to path: String) throws {
    let sources = Dictionary(uniqueKeysWithValues: items.map { ($0.name, $0.source) })
    let writer = try SafetensorsWriter(
      path: path,
      tensors: items.map {
        SafetensorsWriter.Tensor(name: $0.name, dtype: $0.dtype, shape: $0.shape)
      }, metadata: ["format": "pt"])
    let progress = WorkProgress()
    progress.begin("writing tensors", total: items.count)
    try writer.write { tensor, sink in
      defer { progress.advance() }
      let byteCount = tensor.shape.reduce(tensor.dtype.byteCount, *)
      switch sources[tensor.name]! {
      case .tensor(let name):
        try tensors.withBytes(of: name) { bytes in
          try tensors.requireFinite(bytes, of: name)
          try sink(bytes)
        }
      case .part(let name, let index, let count):
        try tensors.withBytes(of: name) { bytes in
          let length = bytes.count / count
          if index == 0 { try tensors.requireFinite(bytes, of: name) }
          try sink(UnsafeRawBufferPointer(rebasing: bytes[index * length..<(index + 1) * length]))
        }
      case .afterZeros(let name, _):
        try tensors.withBytes(of: name) { bytes in
          try tensors.requireFinite(bytes, of: name)
          try [UInt8](repeating: 0, count: byteCount - bytes.count).withUnsafeBytes { try sink($0) }
          try sink(bytes)
        }
      case .constant(let value):
        let filled = Tensor.full(
          tensor.shape, value,
          dtype: DType.allCases.first { $0.safetensors == tensor.dtype } ?? .float32)
        try filled.withUnsafeBytes { try sink($0) }
      }
    }
  }
}

extension SafetensorsShards {
  /// The numbers of all tensors together.
  var weightCount: Int {
    names.reduce(0) { sum, name in
      sum + (self[name].map { $0.byteRange.count / $0.dtype.byteCount } ?? 0)
    }
  }
}

/// What an import did, for a person.
public struct ImportReport: CustomStringConvertible {
  /// The folder that was made.
  public let path: String
  public let layout: ModelLayout
  /// Tensors of the files that were left out: heads and poolers.
  public let leftOut: [String]
  public let hasPredictor: Bool
  public let weightCount: Int
  private let text: String

  init(plan: ImportPlan, path: String) {
    self.path = path
    layout = plan.layout
    leftOut = plan.leftOut
    hasPredictor = plan.hasPredictor
    weightCount = plan.weightCount
    let description = plan.description
    let millions = Double(plan.weightCount) / 1e6
    let side = description.side / max(description.patchSize.pixels, 1)
    let name = description.architectures?.first ?? description.modelType
    var lines = [
      "\(layout.rawValue): \(name) of width \(description.hiddenSize), "
        + "\(description.numHiddenLayers ?? 0) layers, \(description.numAttentionHeads ?? 0) heads, "
        + "\(side)x\(side) tokens of \(description.patchSize.pixels) pixels"
        + (plan.layout == .vjepa2
          ? (plan.hasPredictor ? ", with" : ", without") + " predictor" : ""),
      "\(plan.items.count) tensors, \(String(format: "%.2f", millions)) "
        + "million weights in \(description.torchDtype ?? "float32")",
    ]
    if !leftOut.isEmpty { lines.append("left out: \(leftOut.joined(separator: ", "))") }
    lines.append("wrote \(path)")
    text = lines.joined(separator: "\n")
  }

  public var description: String { text }
}
