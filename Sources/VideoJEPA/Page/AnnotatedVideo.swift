import Foundation
import Frames
import Pictures
import Torch

/// A scored clip once more as a video: the energy of every frame as heat over it, and below it the score as a
/// curve that runs along, the frame that is shown in the middle.
///
/// Every frame is shown once, at the clip's average rate. The clip is read a second time, and no more of it is
/// held than a group of frames.
public struct AnnotatedVideo {
  /// Shorter side of the frames that are read: larger than what is scored, for they are to be looked at.
  public static let shortSide = 480
  /// Smaller frames are enlarged by a whole number to at least this.
  private static let leastShortSide = 240
  /// Nor are they enlarged beyond this.
  private static let mostLongSide = 3840
  /// Frames whose energies are computed at once, and how many on either side of them those depend on.
  private static let groupSize = 32
  private static let reach = 3

  private let report: ConsistencyReport
  private let model: ClipModel
  private let device: Device
  /// What each flagged frame, by its place in the input, looks like.
  private let kinds: [Int: BreakKind]
  private let heat: EnergyHeat
  /// The lowest and the highest score that the curve shows, 0 among them.
  private let span: (low: Float, high: Float)

  /// - Parameters:
  ///   - report: on all frames of the clip.
  ///   - model: whose energies are shown.
  ///   - device: where the energies are computed.
  public init(_ report: ConsistencyReport, model: ClipModel, device: Device = .cpu) {
    self.report = report
    self.model = model
    self.device = device
    var kinds: [Int: BreakKind] = [:]
    for range in report.ranges {
      for index in range.start...range.end { kinds[index] = range.kind }
    }
    self.kinds = kinds
    heat = EnergyHeat(report)
    span = (min(report.scores.min() ?? 0, 0), max(report.scores.max() ?? 0, 0))
  }

  /// Writes the video, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: its ending names the format.
  ///   - source: the same frames once more.
  ///   - tools: where ffmpeg is looked for.
  /// - Throws: `FrameError`.
  public func write(
    to path: String, from source: any FrameSource, tools: FFmpegTools = FFmpegTools()
  ) throws(FrameError) {
    var writer: VideoFileWriter?
    var layout: Layout?
    // Frames from row `first` on; those before `done` are written.
    var (held, first, done): ([RGBImage], Int, Int) = ([], 0, 0)
    func flush(before end: Int) throws(FrameError) {
      let maps = model.energyMaps(of: held, device: device)
      for row in done..<end {
        if let layout {
          try writer?.append(picture(of: held[row - first], maps[row - first], row, layout))
        }
      }
      done = end
      let unneeded = max(0, done - Self.reach - first)
      held.removeFirst(unneeded)
      first += unneeded
    }
    while first + held.count < report.table.count, let frame = try source.next() {
      if writer == nil {
        let fitting = self.layout(of: frame.image)
        layout = fitting
        writer = try VideoFileWriter(
          path, size: fitting.size, framesPerSecond: framesPerSecond, tools: tools)
      }
      held.append(frame.image)
      if first + held.count - done == Self.groupSize + Self.reach {
        try flush(before: done + Self.groupSize)
      }
    }
    try flush(before: first + held.count)
    try writer?.finish()
  }

  /// The average rate of the frames that were scored.
  private var framesPerSecond: Double {
    let seconds = report.table.seconds
    guard let first = seconds.first, let last = seconds.last, last > first else { return 25 }
    return Double(seconds.count - 1) / (last - first)
  }

  // MARK: Pictures

  /// Where things are in a picture.
  struct Layout {
    /// The frame's own place, at the top, and the whole.
    let frame: FrameSize
    let size: FrameSize
    /// Side of a dot of the font.
    let dot: Int
    /// Of what is written between the frame and the curve.
    let captionHeight: Int

    static let curveHeight = 64
    private static let margin = 6

    /// - Parameter captions: all that are to be written, in parts that are not broken.
    init(_ image: RGBImage, captions: some Sequence<[String]>) {
      let short = min(image.width, image.height)
      let most = AnnotatedVideo.mostLongSide / max(image.width, image.height)
      let factor = max(1, min(most, (AnnotatedVideo.leastShortSide + short - 1) / short))
      frame = FrameSize(width: image.width * factor, height: image.height * factor)
      // What is still narrow has paper beside it.
      let width = max(frame.width, AnnotatedVideo.leastShortSide)
      let room = width - 2 * Self.margin
      // As large as the longest part allows, and as high as the longest caption needs.
      let fits = captions.allSatisfy {
        $0.allSatisfy { RGBImage.lettersWidth($0, dot: 2) <= room }
      }
      let dot = fits ? 2 : 1
      let lines = captions.reduce(1) { max($0, Self.lines($1, width: room, dot: dot).count) }
      self.dot = dot
      captionHeight = lines * Self.lineHeight(dot) + Self.margin
      size = FrameSize(
        width: width, height: frame.height + captionHeight + Self.curveHeight)
    }

