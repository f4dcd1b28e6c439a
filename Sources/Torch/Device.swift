import CTorch

/// Where a tensor's memory is and where its operators run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
  case cpu
  case cuda(Int)
  case mps

  /// Reads `cpu`, `cuda`, `cuda:1` or `mps`.
  ///
  /// - Throws: `TorchError.unknownDevice` for any other name, `TorchError.deviceUnavailable` when this
  ///   machine or this libtorch has no such device.
  public init(_ name: String) throws {
    switch name {
    case "cpu": self = .cpu
    case "mps": self = .mps
    case "cuda": self = .cuda(0)
    default:
      guard name.hasPrefix("cuda:"), let index = Int(name.dropFirst(5)), index >= 0 else {
        throw TorchError.unknownDevice(name)
      }
      self = .cuda(index)
    }
    guard isAvailable else { throw TorchError.deviceUnavailable(description) }
  }

  /// Whether this libtorch was built for the device and the machine has it.
  public var isAvailable: Bool { Int(ct_device_count(type)) > Int(index) }

  /// Waits for everything that was started on the device; at once on a CPU.
  public func synchronize() throws {
    guard ct_synchronize(type, index) == 0 else { throw TorchError.libtorch(lastErrorMessage()) }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    case .mps: "mps"
    }
  }

  var type: Int32 {
    switch self {
    case .cpu: Int32(CT_CPU)
    case .cuda: Int32(CT_CUDA)
    case .mps: Int32(CT_MPS)
    }
  }

  var index: Int32 {
    if case .cuda(let index) = self { Int32(index) } else { 0 }
  }

  init(type: Int32, index: Int32) {
    switch type {
    case Int32(CT_CPU): self = .cpu
    case Int32(CT_CUDA): self = .cuda(Int(index))
    case Int32(CT_MPS): self = .mps
    default: preconditionFailure("libtorch returned a tensor on a device of unknown kind \(type)")
    }
  }
}
