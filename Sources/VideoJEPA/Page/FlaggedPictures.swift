import Frames
import Pictures
import Torch

/// The pictures of a report: the frames around what is flagged, and small ones all along the clip.
///
/// The clip is read a second time for them, since what is flagged is known only at its end.
public struct FlaggedPictures: Sendable {
  /// The frames of one flagged range.
  struct Range: Sendable {
    /// As places in the table: the frame before the range, its first one, its worst one, the one after.
    let before: Int?
    let first: Int
    let worst: Int
    let after: Int?
    var images: [Int: RGBImage] = [:]
    /// The energies of the worst frame.
    var map: EnergyMap?
  }

  /// At most so many ranges are shown, those with the highest scores.
  static let mostRanges = 24
  /// At most so many small pictures, beside those of the ranges' frames.
  static let mostThumbnails = 600
  private static let thumbnailShortSide = 48
  /// Frames on either side of one whose energies are wanted.
  private static let reach = 3

  /// In the order of the report's ranges; nil for those that are not shown.
  let ranges: [Range?]
  /// Places in the table, and the frames there.
  let thumbnails: [(row: Int, image: RGBImage)]

  /// Reads the frames that `report` needs.
  ///
  /// - Parameters:
  ///   - report: on all frames of the clip.
  ///   - source: the same frames once more.
  ///   - model: whose energies are laid over the frames; nil for none.
  ///   - device: where the energies are computed.
  /// - Throws: `FrameError`.
  public init(
    of report: ConsistencyReport, from source: any FrameSource, model: ClipModel?,
    device: Device = .cpu
  ) throws(FrameError) {
    let count = report.table.count
    var ranges = Self.placed(report)
    var wanted = Set<Int>()
    for range in ranges.compactMap({ $0 }) {
      wanted.formUnion([range.before, range.first, range.after].compactMap { $0 })
      wanted.formUnion(
        max(0, range.worst - Self.reach)...min(count - 1, range.worst + Self.reach))
    }
    let step = max(1, (count + Self.mostThumbnails - 1) / Self.mostThumbnails)
    var kept: [Int: RGBImage] = [:]
    var thumbnails: [(row: Int, image: RGBImage)] = []
    var row = 0
    while let frame = try source.next() {
      if wanted.contains(row) { kept[row] = frame.image }
      if row % step == 0 || wanted.contains(row) {
        let size = FrameSize(width: frame.image.width, height: frame.image.height)
          .reduced(toShortSide: Self.thumbnailShortSide)
        thumbnails.append((row, frame.image.resized(width: size.width, height: size.height)))
      }
      row += 1
    }
    for index in ranges.indices {
      guard let range = ranges[index] else { continue }
      for place in [range.before, range.first, range.worst, range.after].compactMap({ $0 }) {
        ranges[index]!.images[place] = kept[place]
      }
      let around =
        (max(0, range.worst - Self.reach)...min(count - 1, range.worst + Self.reach))
        .filter { kept[$0] != nil }
      if let model, let place = around.firstIndex(of: range.worst) {
        ranges[index]!.map = model.energyMap(
          of: around.map { kept[$0]! }, at: place, device: device)
      }
    }
    self.ranges = ranges
    self.thumbnails = thumbnails
  }

  /// Where the ranges lie in the table; nil beyond the `mostRanges` with the highest scores.
  private static func placed(_ report: ConsistencyReport) -> [Range?] {
    let rows = Dictionary(
      report.table.indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let shown = Set(
      report.ranges.indices.sorted { report.ranges[$0].score > report.ranges[$1].score }
        .prefix(mostRanges))
    return report.ranges.indices.map { index in
      let range = report.ranges[index]
      guard shown.contains(index), let first = rows[range.start], let last = rows[range.end] else {
        return nil
      }
      let worst = (first...last).max { report.scores[$0] < report.scores[$1] }!
      return Range(
        before: first > 0 ? first - 1 : nil, first: first, worst: worst,
        after: last + 1 < report.table.count ? last + 1 : nil)
    }
  }
}
