import Files
import Foundation
import Frames
import Pictures

/// A report on a clip as one HTML page that needs nothing else: no network, no other file.
///
/// Curves that can be zoomed, with the frame under the pointer; a table of what is flagged, and for
/// each range the frames before, at and after it and the energies laid over the worst one.
public struct ConsistencyPage {
  private let report: ConsistencyReport
  private let pictures: FlaggedPictures?

  /// Curves have at most so many points; of longer clips each is the least and the greatest of several frames.
  static let mostPoints = 10_000
  private static let jpegQuality = 72
  /// Larger pictures are made smaller: they are shown 320 pixels wide, on some screens two dots to each.
  private static let longestSide = 640

  /// - Parameters:
  ///   - report: what is shown.
  ///   - pictures: nil where the clip cannot be read again, as the standard input.
  public init(_ report: ConsistencyReport, pictures: FlaggedPictures?) {
    self.report = report
    self.pictures = pictures
  }

  /// The statistics that are drawn, as far as the report has them.
  static let curves: [Statistic] = [
    .energy(.middle, .mean), .energy(.past, .mean), .energy(.future, .mean), .energy(.middle, .top),
    .copyLast(.mean), .cosineDistance, .pixelDifference(.mean), .pixelDifference(.top),
    .interpolationError(.top), .orderRatio, .colorInterpolationError, .shotSeparation,
  ]

  /// What the page's script reads.
  struct Content: Encodable {
    struct Note: Encodable {
      let text: String
      let isWarning: Bool
    }

    /// A statistic's key, its name in words, and what it measures.
    struct Name: Encodable {
      let key: String
      let words: String
      let explanation: String

      init(_ statistic: Statistic) {
        (key, words, explanation) = (statistic.key, statistic.words, statistic.explanation)
      }

      /// The score, which is made of statistics and is none.
      static let score = Name(
        key: "score", words: "score",
        explanation: "log-odds of a break, above the threshold: above 0 a frame is flagged")

      private init(key: String, words: String, explanation: String) {
        (self.key, self.words, self.explanation) = (key, words, explanation)
      }
    }

    struct Curve: Encodable {
      let name: Name
      let values: [Double?]
      /// The least of the frames of each point, where a point is several frames: a freeze is a dip.
      let lows: [Double?]?
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
      let statistic: Name
      let pictures: [Picture]
    }

    struct Thumbnail: Encodable {
      let point: Int
      let source: String
    }

    let summary: String
    let notes: [Note]
    /// What the page leaves out of the clip.
    let omissions: [String]
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
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
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
  /// - Throws: `FileError.failed` where it cannot be written.
  public func write(to path: String) throws {
    let text = try html()
    try UnfinishedFile.make(at: path) { try $0.append(text) }
  }

  func content() throws -> Content {
    let count = report.table.count
    let bin = max(1, (count + Self.mostPoints - 1) / Self.mostPoints)
    let starts = Array(stride(from: 0, to: count, by: bin))
    func curve(
      _ name: Content.Name, _ values: [Float], level: Double? = nil
    ) -> Content.Curve {
      let parts = starts.map { values[$0..<min($0 + bin, count)].filter(\.isFinite) }
      return Content.Curve(
        name: name, values: parts.map { $0.max().map(Self.rounded) },
        lows: bin > 1 ? parts.map { $0.min().map(Self.rounded) } : nil, level: level)
    }
    let known = Set(report.table.statistics)
    let curves =
      [curve(.score, report.scores, level: 0)]
      + Self.curves.filter { known.contains($0) }.map { curve(Content.Name($0), report.table[$0]) }
    return Content(
      summary: report.findings, notes: notes, omissions: omissions(bin: bin),
      index: starts.map { report.table.indices[$0] },
      seconds: starts.map { (report.table.seconds[$0] * 1000).rounded() / 1000 }, curves: curves,
      ranges: try ranges(bin: bin),
      thumbnails: try (pictures?.thumbnails ?? []).map {
        Content.Thumbnail(point: $0.row / bin, source: try Self.source(of: $0.image))
      })
  }

  /// What the file is warned of, then what is claimed.
  private var notes: [Content.Note] {
    var notes = report.problems.first.prefix(20).map {
      Content.Note(text: "\($0)", isWarning: true)
    }
    if report.problems.count > notes.count {
      notes.append(
        Content.Note(
          text: "\(report.problems.count - notes.count) more problems of the file",
          isWarning: true))
    }
    return notes + report.notes.map { Content.Note(text: $0, isWarning: false) }
  }

  private func omissions(bin: Int) -> [String] {
    var omissions: [String] = []
    if pictures == nil && report.isFlagged {
      omissions.append("No pictures: the input could be read only once.")
    }
    let most = FlaggedPictures.mostRanges
    if pictures != nil && report.ranges.count > most {
      omissions.append(
        "Pictures of \(most) of the \(report.ranges.count) ranges, those with the highest scores.")
    }
    if bin > 1 {
      omissions.append("Each point of a curve spans the values of \(bin) frames.")
    }
    return omissions
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
        score: String(format: "%.2f", Double(range.score)),
        statistic: Content.Name(range.statistic),
        pictures: shown)
    }
  }

  static func source(of image: RGBImage) throws -> String {
    let long = max(image.width, image.height)
    let shown =
      long <= longestSide
      ? image
      : image.resized(
        width: max(1, image.width * longestSide / long),
        height: max(1, image.height * longestSide / long))
    return "data:image/jpeg;base64,"
      + Data(try shown.jpegBytes(quality: jpegQuality)).base64EncodedString()
  }

  /// To four digits: the page is for eyes.
  private static func rounded(_ value: Float) -> Double {
    Double(String(format: "%.4g", Double(value))) ?? 0
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}
