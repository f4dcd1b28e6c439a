import Foundation
import Torch

/// `.csv` and `.jsonl`: a line for each embedding. Numbers are the shortest that read back as the same.
///
/// The description stands beside the file: a comment in it would hurt its readers.
struct TextWriter: EmbeddingFormatWriter {
  private let format: EmbeddingFormat
  private let export: UnfinishedExport
  private let paths: EmbeddingPaths
  private let text: ExportPart

  init(
    _ format: EmbeddingFormat, export: UnfinishedExport, paths: EmbeddingPaths,
    description: EmbeddingDescription
  ) throws {
    self.format = format
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
        lines += "\"embedding\":\(Self.array(numbers, shape: shape))}\n"
      }
    }
    try text.append(lines)
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
