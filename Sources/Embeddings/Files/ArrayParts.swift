import Torch

/// The parts of an export whose numbers stand one after the other, and whose rows are a list beside them.
struct ArrayParts {
  let numbers: ExportPart
  let list: ExportPart
  private let folder: String

  /// - Parameter header: what stands before the numbers: its length must not depend on N.
  init(_ export: UnfinishedExport, header: [UInt8] = []) throws {
    folder = export.folder
    numbers = try export.part("numbers")
    list = try export.part("rows.csv")
    if numbers.byteCount == 0 { try numbers.append(header) }
    if list.byteCount == 0 {
      try list.append(DelimitedText.rowFields.joined(separator: ",") + "\r\n")
    }
  }

  func append(_ embeddings: Tensor, rows: [EmbeddingRow], first: Int) throws {
    // Every platform that libtorch runs on is little-endian: memory is what the formats ask for.
    try embeddings.withUnsafeBytes { try numbers.append($0) }
    let lines = rows.enumerated().map { DelimitedText.line($1, number: first + $0) + "\r\n" }
    try list.append(lines.joined())
  }

  /// Calls `body` with every row, from the list.
  func forEachRow(_ body: (EmbeddingRow) throws -> Void) throws {
    var records = try DelimitedRecords(path: list.path)
    _ = try records.read()
    var number = 0
    while let fields = try records.read() {
      guard let row = DelimitedText.row(fields[...], number: number) else {
        throw EmbeddingError.damagedExport(
          path: list.path, expectedBytes: list.byteCount, foundBytes: list.byteCount,
          folder: folder)
      }
      try body(row)
      number += 1
    }
  }
}

/// A writer whose parts are numbers and a list of rows.
protocol ArrayPartsWriter: EmbeddingFormatWriter {
  var parts: ArrayParts { get }
}

extension ArrayPartsWriter {
  func append(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor
  ) throws {
    try parts.append(embeddings, rows: rows, first: first)
  }
}

/// A header, the numbers, and beside them the list of rows and the description.
struct HeadedArrayWriter: ArrayPartsWriter {
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  let parts: ArrayParts
  private let header: (EmbeddingDescription) -> [UInt8]

  init(
    _ export: UnfinishedExport, paths: EmbeddingPaths, description: EmbeddingDescription,
    header: @escaping (EmbeddingDescription) -> [UInt8]
  ) throws {
    self.export = export
    self.paths = paths
    self.header = header
    parts = try ArrayParts(export, header: header(description))
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    try parts.numbers.overwrite(at: 0, with: header(description))
    return [.init(part: parts.list.name, path: paths.rows)]
      + (try export.described(parts.numbers, description, paths))
  }
}

extension UnfinishedExport {
  /// A finished part as the file that was asked for, after the description beside it.
  func described(
    _ part: ExportPart, _ description: EmbeddingDescription, _ paths: EmbeddingPaths
  ) throws -> [Publication] {
    let about = try assembled(description)
    return [
      .init(part: about.name, path: paths.description), .init(part: part.name, path: paths.output),
    ]
  }

  /// A part of what made the embeddings, one line of JSON.
  func assembled(
    _ description: EmbeddingDescription, as name: String = "description.json"
  ) throws -> ExportPart {
    let part = try assembled(name)
    try part.append(description.json() + "\n")
    return part
  }
}
