import CTorch
import Foundation

/// What can go wrong with tensors because of the world outside: devices, memory and files.
///
/// A programmer's mistake (shapes that do not fit) traps instead, naming the operator and the shapes.
public enum TorchError: Error, Equatable, CustomStringConvertible, LocalizedError {
  case unknownDevice(String)
  case deviceUnavailable(String, reason: String)
  case libtorch(String)
  /// The tensors of a file are not the ones a module has. Lists every difference.
  case stateMismatch(path: String, missing: [String], unexpected: [String], misshapen: [String])

  public var description: String {
    switch self {
    case .unknownDevice(let name):
      return "unknown device '\(name)': expected cpu, cuda, cuda:INDEX or mps"
    case .deviceUnavailable(let name, let reason):
      return "device \(name) is not available: \(reason)"
    case .libtorch(let message):
      return "libtorch: \(message)"
    case .stateMismatch(let path, let missing, let unexpected, let misshapen):
      let parts = [
        ("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen),
      ]
      return "\(path) does not fit the model: "
        + parts.filter { !$0.1.isEmpty }
        .map { "\($0.0): \($0.1.sorted().joined(separator: ", "))" }
        .joined(separator: "; ")
    }
  }

  public var errorDescription: String? { description }
}

/// libtorch's message for the last call that failed on this thread.
func lastErrorMessage() -> String { String(cString: ct_last_error()) }
