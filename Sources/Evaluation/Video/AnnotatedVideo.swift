import Foundation
import Torch
import VisionJEPA

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
  /// Frames whose energies are computed at once, and how many on either side of them those depend on.
  private static let groupSize = 32
  private static let reach = 3

  private let report: ConsistencyReport
  private let model: ClipModel
  private let device: Device
  /// What each flagged frame, by its place in the input, looks like.
  private let kinds: [Int: BreakKind]
  private let heat: (low: Float, high: Float)
  /// The lowest and the highest score that the curve shows.
  private let span: (low: Float, high: Float)

  /// - Parameters:
  ///   - report: on all frames of the clip.
  ///   - model: whose energies are shown.
  public init(_ report: ConsistencyReport, model: ClipModel, device: Device = .cpu) {
    self.report = report
    self.model = model
    self.device = device
    var kinds: [Int: BreakKind] = [:]
    for range in report.ranges {
      for index in range.start...range.end { kinds[index] = range.kind }
    }
    self.kinds = kinds
    heat = report.heatRange
    span = (
      min(report.scores.min() ?? 0, report.threshold),
      max(report.scores.max() ?? 1, report.threshold)
    )
  }

  /// Writes the video, which appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: its ending names the format.
  ///   - source: the same frames once more.
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
        let fitting = Layout(frame.image)
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

    static let captionHeight = 18
    static let curveHeight = 64

    init(_ image: RGBImage) {
      let short = min(image.width, image.height)
      let factor = max(1, (AnnotatedVideo.leastShortSide + short - 1) / short)
      frame = FrameSize(width: image.width * factor, height: image.height * factor)
      size = FrameSize(
        width: frame.width, height: frame.height + Self.captionHeight + Self.curveHeight)
    }
  }

  private static let paper = RGBColor(24, 24, 28)
  private static let ink = RGBColor(210, 210, 215)
  private static let curve = RGBColor(110, 180, 255)
  private static let alarm = RGBColor(255, 70, 50)
  /// Pixels from one frame to the next.
  private static let step = 4

  func picture(
    of image: RGBImage, _ map: EnergyMap?, _ row: Int, _ layout: Layout
  ) -> RGBImage {
    let (frame, size) = (layout.frame, layout.size)
    var shown =
      image.width == frame.width ? image : image.resized(width: frame.width, height: frame.height)
    if let map {
      shown = map.overlay(on: shown, low: heat.low, high: heat.high)
    }
    // Rows of pixels lie one after the other: the frame is the picture's beginning.
    var picture = RGBImage(
      width: size.width, height: size.height,
      pixels: shown.pixels
        + RGBImage(width: size.width, height: size.height - frame.height, color: Self.paper).pixels)
    let index = report.table.indices[row]
    if report.verdict.isFlagged[row] { Self.border(of: frame, on: &picture) }
    let caption = [
      "frame \(index)", ConsistencyReport.clock(report.table.seconds[row]),
      String(format: "score %.1f of %.1f", report.scores[row], report.threshold),
      report.verdict.isFlagged[row] ? kinds[index]?.rawValue ?? "" : "",
    ].joined(separator: "   ")
    picture.write(caption, x: 6, y: frame.height + 5, width: size.width - 12, Self.ink)
    drawCurve(row, top: frame.height + Layout.captionHeight, on: &picture)
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

  /// The scores around a frame, which stands in the middle.
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
    picture.fill(x: 0, y: y(report.threshold), width: picture.width, height: 1, Self.alarm)
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
