import Files
import Foundation
import Torch

/// Writes embeddings in one format, batch by batch, into the parts of an unfinished export.
///
/// What is written follows from the embeddings and rows alone, so that an export that was continued is the
/// same as one that was not interrupted.
protocol EmbeddingFormatWriter {
  /// Appends embeddings `[n, …]` on the CPU, contiguous, and what they are of.
  ///
  /// - Parameters:
  ///   - first: the number of the first row.
  ///   - pictures: what was embedded, `[n, 3, S, S]`, in 0…1.
  func append(_ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor) throws

  /// Completes the parts.
  ///
  /// - Returns: which names they get, in this order.
  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication]
}

extension EmbeddingFormat {
  /// The writer that goes on where the export's state says.
  func makeWriter(
    _ export: UnfinishedExport, paths: EmbeddingPaths, description: EmbeddingDescription,
    hasThumbnails: Bool = false
  ) throws -> any EmbeddingFormatWriter {
    switch self {
    case .npy, .npz, .safetensors, .faiss:
      try ArrayWriter(self, export: export, paths: paths, description: description)
    case .csv, .jsonl:
      try TextWriter(
        self, export: export, paths: paths, description: description, hasThumbnails: hasThumbnails)
    case .projector: try ProjectorWriter(export: export, paths: paths)
    }
  }
}

/// `.npy`, `.npz`, `.safetensors` and `.faiss`: numbers one after the other, and a list of rows.
private struct ArrayWriter: EmbeddingFormatWriter {
  private let format: EmbeddingFormat
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let numbers: ExportPart
  private let list: ExportPart
  /// The bytes before the numbers: room for a header, whose length does not depend on N.
  private let headerByteCount: Int

  /// Metadata of more bytes than this goes into a file of its own: the format's readers take 100 MB.
  private static let metadataLimit = 48 << 20

  init(
    _ format: EmbeddingFormat, export: UnfinishedExport, paths: EmbeddingPaths,
    description: EmbeddingDescription
  ) throws {
    self.format = format
    self.export = export
    self.paths = paths
    numbers = try export.part("numbers")
    list = try export.part("rows.csv")
    let header = Self.header(of: format, description)
    headerByteCount = header.count
    if numbers.byteCount == 0 { try numbers.append(header) }
    if list.byteCount == 0 {
      try list.append(DelimitedText.rowFields.joined(separator: ",") + "\r\n")
    }
  }

  private static func header(
    of format: EmbeddingFormat, _ description: EmbeddingDescription
  ) -> [UInt8] {
    switch format {
    case .npy: header(description).bytes
    case .faiss: FAISSHeader(description).bytes
    default: []
    }
  }

  private static func header(_ description: EmbeddingDescription) -> NPYHeader {
    NPYHeader(type: description.dtype.numpyType, shape: description.shape)
  }

  func append(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor
  ) throws {
    // Every platform that libtorch runs on is little-endian: memory is what the formats ask for.
    try embeddings.withUnsafeBytes { try numbers.append($0) }
    let lines = rows.enumerated().map { DelimitedText.line($1, number: first + $0) + "\r\n" }
    try list.append(lines.joined())
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    switch format {
    case .npz: return try finishNPZ(description)
    case .safetensors: return try finishSafetensors(description)
    default:
      try numbers.overwrite(at: 0, with: Self.header(of: format, description))
      let about = try export.assembled("description.json")
      try about.append(description.json() + "\n")
      return [
        .init(part: list.name, path: paths.rows),
        .init(part: about.name, path: paths.description),
        .init(part: numbers.name, path: paths.output),
      ]
    }
  }

  /// Calls `body` with every row, from the list.
  private func forEachRow(_ body: (EmbeddingRow) throws -> Void) throws {
    var records = try DelimitedRecords(path: list.path)
    _ = try records.read()
    var number = 0
    while let fields = try records.read() {
      guard let row = DelimitedText.row(fields[...], number: number) else {
        throw EmbeddingError.damagedExport(
          path: list.path, expectedBytes: list.byteCount, foundBytes: list.byteCount,
          folder: export.folder)
      }
      try body(row)
      number += 1
    }
  }

  // MARK: npz

