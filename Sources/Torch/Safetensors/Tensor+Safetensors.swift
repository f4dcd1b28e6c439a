// Between tensors and safetensors files.

extension DType {
  /// The same type by its name in a safetensors file.
  public var safetensors: SafetensorsDType {
    switch self {
    case .uint8: .uint8
    case .int32: .int32
    case .int64: .int64
    case .float16: .float16
    case .float32: .float32
    case .float64: .float64
    case .bool: .bool
    case .bfloat16: .bfloat16
    }
  }
}

extension SafetensorsFile {
  /// A copy of one tensor, on the CPU.
  ///
  /// - Throws: `SafetensorsError.missingTensor`; `.unsupportedDType` for element types that tensors do
  ///   not have (float8, complex and unsigned ones wider than a byte).
  public func tensor(_ name: String) throws -> Tensor {
    let entry = try entry(name)
    guard let dtype = DType.allCases.first(where: { $0.safetensors == entry.dtype }) else {
      throw SafetensorsError.unsupportedDType(
        path: path, tensor: name, found: entry.dtype.rawValue)
    }
    let tensor = Tensor.empty(entry.shape, dtype: dtype)
    try withBytes(of: name) { bytes in
      tensor.withUnsafeMutableBytes { memory in
        if !bytes.isEmpty { memory.copyMemory(from: bytes) }
      }
    }
    return tensor
  }
}

extension SafetensorsFile {
  /// Checks that a tensor of this file is made of numbers.
  ///
  /// - Throws: `SafetensorsError.notFinite`.
  fileprivate func requireFinite(_ tensor: Tensor, name: String) throws(SafetensorsError) {
    guard tensor.dtype.isFloatingPoint, tensor.isFinite().all().item() == 0 else { return }
    let finite = tensor.isFinite().array(of: Bool.self)
    throw .notFinite(path: path, tensor: name, count: finite.count { !$0 }, of: finite.count)
  }
}

extension SafetensorsWriter {
  /// Writes tensors, wherever they are, to a file that appears only when it is complete.
  ///
  /// - Throws: `SafetensorsError`, for instance `.system` when the disk is full.
  public static func write(
    _ tensors: [(name: String, tensor: Torch.Tensor)], metadata: [String: String] = [:],
    to path: String
  ) throws {
    let byName = Dictionary(tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
    let writer = try SafetensorsWriter(
      path: path,
      tensors: tensors.map {
        Tensor(name: $0.name, dtype: $0.tensor.dtype.safetensors, shape: $0.tensor.shape)
      },
      metadata: metadata)
    try writer.write { entry, sink in
      guard let tensor = byName[entry.name] else { return }
      try tensor.withUnsafeBytes { try sink($0) }
    }
  }
}

extension Module {
  /// Overwrites all parameters and buffers with those of a file, converting element types.
  ///
  /// - Parameters:
  ///   - file: where they come from.
  ///   - prefix: what the file's names have before the module's own.
  ///   - ignoring: names (after the prefix) that the file may have and the module has not.
  /// - Throws: `TorchError.stateMismatch` that lists every missing, unexpected and misshapen tensor, and
  ///   leaves the module as it was; `SafetensorsError`.
  public func loadState(
    from file: SafetensorsFile, prefix: String = "", ignoring: Set<String> = []
  ) throws {
    let expected = state
    let known = Set(expected.map { prefix + $0.name })
    let present = Set(file.names)
    let unexpected = present.filter {
      $0.hasPrefix(prefix) && !known.contains($0)
        && !ignoring.contains(String($0.dropFirst(prefix.count)))
    }
    let missing = known.subtracting(present)
    let misshapen = try expected.compactMap { name, tensor -> String? in
      guard present.contains(prefix + name) else { return nil }
      let shape = try file.entry(prefix + name).shape
      return shape == tensor.shape
        ? nil : "\(prefix + name) (expected \(tensor.shape), found \(shape))"
    }
    guard missing.isEmpty, unexpected.isEmpty, misshapen.isEmpty else {
      throw TorchError.stateMismatch(
        path: file.path, missing: missing.sorted(), unexpected: unexpected.sorted(),
        misshapen: misshapen)
    }
    try withoutGradient {
      for (name, tensor) in expected {
        let loaded = try file.tensor(prefix + name)
        try file.requireFinite(loaded, name: prefix + name)
        tensor.assign(loaded)
      }
    }
  }
}
