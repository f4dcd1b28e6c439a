import Embeddings
import Files
import Foundation
import Frames

extension VideoBenchmarkReport {
  /// The tables, for a terminal.
  public var text: String {
    var lines = [
      "\(checkpoint): \(sources.count) sources: \(sources.joined(separator: ", "))", "",
    ]
    let faults = FaultKind.allCases.map(\.rawValue).filter { fault in
      summaries.contains { $0.faults[fault] != nil }
    }
    func table(_ title: String, _ figure: (Figures) -> Double) {
      lines.append(title.padding(toLength: 32, withPad: " ", startingAt: 0) + header(faults))
      for summary in summaries {
        let cells = faults.map { fault in
          summary.faults[fault].map { Self.cell(figure($0)) } ?? "     -"
        }
        lines.append(
          summary.detector.padding(toLength: 32, withPad: " ", startingAt: 0) + cells.joined())
      }
      lines.append("")
    }
    table("AUROC") { $0.auroc }
    table("higher than before") { $0.paired }
    for (place, rate) in Self.rates.enumerated() {
      table("recall at \(Int(rate)) per 1000") { $0.recall[place] }
      table("F1 at \(Int(rate)) per 1000") { $0.f1[place] }
    }
    if let counts = summaries.first?.faults {
      lines.append(
        "faults in moving frames".padding(toLength: 32, withPad: " ", startingAt: 0)
          + faults.map { String(format: "%6d", counts[$0]?.count ?? 0) }.joined())
      lines.append("")
    }
    intervals(of: faults, to: &lines)
    parts(to: &lines)
    func row(_ cells: [String]) -> String {
      zip(cells, [32, 22] + Self.rates.map { _ in 29 } + [29]).map { cell, width in
        cell.padding(toLength: width, withPad: " ", startingAt: 0)
      }.joined()
    }
    lines.append(
      row(
        ["", "mean AUROC"] + Self.rates.map { "mean recall at \(Int($0)), measured" }
          + ["at 5 measured, chosen on them"]))
    for summary in summaries {
      let recalls = zip(summary.meanRecall, summary.measuredPer1000).map { recall, measured in
        Self.text(recall) + String(format: "  %4.1f", measured)
      }
      lines.append(
        row(
          [summary.detector, Self.text(summary.meanAUROC)] + recalls
            + [summary.meanRecallWithin5.map { Self.text($0) } ?? "none"]))
    }
    lines.append("")
    for reference in references {
      let isGroup = { (name: String) in FaultKind(rawValue: name) == nil }
      for (name, interval) in gains[reference]!.filter({ isGroup($0.key) })
        .sorted(by: { $0.key < $1.key })
      {
        lines.append(
          "\(candidate) less \(reference), mean AUROC over \(name): "
            + Self.text(interval, "%+.4f"))
      }
    }
    return lines.joined(separator: "\n")
  }

  /// For the rules the bounds of each fault's AUROC and recall, and what the candidate adds to each reference.
  private func intervals(of faults: [String], to lines: inout [String]) {
    let rules = references + [candidate]
    func add(_ title: String, _ rules: [String], _ cell: (String, String) -> String?) {
      lines.append(
        title.padding(toLength: 16, withPad: " ", startingAt: 0)
          + rules.map { $0.padding(toLength: 34, withPad: " ", startingAt: 0) }.joined())
      for fault in faults {
        lines.append(
          fault.padding(toLength: 16, withPad: " ", startingAt: 0)
            + rules.map { rule in
              (cell(rule, fault) ?? "").padding(toLength: 34, withPad: " ", startingAt: 0)
            }.joined())
      }
      lines.append("")
    }
    let figures = Dictionary(
      uniqueKeysWithValues: summaries.map { ($0.detector, $0.faults) })
    add("AUROC", rules) { figures[$0]?[$1].map { Self.text($0.aurocInterval) } }
    add("recall at 5", rules) { figures[$0]?[$1].map { Self.text($0.recallIntervals[1]) } }
    add("AUROC gained on", references) { reference, fault in
      gains[reference]?[fault].map { Self.text($0, "%+.3f") }
    }
  }

  /// Every detector by how much moves, and by what the sources are: mean AUROC, and mean recall at 5 per 1000.
  private func parts(to lines: inout [String]) {
    guard let parts = summaries.first?.parts else { return }
    lines.append(
      "AUROC, recall at 5 per 1000".padding(toLength: 32, withPad: " ", startingAt: 0)
        + parts.map {
          "\($0.name) (\($0.count))".padding(toLength: 16, withPad: " ", startingAt: 0)
        }
        .joined())
    for summary in summaries {
      lines.append(
        summary.detector.padding(toLength: 32, withPad: " ", startingAt: 0)
          + summary.parts.map { part in
            [part.meanAUROC, part.meanRecall].map { $0.map { String(format: "%.3f", $0) } ?? "-" }
              .joined(separator: "  ").padding(toLength: 16, withPad: " ", startingAt: 0)
          }.joined())
    }
    lines.append("")
  }

  private func header(_ faults: [String]) -> String {
    let short = [
      "shuffle3": "shuf3", "shuffle5": "shuf5", "duplicate": "dup", "noisyDuplicate": "ndup",
      "noisyFreeze": "nfrz", "teleport": "tele", "occlusion": "occl", "backwards": "back",
      "splice": "splic",
    ]
    return faults.map { fault in
      let name = short[fault] ?? fault
      return String(repeating: " ", count: max(1, 6 - name.count)) + name
    }.joined()
  }

  private static func cell(_ value: Double) -> String {
    "  "
      + String(format: value >= 0.9995 ? "%.2f" : "%.3f", value)
      .replacingOccurrences(of: "0.", with: ".").padding(toLength: 4, withPad: " ", startingAt: 0)
  }

  private static func text(_ interval: Interval, _ format: String = "%.3f") -> String {
    let value = String(format: format, interval.value)
    guard let bounds = interval.bounds else { return "\(value) [one source]" }
    return value + String(format: " [\(format), \(format)]", bounds.low, bounds.high)
  }

  /// The same as JSON.
  public func json() throws -> String { try ReportJSON.text(of: self) }
}

extension VideoBenchmarkReport {
  /// Writes the figures, whole or not at all.
  ///
  /// - Throws: `FileError`.
  public func write(toJSON path: String) throws {
    try UnfinishedFile.make(at: path) { try $0.append(try json() + "\n") }
  }
}
