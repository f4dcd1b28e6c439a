import Foundation
import Pictures

/// Curves over the frames of a clip as one picture: a panel for each, one below the other, and below
/// them an axis of frames and times.
public struct CurveSheet: Sendable {
  public struct Panel: Sendable {
    public var title: String
    /// One value a frame; NaN is not drawn.
    public var values: [Float]
    /// A line across, such as a threshold.
    public var level: Float?

    public init(title: String, values: [Float], level: Float? = nil) {
      self.title = title
      self.values = values
      self.level = level
    }

    /// The least and the greatest of what is drawn; nil where nothing is.
    var span: ClosedRange<Float>? {
      let drawn = values.filter(\.isFinite)
      guard let low = drawn.min(), let high = drawn.max() else { return nil }
      return min(low, level ?? low)...max(high, level ?? high)
    }

    /// What the values reach, in words.
    var extent: String {
      let drawn = values.filter(\.isFinite)
      guard let low = drawn.min(), let high = drawn.max() else { return "no values" }
      return low == high
        ? String(format: "always %.4g", Double(low))
        : String(format: "%.4g to %.4g", Double(low), Double(high))
    }
  }

  public var panels: [Panel]
  /// Stretches of frames that are shaded in every panel.
  public var marked: [ClosedRange<Int>]
  /// Two lines above the panels; the first is what the clip is called.
  public var title: String
  public var subtitle: String
  /// Each frame's place in the input and its time in seconds.
  public var indices: [Int]
  public var seconds: [Double]
  /// Pixels across and, for each panel, down.
  public var width: Int
  public var panelHeight: Int

  private static let margin = 10
  private static let paper = RGBColor(255, 255, 255)
  private static let ink = RGBColor(40, 40, 48)
  private static let curve = RGBColor(31, 98, 181)
  private static let mark = RGBColor(255, 150, 125)
  private static let line = RGBColor(200, 60, 40)

  /// - Precondition: as many times as indices.
  public init(
    title: String, subtitle: String = "", panels: [Panel], indices: [Int], seconds: [Double],
    marked: [ClosedRange<Int>] = [], width: Int = 1200, panelHeight: Int = 110
  ) {
    precondition(
      indices.count == seconds.count, "\(seconds.count) times of \(indices.count) frames")
    self.title = title
    self.subtitle = subtitle
    self.panels = panels
    self.indices = indices
    self.seconds = seconds
    self.marked = marked
    self.width = width
    self.panelHeight = panelHeight
  }

  /// A dot of the font is a square of this side.
  private var dot: Int { width < 700 ? 1 : 2 }
  private var lineHeight: Int { (LetterFont.glyphHeight + 2) * dot }
  /// Seven letters of values stand left of a panel.
  private var left: Int { Self.margin + 7 * LetterFont.advance * dot }
  private var across: Int { max(1, width - Self.margin - left) }

  /// Draws the sheet.
  public func draw() -> RGBImage {
    let head = 2 * lineHeight + 2 * Self.margin
    let step = panelHeight + lineHeight + Self.margin
    var sheet = RGBImage(
      width: width, height: head + step * panels.count + 2 * lineHeight + Self.margin,
      color: Self.paper)
    write(title, x: Self.margin, y: Self.margin, on: &sheet)
    write(subtitle, x: Self.margin, y: Self.margin + lineHeight, on: &sheet)
    let rows = AxisTicks.rows(of: indices, most: max(2, across / (12 * LetterFont.advance * dot)))
    for (index, panel) in panels.enumerated() {
      draw(panel, top: head + index * step, rows: rows, on: &sheet)
    }
    drawAxis(rows, top: head + step * panels.count - Self.margin + 4, on: &sheet)
    return sheet
  }

  /// Where a frame begins.
  private func column(_ frame: Int) -> Int { left + frame * across / max(indices.count, 1) }

  /// The middle of a frame.
  private func middle(_ frame: Int) -> Int {
    left + (2 * frame + 1) * across / (2 * max(indices.count, 1))
  }

  private func drawAxis(_ rows: [Int], top: Int, on sheet: inout RGBImage) {
    write("frame", x: Self.margin, y: top, on: &sheet)
    write("time", x: Self.margin, y: top + lineHeight, on: &sheet)
    for row in rows {
      for (line, text) in ["\(indices[row])", AxisTicks.time(seconds[row])].enumerated() {
        let half = RGBImage.lettersWidth(text, dot: dot) / 2
        let x = min(max(middle(row) - half, left), width - 2 * half - 2)
        write(text, x: x, y: top + line * lineHeight, on: &sheet)
      }
    }
  }

