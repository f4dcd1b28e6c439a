import Foundation
import Pictures
import Torch

/// `.csv` and `.jsonl`: a line for each embedding. Numbers are the shortest that read back as the same.
///
/// The description stands beside the file: a comment in it would hurt its readers.
struct TextWriter: EmbeddingFormatWriter {
  private let format: EmbeddingFormat
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let text: ExportPart
  private let hasThumbnails: Bool

  /// The side of a small picture, in pixels.
  private static let thumbnailSize = 96
  private static let thumbnailQuality = 80

  init(
    _ format: EmbeddingFormat, export: UnfinishedExport, paths: EmbeddingPaths,
    description: EmbeddingDescription, hasThumbnails: Bool = false
  ) throws {
    self.format = format
    self.hasThumbnails = hasThumbnails
    self.export = export
    self.paths = paths
    text = try export.part("lines")
    if format == .csv, text.byteCount == 0 {
      let dimensions = (0..<(description.shape.last ?? 0)).map { "e\($0)" }
      let names = DelimitedText.rowFields + dimensions
      try text.append(names.joined(separator: ",") + "\r\n")
    }
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
      if format == .csv {
        lines += DelimitedText.line(row, number: first + index)
        for number in numbers { lines += ",\(number)" }
        lines += "\r\n"
      } else {
        lines += "{\"row\":\(first + index),\"path\":\(JSONText.quoted(row.path)),"
        lines += "\"label\":\(row.label.map(JSONText.quoted) ?? "null"),"
        if let frame = row.frame { lines += "\"frame\":\(frame)," }
        if let seconds = row.seconds { lines += "\"seconds\":\(seconds)," }
        if hasThumbnails { lines += "\"thumbnail\":\"\(thumbnails[index])\"," }
        lines += "\"embedding\":\(Self.array(numbers, shape: shape))}\n"
      }
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
    let about = try export.assembled("description.json")
    try about.append(description.json() + "\n")
    return [
      .init(part: about.name, path: paths.description),
      .init(part: text.name, path: paths.output),
    ]
  }
}

/// Text in JSON.
enum JSONText {
  /// A string in quotes, its control characters escaped.
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20: result += String(format: "\\u%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