    /// The parts of a caption in as few lines as they fit in, each where it is written.
    func lines(_ parts: [String]) -> [(text: String, x: Int, y: Int)] {
      Self.lines(parts, width: size.width - 2 * Self.margin, dot: dot).enumerated().map {
        ($1, Self.margin, frame.height + Self.margin + $0 * Self.lineHeight(dot))
      }
    }

    private static func lineHeight(_ dot: Int) -> Int { (LetterFont.glyphHeight + 1) * dot }

    private static func lines(_ parts: [String], width: Int, dot: Int) -> [String] {
      var lines: [String] = []
      for part in parts {
        if let last = lines.last, RGBImage.lettersWidth("\(last)  \(part)", dot: dot) <= width {
          lines[lines.count - 1] = "\(last)  \(part)"
        } else {
          lines.append(part)
        }
      }
      return lines
    }
  }

  private static let paper = RGBColor(24, 24, 28)
  private static let ink = RGBColor(210, 210, 215)
  private static let curve = RGBColor(110, 180, 255)
  private static let alarm = RGBColor(255, 70, 50)
  /// Pixels from one frame to the next.
  private static let step = 4

  /// Where things are in the pictures of a clip whose frames are as large as this one.
  func layout(of image: RGBImage) -> Layout {
    Layout(image, captions: report.table.indices.indices.lazy.map(caption))
  }

  /// What is written below a frame, in parts.
  private func caption(_ row: Int) -> [String] {
    let index = report.table.indices[row]
    return [
      "frame \(index)", ConsistencyReport.clock(report.table.seconds[row]),
      String(format: "score %+.1f", report.scores[row]),
    ] + (report.verdict.isFlagged[row] ? [kinds[index]?.rawValue ?? "flagged"] : [])
  }

  func picture(
    of image: RGBImage, _ map: EnergyMap?, _ row: Int, _ layout: Layout
  ) -> RGBImage {
    let (frame, size) = (layout.frame, layout.size)
    var shown =
      image.width == frame.width ? image : image.resized(width: frame.width, height: frame.height)
    if let map {
      shown = heat.overlay(map, on: shown, at: row)
    }
    var picture = RGBImage(width: size.width, height: size.height, color: Self.paper)
    let bytes = frame.width * 3
    for row in 0..<frame.height {
      picture.pixels.replaceSubrange(
        row * size.width * 3..<row * size.width * 3 + bytes,
        with: shown.pixels[row * bytes..<(row + 1) * bytes])
    }
    if report.verdict.isFlagged[row] { Self.border(of: frame, on: &picture) }
    for line in layout.lines(caption(row)) {
      picture.writeLetters(
        line.text, x: line.x, y: line.y, width: size.width - line.x, dot: layout.dot, Self.ink)
    }
    drawCurve(row, top: frame.height + layout.captionHeight, on: &picture)
    return picture
  }

  private static func border(of frame: FrameSize, on picture: inout RGBImage) {
    let width = 4
    for (x, y, across, down) in [
      (0, 0, frame.width, width), (0, frame.height - width, frame.width, width),
      (0, 0, width, frame.height), (frame.width - width, 0, width, frame.height),
    ] {
      picture.fill(x: x, y: y, width: across, height: down, alarm)
    }
  }

  /// The scores around a frame, which stands in the middle, and the line at 0 above which frames are flagged.
  private func drawCurve(_ row: Int, top: Int, on picture: inout RGBImage) {
    let (scores, height) = (report.scores, Layout.curveHeight)
    func y(_ score: Float) -> Int {
      let share = (score - span.low) / max(span.high - span.low, 1e-6)
      return top + 2 + Int((1 - share) * Float(height - 5))
    }
    let middle = picture.width / 2
    let reach = middle / Self.step + 1
    let rows = max(0, row - reach)..<min(scores.count, row + reach + 1)
    for place in rows where report.verdict.isFlagged[place] {
      picture.fill(
        x: middle + (place - row) * Self.step - Self.step / 2, y: top, width: Self.step,
        height: height, Self.alarm, opacity: 0.35)
    }
    picture.fill(x: 0, y: y(0), width: picture.width, height: 1, Self.alarm)
    picture.fill(x: middle, y: top, width: 1, height: height, Self.ink, opacity: 0.6)
    for place in rows.dropLast() {
      for pixel in 0..<Self.step {
        func value(_ pixel: Int) -> Int {
          let share = Float(pixel) / Float(Self.step)
          return y(scores[place] * (1 - share) + scores[place + 1] * share)
        }
        let (from, to) = (value(pixel), value(pixel + 1))
        picture.fill(
          x: middle + (place - row) * Self.step + pixel, y: min(from, to), width: 1,
          height: abs(to - from) + 2, Self.curve)
      }
    }
  }
}
