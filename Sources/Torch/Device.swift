import CTorch

/// Where a tensor's memory is and where its operators run.
public enum Device: Sendable, Hashable, CustomStringConvertible {
  case cpu
  case cuda(Int)
  case mps
  /// No memory at all: operators compute shapes and types only. A step that runs here makes nothing on the
  /// host and reads nothing back.
  case meta

  /// Reads `cpu`, `cuda`, `cuda:1` or `mps`; an accelerator is set to compute fast (`Session.preferSpeed`).
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
    guard isAvailable else {
      throw TorchError.deviceUnavailable(description, reason: reasonItIsUnavailable ?? "")
    }
    if isAccelerator { Session.preferSpeed() }
  }

  /// Whether this libtorch was built for the device and the machine has it.
  public var isAvailable: Bool { Int(ct_device_count(type)) > Int(index) }

  /// Why the device cannot be used, and what to do; nil where it can.
  public var reasonItIsUnavailable: String? {
    guard !isAvailable else { return nil }
    let torch = "libtorch \(Session.torchVersion)"
    switch self {
    case .cpu, .meta: return nil
    case .mps:
      return ct_supports_device(type)
        ? "\(torch) found no Apple GPU" : "\(torch) is built without MPS, which macOS alone has"
    case .cuda(let index):
      guard ct_supports_device(type) else {
        return "\(torch) is built without CUDA: set LIBTORCH to a PyTorch folder that has it"
      }
      let count = Int(ct_device_count(type))
      if count > 0 {
        return "there are \(count), from cuda:0 to cuda:\(count - 1), not cuda:\(index)"
      }
      return CUDADriver.version == nil
        ? "\(torch) has CUDA, but there is no NVIDIA driver (libcuda.so.1)"
        : "\(torch) has CUDA and the driver is there, but it offers no GPU: see nvidia-smi"
    }
  }

  /// Waits for everything that was started on the device; at once on a CPU.
  public func synchronize() throws {
    guard ct_synchronize(type, index) == 0 else { throw TorchError.libtorch(lastErrorMessage()) }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    case .mps: "mps"
    case .meta: "meta"
    }
  }

  /// Whether the host and the device work at the same time, so that reading a number back waits.
  public var isAccelerator: Bool {
    switch self {
    case .cpu, .meta: false
    case .cuda, .mps: true
    }
  }

  /// The most bytes that tensors took at one time; nil where libtorch does not count them.
  public var peakMemory: Int? {
    guard case .cuda = self else { return nil }
    var bytes: Int64 = 0
    return ct_peak_device_memory(type, index, &bytes) == 0 ? Int(bytes) : nil
  }

  var type: Int32 {
    switch self {
    case .cpu: Int32(CT_CPU)
    case .cuda: Int32(CT_CUDA)
    case .mps: Int32(CT_MPS)
    case .meta: Int32(CT_META)
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
    case Int32(CT_META): self = .meta
    default: preconditionFailure("libtorch returned a tensor on a device of unknown kind \(type)")
    }
  }
}
