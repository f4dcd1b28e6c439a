import Foundation

/// What can be wrong with the files of a model.
public enum ModelError: Error, Equatable, CustomStringConvertible, LocalizedError {
  case unknownType(path: String, found: String)
  case missingField(path: String, field: String, type: String)
  case impossible(path: String, reason: String)
  /// The configuration and the tensors are not of one model. Lists every number that differs.
  case contradiction(path: String, differences: [String])
  /// The tensors have the names of no layout that is known. `found` are the first of them.
  case unknownLayout(path: String, expected: String, found: [String])
  /// The tensors do not say how many heads they are for, nor does the configuration.
  case unknownHeads(path: String, width: Int)
  /// There is no such folder, and `name` is that of a model of Hugging Face's hub.
  case notDownloaded(path: String, name: String)
  case noFolder(path: String)
  /// A file is named where the folder that it lies in is wanted.
  case fileForFolder(path: String, folder: String)
  /// A published model of another kind than those that import takes.
  case unsupportedModel(path: String, expected: String, found: String)
  /// A model folder lacks the weights; `found` names files of other kinds that are there, `advice` says how they
  /// become safetensors.
  case noWeights(folder: String, found: [String], advice: String?)
  /// The tensors of a published model are not those of its layout. Lists every difference.
  case tensors(path: String, layout: String, differences: TensorDifferences)

  public var description: String {
    switch self {
    case .unknownType(let path, let found):
      "\(path): expected model_type \(ModelDescription.known.joined(separator: ", ")), found \(found)"
    case .missingField(let path, let field, let type):
      "\(path): a model of type \(type) needs the field \(field)"
    case .impossible(let path, let reason): "\(path): \(reason)"
    case .contradiction(let path, let differences):
      "\(path) contradicts the tensors: \(differences.joined(separator: "; "))"
    case .unknownLayout(let path, let expected, let found):
      "\(path): expected tensors named as by \(expected), found "
        + (found.isEmpty ? "none" : found.joined(separator: ", "))
    case .unknownHeads(let path, let width):
      "\(path): nothing says how many attention heads the width of \(width) is for: give --heads"
    case .notDownloaded(let path, let name):
      "\(path): no such folder; to download the model from Hugging Face: "
        + "hf download \(name) --local-dir \(name.split(separator: "/").last!)"
    case .noFolder(let path): "\(path): no such folder"
    case .fileForFolder(let path, let folder):
      "\(path): expected the folder of a model, found a file: name \(folder)"
    case .unsupportedModel(let path, let expected, let found):
      "\(path): expected a model_type of \(expected), or timm's vit_…, found \(found)"
    case .noWeights(let folder, let found, let advice):
      "\(folder): expected model.safetensors or model.safetensors.index.json"
        + (found.isEmpty ? "" : ", found \(found.joined(separator: ", "))")
        + (advice.map { ": \($0)" } ?? "")
    case .tensors(let path, let layout, let differences):
      "\(path) is no \(layout) model: \(differences)"
    }
  }

  public var errorDescription: String? { description }

}

/// How the tensors of a file differ from those that a model has.
public struct TensorDifferences: Equatable, Sendable, CustomStringConvertible {
  public var missing: [String] = []
  public var unexpected: [String] = []
  /// With the shape, or the element type, that was expected and found.
  public var misshapen: [String] = []
  public var mistyped: [String] = []
  /// How to go on all the same.
  public var advice: String?

  var isEmpty: Bool {
    missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty && mistyped.isEmpty
  }

  public var description: String {
    [
      ("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen),
      ("of another type", mistyped),
    ].filter { !$0.1.isEmpty }
      .map { "\($0.0): \($0.1.joined(separator: ", "))" }
      .joined(separator: "; ") + (advice.map { "; \($0)" } ?? "")
  }
}
