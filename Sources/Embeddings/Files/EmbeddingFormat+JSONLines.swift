import Files
import Foundation
import Pictures
import Torch

extension EmbeddingFormat {
  /// A line of JSON for each embedding. Numbers are the shortest that read back as the same.
  public static let jsonl = EmbeddingFormat(
    ending: "jsonl", holdsTokens: true, holdsThumbnails: true,
    files: { [$0.main(.describedEmbeddings), $0.descriptionFile] },
    writer: { try JSONLinesWriter($0, paths: $1, hasThumbnails: $3) },
    read: { try EmbeddingContents(jsonl: $0) })
}

private struct JSONLinesWriter: EmbeddingFormatWriter {
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let text: ExportPart
  private let hasThumbnails: Bool

  /// The side of a small picture, in pixels.
  private static let thumbnailSize = 96
  private static let thumbnailQuality = 80

  init(_ export: UnfinishedExport, paths: EmbeddingPaths, hasThumbnails: Bool) throws {
    self.export = export
    self.paths = paths
    self.hasThumbnails = hasThumbnails
    text = try export.part("lines")
  }

  func append(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int, pictures: () -> Tensor
  ) throws {
    let values = embeddings.to(.float32).array(of: Float.self)
    let shape = Array(embeddings.shape.dropFirst())
    let length = shape.reduce(1, *)
    let thumbnails = hasThumbnails ? try Self.thumbnails(of: pictures()) : []
    var lines = ""
    for (index, row) in rows.enumerated() {
      let numbers = values[index * length..<(index + 1) * length]
      lines += "{\"row\":\(first + index),\"path\":\(JSONText.quoted(row.path)),"
      lines += "\"label\":\(row.label.map(JSONText.quoted) ?? "null"),"
      if let frame = row.frame { lines += "\"frame\":\(frame)," }
      if let seconds = row.seconds { lines += "\"seconds\":\(seconds)," }
      if hasThumbnails { lines += "\"thumbnail\":\"\(thumbnails[index])\"," }
      lines += "\"embedding\":\(Self.array(numbers, shape: shape))}\n"
    }
    try text.append(lines)
  }

  /// Small JPEGs of pictures `[n, 3, S, S]` in 0…1, each as the address of an image: `data:image/jpeg;base64,…`.
  private static func thumbnails(of pictures: Tensor) throws -> [String] {
    let small = pictures.resized(height: thumbnailSize, width: thumbnailSize).contiguous()
      .array(of: Float.self)
    let length = 3 * thumbnailSize * thumbnailSize
    return try stride(from: 0, to: small.count, by: length).map { start in
      let image = RGBImage(
        planes: small[start..<start + length], width: thumbnailSize, height: thumbnailSize)
      let bytes = try image.jpegBytes(quality: thumbnailQuality)
      return "data:image/jpeg;base64,\(Data(bytes).base64EncodedString())"
    }
  }

  private static func array(_ numbers: ArraySlice<Float>, shape: [Int]) -> String {
    guard shape.count > 1 else {
      return "[\(numbers.map { "\($0)" }.joined(separator: ","))]"
    }
    let length = numbers.count / max(shape[0], 1)
    let rows = stride(from: numbers.startIndex, to: numbers.endIndex, by: max(length, 1)).map {
      array(numbers[$0..<$0 + length], shape: Array(shape.dropFirst()))
    }
    return "[\(rows.joined(separator: ","))]"
  }

  func finish(_ description: EmbeddingDescription) throws -> [UnfinishedExport.Publication] {
    try export.described(text, description, paths)
  }
}

extension EmbeddingContents {
  fileprivate init(jsonl paths: EmbeddingPaths) throws {
    struct Line: Decodable {
      let row: Int
      let path: String
      let label: String?
      let frame: Int?
      let seconds: Double?
      let embedding: [Float]
    }
    let path = paths.output
    description = try Self.description(beside: paths)
    guard description.shape.count == 2 else {
      throw Self.malformed(path, "one embedding a row", "\(description.shape)")
    }
    let lines = try TextLines(path: path)
    let decoder = JSONDecoder()
    var (rows, numbers): ([EmbeddingRow], [Float]) = ([], [])
    while let bytes = lines.next() {
      guard let line = try? decoder.decode(Line.self, from: Data(bytes)), line.row == rows.count,
        line.embedding.count == description.shape[1]
      else {
        throw Self.malformed(
          path, "row \(rows.count) with \(description.shape[1]) numbers", "another line")
      }
      rows.append(
        EmbeddingRow(
          path: line.path, label: line.label, frame: line.frame, seconds: line.seconds))
      numbers += line.embedding
    }
    self.rows = rows
    values = Tensor(numbers, shape: [rows.count, description.shape[1]])
      .to(description.dtype.tensorType)
  }
}
