import CTorch
import Foundation

/// What an operator runs into that is nobody's mistake. `Computation.run` throws it.
public enum ComputationError: Error, Equatable, CustomStringConvertible, LocalizedError {
  /// Memory ran out: of the host, where `device` is `cpu`, or of a device. `wanted` is what the operator asked for
  /// last, such as `2.0 GiB`; nil where libtorch does not say.
  case outOfMemory(operation: String, device: String, wanted: String?)
  /// A device, or a library that computes on it, failed: it may not answer again in this process.
  case deviceFailed(operation: String, reason: String)
  /// Another process of a `ProcessGroup` is gone, or did not answer in time.
  case peersFailed(reason: String)

  public var description: String {
    switch self {
    case .outOfMemory(let operation, let device, let wanted):
      "out of memory on \(device): \(operation) asked for \(wanted ?? "more than there is")"
    case .deviceFailed(let operation, let reason):
      "the device failed in \(operation): \(reason)"
    case .peersFailed(let reason):
      "another process that takes part \(reason)"
    }
  }

  public var errorDescription: String? { description }

  /// Whether a smaller batch or model may help.
  public var isOfMemory: Bool {
    if case .outOfMemory = self { true } else { false }
  }

  /// What a status of the shim means; nil for what is the caller's mistake.
  ///
  /// - Parameters:
  ///   - operation: the operator's name.
  ///   - message: libtorch's.
  init?(status: Int32, operation: String, message: String) {
    switch status {
    case Int32(CT_OUT_OF_MEMORY):
      let device = ["CUDA", "MPS"].first { message.contains($0) } ?? "cpu"
      self = .outOfMemory(
        operation: operation, device: device.lowercased(), wanted: Self.wanted(in: message))
    case Int32(CT_DEVICE_FAILED):
      // What follows the first line tells how to debug a kernel.
      let line = message.split(whereSeparator: \.isNewline).first.map(String.init)
      self = .deviceFailed(operation: operation, reason: line ?? "it does not say why")
    case Int32(CT_PEERS_FAILED): self = .peersFailed(reason: Self.reason(ofPeers: message))
    default: return nil
    }
  }

  /// Gloo names its own source and the sockets; what they mean is one of two things.
  private static func reason(ofPeers message: String) -> String {
    message.contains("imed out") || message.contains("imeout")
      ? "does not answer: it hangs, or its machine cannot be reached" : "has ended"
  }

  /// CPUs count bytes (`you tried to allocate 4096 bytes`), devices say `Tried to allocate 2.00 GiB`.
  ///
  /// Without a regular expression, which would need memory itself.
  private static func wanted(in message: String) -> String? {
    let words = message.split(separator: " ", omittingEmptySubsequences: false)
    let place = words.indices.dropFirst().first {
      words[$0] == "allocate" && words[$0 - 1] == "to"
    }
    guard let place, place + 2 < words.count else { return nil }
    let (amount, ending) = (words[place + 1], words[place + 2].prefix { $0.isLetter })
    guard ending == "bytes" else { return "\(amount) \(ending)" }
    guard let bytes = Double(amount) else { return nil }
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var (size, unit) = (bytes, 0)
    while size >= 1024, unit < units.count - 1 { (size, unit) = (size / 1024, unit + 1) }
    return String(format: unit == 0 ? "%.0f" : "%.1f", size) + " \(units[unit])"
  }

  /// What the shim is told of this error, on its way through libtorch.
  var status: Int32 {
    switch self {
    case .outOfMemory: Int32(CT_OUT_OF_MEMORY)
    case .deviceFailed: Int32(CT_DEVICE_FAILED)
    case .peersFailed: Int32(CT_PEERS_FAILED)
    }
  }
}
