import Foundation
import VisionJEPA

/// A report on a clip as one HTML page that needs nothing else: no network, no other file.
///
/// Curves that can be zoomed, with the frame under the pointer; a table of what is flagged, and for
/// each range the frames before, at and after it and the energies laid over the worst one.
public struct ConsistencyPage {
  private let report: ConsistencyReport
  private let pictures: FlaggedPictures?

  /// Curves have at most so many points; of longer clips each is the greatest of several frames.
  static let mostPoints = 20_000

  /// - Parameter pictures: nil where the clip cannot be read again, as the standard input.
  public init(_ report: ConsistencyReport, pictures: FlaggedPictures?) {
    self.report = report
    self.pictures = pictures
  }

  /// The statistics that are drawn, as far as the report has them, and what they are called.
  static let curves: [(name: String, title: String)] = [
    ("energyMiddle", "energy, from both sides"), ("energyPast", "energy, from the past"),
    ("energyFuture", "energy, from the future"),
    ("energyMiddleTop", "energy, from both sides, top tokens"),
    ("copyLast", "copy-last in embedding space"),
    ("cosineDistance", "1 - cosine to the frame before"),
    ("pixelDifference", "pixel difference (grey levels)"),
    ("pixelDifferenceTop", "pixel difference, top blocks"),
    ("interpolationErrorTop", "interpolation error, top blocks"),
    ("orderRatio", "order ratio"), ("colorInterpolationError", "colour shift between neighbours"),
    ("shotSeparation", "separation of shots"),
  ]

  /// What the page's script reads.
  struct Content: Encodable {
    struct Curve: Encodable {
      let title: String
      let values: [Double?]
      let level: Double?
    }

    struct Picture: Encodable {
      let caption: String
      let source: String
    }

    struct Range: Encodable {
      let first: Int
      let last: Int
      let frames: String
      let time: String
      let kind: String
      let score: String
      let statistic: String
      let pictures: [Picture]
    }

    struct Thumbnail: Encodable {
      let point: Int
      let source: String
    }

    let title: String
    let summary: String
    let notes: [String]
    let index: [Int]
    let seconds: [Double]
    let curves: [Curve]
    let ranges: [Range]
    let thumbnails: [Thumbnail]
  }

  /// The page's text.
  ///
  /// - Throws: `ImageError.outOfMemory` where a picture cannot be encoded.
  public func html() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = String(decoding: try encoder.encode(try content()), as: UTF8.self)
      .replacingOccurrences(of: "<", with: "\\u003c")
    let template = String(decoding: PackageResources.consistency_page_html, as: UTF8.self)
    // The name stands in the data too: put in part by part, nothing in it is taken for a place.
    let parts = template.components(separatedBy: "{{DATA}}").map {
      $0.replacingOccurrences(of: "{{TITLE}}", with: Self.escaped(report.input))
    }
    return parts.joined(separator: data)
  }

  /// Writes the page, which appears whole or not at all.
  ///
  /// - Throws: `EvaluationError.system` where it cannot be written.
  public func write(to path: String) throws {
    let text = try html()
    try UnfinishedFile.make(at: path) { try $0.append(text) }
  }

  func content() throws -> Content {
    let count = report.table.count
    let bin = max(1, (count + Self.mostPoints - 1) / Self.mostPoints)
    let starts = Array(stride(from: 0, to: count, by: bin))
    func points(_ values: [Float]) -> [Double?] {
      starts.map { start in
        values[start..<min(start + bin, count)].filter(\.isFinite).max().map(Self.rounded)
      }
    }
    let known = Set(report.table.names)
    var curves = [
      Content.Curve(
        title: "score (log-odds of a break)", values: points(report.scores),
        level: Self.rounded(report.threshold))
    ]
    curves += Self.curves.filter { known.contains($0.name) }.map {
      Content.Curve(title: $0.title, values: points(report.table[$0.name]), level: nil)
    }
    var notes = ["\(report.claim)"]
    if let cadence = report.verdict.cadence {
      notes.append(
        "Native cadence, not flagged: \(cadence.repeatsPerPeriod) of \(cadence.period) frames repeat the "
          + "one before.")
    }
    notes += report.problems.first.prefix(20).map { "\($0)" }
    if report.problems.count > 20 {
      notes.append("\(report.problems.count - 20) more problems of the file.")
    }
    if pictures == nil && report.isFlagged {
      notes.append("No pictures: the input could be read only once.")
    }
    if report.ranges.count > FlaggedPictures.mostRanges {
      notes.append(
        "Pictures of the \(FlaggedPictures.mostRanges) ranges with the highest scores.")
    }
    return Content(
      title: report.input, summary: report.summary, notes: notes,
      index: starts.map { report.table.indices[$0] },
      seconds: starts.map { (report.table.seconds[$0] * 1000).rounded() / 1000 }, curves: curves,
      ranges: try ranges(bin: bin),
      thumbnails: try (pictures?.thumbnails ?? []).map {
        Content.Thumbnail(point: $0.row / bin, source: try Self.source(of: $0.image))
      })
  }

  private func ranges(bin: Int) throws -> [Content.Range] {
    let rows = Dictionary(
      report.table.indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let heat = EnergyHeat(report)
    return try report.ranges.enumerated().map { index, range in
      var shown: [Content.Picture] = []
      if let found = pictures?.ranges[index] {
        func add(_ role: String, _ row: Int?) throws {
          guard let row, let image = found.images[row] else { return }
          shown.append(
            Content.Picture(
              caption: "\(role): frame \(report.table.indices[row])",
              source: try Self.source(of: image)))
        }
        try add("before", found.before)
        try add("first", found.first)
        if found.worst != found.first { try add("worst", found.worst) }
        if let map = found.map, let image = found.images[found.worst] {
          shown.append(
            Content.Picture(
              caption: "energy of frame \(report.table.indices[found.worst])",
              source: try Self.source(
                of: heat.overlay(map, on: image, at: found.worst))))
        }
        try add("after", found.after)
      }
      return Content.Range(
        first: (rows[range.start] ?? 0) / bin, last: (rows[range.end] ?? 0) / bin,
        frames: range.start == range.end ? "\(range.start)" : "\(range.start)-\(range.end)",
        time: ConsistencyReport.clock(range.startSeconds), kind: range.kind.rawValue,
        score: String(format: "%.1f", Double(range.score)), statistic: range.statistic,
        pictures: shown)
    }
  }

  private static func source(of image: RGBImage) throws -> String {
    "data:image/png;base64," + Data(try image.pngBytes()).base64EncodedString()
  }

  /// To five digits: the page is for eyes.
  private static func rounded(_ value: Float) -> Double {
    guard value != 0, value.isFinite else { return 0 }
    let scale = pow(10, 4 - floor(log10(abs(Double(value)))))
    return (Double(value) * scale).rounded() / scale
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}
