import Files
import Foundation

extension ConsistencyReport {
  /// Writes the report as JSON, whole or not at all.
  ///
  /// `{"input", "framesPerSecond", "frames": [{"index", "seconds", every statistic…, "score"}], "ranges":
  /// [{"start", "end", "startSeconds", "endSeconds", "kind", "score", "statistic"}], "claim": {…}, …}`; frames
  /// count from 0, and null is a statistic that a frame has too few neighbours for.
  ///
  /// - Throws: `FileError`.
  public func write(toJSON path: String) throws {
    try UnfinishedFile.make(at: path) { file in try json { try file.append($0 + "\n") } }
  }

  /// The same, line by line.
  func json(_ write: (String) throws -> Void) throws {
    try write("{\n  \"input\": \(try Self.json(input)),")
    try write("  \"framesPerSecond\": \(framesPerSecond.map { "\($0)" } ?? "null"),")
    try write("  \"model\": \(try Self.json(model)),")
    try write("  \"consistency\": \(consistency),\n  \"threshold\": \(threshold),")
    try write("  \"ranges\": \(try Self.json(ranges)),")
    try write("  \"cadence\": \(try Self.json(verdict.cadence)),")
    try write("  \"claim\": \(try Self.json(claim)),")
    try write("  \"problems\": \(try Self.json(problems)),\n  \"frames\": [")
    for row in 0..<table.count {
      var line = "    {\"index\": \(table.indices[row]), \"seconds\": \(table.seconds[row])"
      for (statistic, value) in zip(table.statistics, table.row(row)) {
        line += ", \"\(statistic.key)\": \(Self.number(value))"
      }
      line += ", \"score\": \(Self.number(scores[row]))}"
      try write(line + (row + 1 < table.count ? "," : ""))
    }
    try write("  ]\n}")
  }

  /// Writes one row a frame: index, seconds, every statistic, score, and whether it is flagged.
  ///
  /// - Throws: `FileError`.
  public func write(toCSV path: String) throws {
    try UnfinishedFile.make(at: path) { file in
      try file.append(
        "index,seconds," + table.statistics.map(\.key).joined(separator: ",") + ",score,flagged\n")
      for row in 0..<table.count {
        let values = table.row(row).map { $0.isFinite ? "\($0)" : "" }.joined(separator: ",")
        try file.append(
          "\(table.indices[row]),\(table.seconds[row]),\(values),\(scores[row]),"
            + "\(verdict.isFlagged[row] ? 1 : 0)\n")
      }
    }
  }

  private static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
