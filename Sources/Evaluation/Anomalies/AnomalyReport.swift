import Embeddings
import Files
import Foundation
import ImageJEPA

/// Pictures by how odd they are, the oddest first: what `jepa anomalies` found.
public struct AnomalyReport: Codable, Sendable {
  /// What decided about a picture: the rule by which it is the more surprising.
  public enum Rule: String, Codable, Sendable {
    /// A part is badly predicted from the others.
    case energy
    /// A part is far from every part of a clean picture.
    case distance
  }

  /// A picture, and what is odd about it.
  public struct Picture: Codable, Sendable {
    public let path: String
    /// The greater of both surprises, less the threshold: above 0 the picture is flagged.
    public let score: Double
    public let isFlagged: Bool
    /// -log10 of the share of clean pictures whose parts are predicted as badly; nil without a predictor.
    public let energy: Double?
    /// -log10 of the share of clean pictures with parts as far from all others'.
    public let distance: Double
    public let decidedBy: Rule
    /// The token that stands out most by the rule that decided, from 0 at the top left.
    public let row: Int
    public let column: Int
    /// Of each token, row by row, in deviations from what is usual at its place.
    public let energies: [Float]?
    public let distances: [Float]
  }

  /// The oddest first.
  public let anomalies: [Picture]
  public let checkpoint: String
  /// The clean pictures; nil where the pictures were compared with each other.
  public let reference: String?
  public let rows: Int
  public let columns: Int
  /// The surprise above which a picture is flagged.
  public let threshold: Double
  public let claim: PictureAlarmClaim
  /// Pictures that could not be read.
  public let skipped: [String]
  /// What else is to be said.
  public let remarks: [String]

  public var isFlagged: Bool { anomalies.contains(where: \.isFlagged) }
  public var flaggedCount: Int { anomalies.count(where: \.isFlagged) }

  private static let mostLines = 20

  /// The oddest pictures, a line each, and what their number says.
  public var table: String {
    var lines = [summary, "", Self.line("rank", "score", "energy", "distance", "at", "decided by")]
    let shown = max(Self.mostLines, flaggedCount)
    for (place, picture) in anomalies.prefix(shown).enumerated() {
      if place == flaggedCount, place > 0 { lines.append("  below the threshold:") }
      lines.append(
        Self.line(
          "\(place + 1)", String(format: "%.2f", picture.score),
          picture.energy.map { String(format: "%.2f", $0) } ?? "-",
          String(format: "%.2f", picture.distance), "\(picture.row),\(picture.column)",
          picture.decidedBy == .energy ? "energy" : "distance", picture.path))
    }
    if anomalies.count > shown { lines.append("  and \(anomalies.count - shown) more") }
    lines += ["", "\(claim)"]
    lines += remarks
    return lines.joined(separator: "\n")
  }

  /// One line.
  public var summary: String {
    let skips = skipped.isEmpty ? "" : ", \(skipped.count) skipped"
    return "\(anomalies.count.counted("picture"))\(skips): \(flaggedCount) flagged"
      + (reference.map { " beside those of \($0)" } ?? " beside each other")
  }

  private static func line(_ cells: String...) -> String {
    let widths = [6, 8, 9, 10, 8]
    let numbers = zip(cells, widths).map { cell, width in
      String(repeating: " ", count: max(1, width - cell.count)) + cell
    }
    let words = cells.dropFirst(widths.count)
    return numbers.joined() + "  "
      + (words.first ?? "").padding(toLength: 11, withPad: " ", startingAt: 0)
      + " " + (words.dropFirst().first ?? "picture")
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  static let tableHeader = "rank,path,score,flagged,energy,distance,decided_by,row,column"

  /// One row a picture: RFC 4180.
  public var csv: String {
    let rows = anomalies.enumerated().map { place, picture in
      "\(place + 1),\(DelimitedText.quoted(picture.path)),\(picture.score),"
        + "\(picture.isFlagged ? 1 : 0),\(picture.energy.map { "\($0)" } ?? ""),"
        + "\(picture.distance),\(picture.decidedBy.rawValue),\(picture.row),\(picture.column)"
    }
    return ([Self.tableHeader] + rows).joined(separator: "\r\n") + "\r\n"
  }
}