  private func finishNPZ(
    _ description: EmbeddingDescription
  ) throws -> [UnfinishedExport.Publication] {
    let file = try export.assembled("archive")
    var zip = StoredZipWriter(file)
    try Self.add("embeddings", Self.header(description), to: &zip) { sink in
      try numbers.read(sink)
    }
    var (longestPath, longestLabel, hasFrames) = (1, 1, false)
    try forEachRow { row in
      longestPath = max(longestPath, row.path.unicodeScalars.count)
      longestLabel = max(longestLabel, row.label?.unicodeScalars.count ?? 0)
      hasFrames = hasFrames || row.frame != nil
    }
    let count = description.shape[0]
    try Self.add("paths", NPYHeader(type: "<U\(longestPath)", shape: [count]), to: &zip) { sink in
      try forEachRow { try Self.put($0.path, length: longestPath, into: sink) }
    }
    try Self.add("labels", NPYHeader(type: "<U\(longestLabel)", shape: [count]), to: &zip) { sink in
      try forEachRow { try Self.put($0.label ?? "", length: longestLabel, into: sink) }
    }
    if hasFrames {
      try Self.add("frames", NPYHeader(type: "<i8", shape: [count]), to: &zip) { sink in
        try forEachRow { row in try withUnsafeBytes(of: Int64(row.frame ?? -1)) { try sink($0) } }
      }
      try Self.add("seconds", NPYHeader(type: "<f8", shape: [count]), to: &zip) { sink in
        try forEachRow { row in try withUnsafeBytes(of: row.seconds ?? .nan) { try sink($0) } }
      }
    }
    let about = try description.json()
    let length = about.unicodeScalars.count
    try Self.add("description", NPYHeader(type: "<U\(length)", shape: []), to: &zip) { sink in
      try Self.put(about, length: length, into: sink)
    }
    try zip.finish()
    return [.init(part: file.name, path: paths.output)]
  }

  private static func add(
    _ name: String, _ header: NPYHeader, to zip: inout StoredZipWriter,
    _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try zip.add(
      name + ".npy", beginning: header.bytes, byteCount: header.dataByteCount!, body)
  }

  /// Text as NumPy keeps it: `length` characters of four bytes, zeros after the last.
  private static func put(
    _ text: String, length: Int, into sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var characters = text.unicodeScalars.map(\.value)
    characters += repeatElement(0, count: length - characters.count)
    try characters.withUnsafeBytes { try sink($0) }
  }

  // MARK: safetensors

  private func finishSafetensors(
    _ description: EmbeddingDescription
  ) throws -> [UnfinishedExport.Publication] {
    var metadata = description.fields
    metadata["program"] = "swift-jepa"
    let isListBeside = list.byteCount > Self.metadataLimit
    if isListBeside {
      metadata["rows"] = PathParts(paths.rows).name
    } else {
      metadata.merge(try rowMetadata()) { $1 }
    }
    let name = "embeddings"
    let writer = try SafetensorsWriter(
      path: "\(export.folder)/\(name)",
      tensors: [
        .init(
          name: name, dtype: description.dtype.tensorType.safetensors, shape: description.shape)
      ], metadata: metadata)
    try writer.write { _, sink in try numbers.read(sink) }
    return (isListBeside ? [.init(part: list.name, path: paths.rows)] : [])
      + [.init(part: name, path: paths.output)]
  }

  /// JSON arrays with one element a row.
  private func rowMetadata() throws -> [String: String] {
    var (paths, labels, frames, seconds): ([String], [String], [String], [String]) = (
      [], [], [], []
    )
    var hasFrames = false
    try forEachRow { row in
      paths.append(JSONText.quoted(row.path))
      labels.append(row.label.map(JSONText.quoted) ?? "null")
      frames.append(row.frame.map(String.init) ?? "null")
      seconds.append(row.seconds.map { "\($0)" } ?? "null")
      hasFrames = hasFrames || row.frame != nil
    }
    func array(_ elements: [String]) -> String { "[\(elements.joined(separator: ","))]" }
    let metadata = ["paths": array(paths), "labels": array(labels)]
    guard hasFrames else { return metadata }
    return metadata.merging(["frames": array(frames), "seconds": array(seconds)]) { $1 }
  }
}