  private func draw(_ panel: Panel, top: Int, rows: [Int], on sheet: inout RGBImage) {
    write("\(panel.title): \(panel.extent)", x: left, y: top, on: &sheet)
    let upper = top + lineHeight
    let down = panelHeight - 8
    sheet.fill(x: left, y: upper, width: across, height: down, Self.ink, opacity: 0.05)
    for row in rows {
      sheet.fill(x: middle(row), y: upper, width: 1, height: down, Self.ink, opacity: 0.12)
    }
    for range in marked {
      // However long the clip, what is flagged can be seen.
      let first = column(range.lowerBound)
      let width = max(2, column(range.upperBound + 1) - first)
      sheet.fill(x: first, y: upper, width: width, height: down, Self.mark, opacity: 0.6)
      sheet.fill(x: first, y: upper, width: width, height: 4, Self.line)
    }
    guard let span = panel.span else { return }
    let place = { (value: Float) in
      // One value lies in the middle.
      let share =
        span.upperBound > span.lowerBound
        ? (value - span.lowerBound) / (span.upperBound - span.lowerBound) : 0.5
      return upper + 5 + Int((1 - share) * Float(down - 8))
    }
    let ticks = yTicks(span)
    for (value, text) in zip(ticks, AxisTicks.labels(of: ticks)) {
      let y = place(Float(value))
      sheet.fill(x: left, y: y, width: across, height: 1, Self.ink, opacity: 0.12)
      write(
        text, x: max(0, left - 6 - RGBImage.lettersWidth(text, dot: dot)), y: y - 3 * dot,
        on: &sheet)
    }
    if let level = panel.level {
      sheet.fill(x: left, y: place(level), width: across, height: 2, Self.line)
    }
    drawCurve(panel.values, place, on: &sheet)
  }

  private func yTicks(_ span: ClosedRange<Float>) -> [Double] {
    let range = Double(span.lowerBound)...Double(span.upperBound)
    let ticks = AxisTicks.values(in: range, most: max(2, 4 * panelHeight / (5 * lineHeight)))
    return ticks.isEmpty ? [range.lowerBound] : ticks
  }

  /// Each column of pixels shows the values that fall into it, joined to the one before: of a long clip all of
  /// several frames, of a short one a point between two.
  private func drawCurve(
    _ values: [Float], _ place: (Float) -> Int, on sheet: inout RGBImage
  ) {
    let count = values.count
    guard count > 0 else { return }
    var before: Int?
    for x in 0..<across {
      let shown: [Float]
      if count >= across {
        let frames = x * count / across..<max(x * count / across + 1, (x + 1) * count / across)
        shown = values[frames.clamped(to: values.indices)].filter(\.isFinite)
      } else {
        shown = [value(at: (Double(x) + 0.5) * Double(count) / Double(across) - 0.5, in: values)]
          .filter(\.isFinite)
      }
      guard let least = shown.min(), let greatest = shown.max() else {
        before = nil
        continue
      }
      let (top, bottom) = (place(greatest), place(least))
      let first = min(top, before ?? top)
      let last = max(bottom, before ?? bottom)
      sheet.fill(x: left + x, y: first, width: 1, height: last - first + 2, Self.curve)
      before = place(shown.last!)
    }
  }

  /// The value between two frames; that of the nearer one where only that is finite.
  private func value(at place: Double, in values: [Float]) -> Float {
    let place = min(max(place, 0), Double(values.count - 1))
    let first = Int(place)
    let share = Float(place - Double(first))
    let (a, b) = (values[first], values[min(first + 1, values.count - 1)])
    return a.isFinite && b.isFinite ? a + (b - a) * share : share < 0.5 ? a : b
  }

  /// Writes a line; of one that is too long the middle is left out.
  private func write(_ text: String, x: Int, y: Int, on sheet: inout RGBImage) {
    let most = (width - x + dot) / (LetterFont.advance * dot)
    var shown = text
    if text.count > most && most > 5 {
      let kept = most - 3
      shown = text.prefix(kept / 3) + "..." + text.suffix(kept - kept / 3)
    }
    sheet.writeLetters(shown, x: x, y: y, width: width - x, dot: dot, Self.ink)
  }
}
