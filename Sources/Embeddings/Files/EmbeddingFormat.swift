import Files

/// A format that embeddings are written in, and read again: one file `EmbeddingFormat+NAME.swift` each.
public struct EmbeddingFormat: Sendable {
  /// All of them, in the order in which they are listed.
  public static let all: [EmbeddingFormat] = [
    .npy, .npz, .safetensors, .csv, .jsonl, .faiss, .projector,
  ]

  /// The ending of its files, in lower case and without a dot; nil for a folder.
  public let ending: String?
  /// What is to be known of it, for a help text.
  public internal(set) var note: String?
  /// Whether rows may be matrices, `[patches, D]`.
  var holdsTokens = false
  /// Whether numbers may be kept in half precision.
  var holdsHalves = true
  /// Whether a row may hold a small picture.
  var holdsThumbnails = false
  /// Whether a folder is one that an earlier export made; nil for a format of files.
  var isOwnFolder: (@Sendable (_ path: String) -> Bool)?
  /// The files that it makes.
  let files: @Sendable (EmbeddingPaths) -> [OutputFile]
  /// A writer that goes on where the export's state says.
  let writer:
    @Sendable (
      _ export: UnfinishedExport, EmbeddingPaths, EmbeddingDescription, _ hasThumbnails: Bool
    ) throws -> any EmbeddingFormatWriter
  /// Reads what a writer wrote.
  let read: @Sendable (EmbeddingPaths) throws -> EmbeddingContents
}

extension EmbeddingFormat {
  /// The endings of all, with their dots.
  public static var endings: [String] { all.compactMap(\.ending).map { ".\($0)" } }

  /// The format that a path's ending asks for; none, or a final slash, asks for a projector folder.
  ///
  /// - Throws: `EmbeddingError.unknownFormat`.
  public init(path: String) throws {
    let ending = path.hasSuffix("/") ? "" : PathParts(path).ending
    guard
      let format = Self.all.first(where: { $0.ending ?? "" == ending.lowercased() })
    else { throw EmbeddingError.unknownFormat(path: path, found: ending) }
    self = format
  }

  /// Whether `NAME.json` beside a file says what made it.
  var isDescribedBeside: Bool {
    let paths = EmbeddingPaths(output: "NAME")
    return files(paths).contains { $0.path == paths.description }
  }

  /// The writer that goes on where the export's state says.
  func makeWriter(
    _ export: UnfinishedExport, paths: EmbeddingPaths, description: EmbeddingDescription,
    hasThumbnails: Bool = false
  ) throws -> any EmbeddingFormatWriter {
    try writer(export, paths, description, hasThumbnails)
  }
}
