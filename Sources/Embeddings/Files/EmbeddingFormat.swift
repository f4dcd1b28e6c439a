import Files
import Foundation

/// The formats that embeddings are written in.
public enum EmbeddingFormat: String, CaseIterable, Sendable {
  case npy, npz, safetensors, csv, jsonl
  /// A flat index of FAISS.
  case faiss
  /// A folder for TensorBoard's embedding projector.
  case projector

  /// The format that a path's ending asks for; none, or a final slash, asks for a projector folder.
  ///
  /// - Throws: `EmbeddingError.unknownFormat`.
  public init(path: String) throws {
    let ending = PathParts(path).ending
    if path.hasSuffix("/") || ending.isEmpty {
      self = .projector
    } else if let format = EmbeddingFormat(rawValue: ending.lowercased()), format != .projector {
      self = format
    } else {
      throw EmbeddingError.unknownFormat(path: path, found: ending)
    }
  }

  /// Whether rows may be matrices, `[patches, D]`.
  var holdsTokens: Bool {
    switch self {
    case .npy, .npz, .safetensors, .jsonl: true
    case .csv, .faiss, .projector: false
    }
  }

  /// Whether numbers may be kept in half precision.
  var holdsHalves: Bool { self != .faiss }
}

/// The files of one export: the one that was asked for, and those beside it.
struct EmbeddingPaths {
  let output: String
  private let stem: String

  init(output: String) {
    self.output = output.hasSuffix("/") ? String(output.dropLast()) : output
    stem = PathParts(self.output).stem
  }

  /// The list of rows beside an array.
  var rows: String { stem + ".csv" }
  /// The description beside a file that has no place for it.
  var description: String { stem + ".json" }
  /// Every file that an export makes, with what it is.
  func files(of format: EmbeddingFormat) -> [OutputFile] {
    let about = OutputFile("the description of --output", description, .description)
    let left = OutputFile("the list of what --output leaves out", skipped, .skippedList)
    return switch format {
    case .npy, .faiss:
      [
        OutputFile("--output", output, .describedEmbeddings),
        OutputFile("the rows of --output", rows, .rows), about, left,
      ]
    case .csv, .jsonl: [OutputFile("--output", output, .describedEmbeddings), about, left]
    case .npz: [OutputFile("--output", output, .embeddings), left]
    case .safetensors:
      // The rows have a file of their own where they are too long for the header.
      [
        OutputFile("--output", output, .embeddings),
        OutputFile("the rows of --output", rows, .rows), left,
      ]
    case .projector: [left]
    }
  }

  /// Another export whose rows or description would be overwritten: it has the same name up to the ending.
  func neighbour(of format: EmbeddingFormat) -> String? {
    let formats = [EmbeddingFormat.npy, .csv, .jsonl, .faiss]
    guard formats.contains(format) else { return nil }
    return formats.filter { $0 != format }.map { "\(stem).\($0)" }
      .first(where: isExport)
  }

  private func isExport(_ path: String) -> Bool {
    // The rows of an array are no export of their own.
    FileIdentity(path: path) != nil && !OutputKind.rows.isMade(path)
      && OutputKind.describedEmbeddings.isMade(path)
  }

  /// What was left out and why, where it is more than is printed.
  var skipped: String { stem + ".skipped.csv" }
  /// Where an export is until it is complete.
  var unfinished: String { output + ".unfinished" }
}
