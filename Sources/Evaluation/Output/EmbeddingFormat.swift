import Foundation

/// The formats that embeddings are written in.
public enum EmbeddingFormat: String, CaseIterable, Sendable {
  case npy, npz, safetensors, csv, jsonl
  /// A folder for TensorBoard's embedding projector.
  case projector

  /// The format that a path's ending asks for; none, or a final slash, asks for a projector folder.
  ///
  /// - Throws: `EvaluationError.unknownFormat`.
  public init(path: String) throws(EvaluationError) {
    let ending = (path as NSString).pathExtension
    if path.hasSuffix("/") || ending.isEmpty {
      self = .projector
    } else if let format = EmbeddingFormat(rawValue: ending.lowercased()), format != .projector {
      self = format
    } else {
      throw .unknownFormat(path: path, found: ending)
    }
  }

  /// Whether rows may be matrices, `[patches, D]`.
  var holdsTokens: Bool {
    switch self {
    case .npy, .npz, .safetensors, .jsonl: true
    case .csv, .projector: false
    }
  }
}

/// The files of one export: the one that was asked for, and those beside it.
struct EmbeddingPaths {
  let output: String
  private let stem: String

  init(output: String) {
    self.output = output.hasSuffix("/") ? String(output.dropLast()) : output
    stem = (self.output as NSString).deletingPathExtension
  }

  /// The list of rows beside an array.
  var rows: String { stem + ".csv" }
  /// The description beside a file that has no place for it.
  var description: String { stem + ".json" }
  /// Where an export is until it is complete.
  var unfinished: String { output + ".unfinished" }
}
