import Files
import Torch

extension EmbeddingFormat {
  /// A line of text for each embedding. Numbers are the shortest that read back as the same.
  ///
  /// The description stands beside the file: a comment in it would hurt its readers.
  public static let csv = EmbeddingFormat(
    ending: "csv", files: { [$0.main(.describedEmbeddings), $0.descriptionFile] },
    writer: { export, paths, description, _ in
      try CSVWriter(export, paths: paths, description: description)
    },
    read: { try EmbeddingContents(csv: $0) })
}

private struct CSVWriter: EmbeddingFormatWriter {
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let text: ExportPart

  init(
    _ export: UnfinishedExport, paths: EmbeddingPaths, description: EmbeddingDescription
  ) throws {
    self.export = export
    self.paths = paths
    text = try export.part("lines")
    if text.byteCount == 0 {
      let dimensions = (0..<(description.shape.last ?? 0)).map { "e\($0)" }
      let names = DelimitedText.rowFields + dimensions
      try text.append(names.joined(separator: ",") + "\r\n")
    }
  }

  func append(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor
  ) throws {
    let values = embeddings.to(.float32).array(of: Float.self)
    let width = embeddings.size(1)
    var lines = ""
    for (index, row) in rows.enumerated() {
      lines += DelimitedText.line(row, number: first + index)
      for number in values[index * width..<(index + 1) * width] { lines += ",\(number)" }
      lines += "\r\n"
    }
    try text.append(lines)
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    try export.described(text, description, paths)
  }
}

extension EmbeddingContents {
  fileprivate init(csv paths: EmbeddingPaths) throws {
    let path = paths.output
    description = try Self.description(beside: paths)
    guard description.shape.count == 2 else {
      throw Self.malformed(path, "one embedding a row", "\(description.shape)")
    }
    let width = description.shape[1]
    var records = try DelimitedRecords(path: path)
    let known = DelimitedText.rowFields.count
    guard let names = try records.read(), names.starts(with: DelimitedText.rowFields),
      names.count == known + width
    else { throw Self.malformed(path, "a first line of \(known + width) names", "another") }
    var (rows, numbers): ([EmbeddingRow], [Float]) = ([], [])
    while let fields = try records.read() {
      let found = fields.dropFirst(known).compactMap { Float($0) }
      guard fields.count == known + width, found.count == width,
        let row = DelimitedText.row(fields[..<known], number: rows.count)
      else { throw Self.malformed(path, "row \(rows.count) with \(width) numbers", "another line") }
      rows.append(row)
      numbers += found
    }
    self.rows = rows
    values = Tensor(numbers, shape: [rows.count, width]).to(description.dtype.tensorType)
  }
}
