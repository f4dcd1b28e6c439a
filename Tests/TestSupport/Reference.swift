import Foundation
import Torch

/// The tensors of a frozen reference file under Tests/Fixtures.
public struct Reference {
  private let file: SafetensorsFile

  /// Opens a file, given relative to Tests/Fixtures.
  public init(_ relativePath: String) throws {
    file = try SafetensorsFile(path: Fixtures.path(relativePath))
  }

  /// The names of all tensors.
  public var names: [String] { file.names }

  /// A tensor of its own, that a test may change.
  public subscript(name: String) -> Tensor {
    do {
      return try file.tensor(name)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// Fills a module with the weights and buffers that stand under `prefix`.
  public func fill(_ module: Module, prefix: String = "") {
    withoutGradient {
      for (name, tensor) in module.state {
        let saved = self[prefix + name]
        precondition(
          saved.shape == tensor.shape, "\(name): \(saved.shape) for a tensor of \(tensor.shape)")
        tensor.assign(saved)
      }
    }
  }
}

/// The greatest difference between elements, relative to the greatest magnitude expected; infinite
/// when the shapes differ.
public func relativeDifference(_ found: Tensor, from expected: Tensor) -> Double {
  guard found.shape == expected.shape else { return .infinity }
  let expected = expected.detached().to(.float64)
  let magnitude = expected.abs().max().item()
  let difference = (found.detached().to(.float64) - expected).abs().max().item()
  return magnitude == 0 ? difference : difference / magnitude
}

extension Module {
  /// The gradients of its parameters as `backward()` left them, under the names of a checkpoint: a
  /// parameter that is kept in parts has a gradient for each.
  public var gradientsByStateName: [String: Tensor] {
    let buffers = Set(buffers.map(\.name))
    var entries = state.filter { !buffers.contains($0.name) }[...]
    var result: [String: Tensor] = [:]
    for (_, parameter) in parameters {
      var row = 0
      repeat {
        let entry = entries.removeFirst()
        let rows = row..<row + entry.tensor.size(0)
        result[entry.name] = parameter.gradient?.slice(rows)
        row = rows.upperBound
      } while row < parameter.size(0)
    }
    return result
  }
}
