import Foundation

/// Curves over the frames of a clip as one picture: a panel for each, one below the other.
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
  }

  public var panels: [Panel]
  /// Stretches of frames that are shaded in every panel.
  public var marked: [ClosedRange<Int>]
  /// Written above the panels.
  public var title: String
  /// Pixels across and, for each panel, down.
  public var width: Int
  public var panelHeight: Int

  private static let margin = 10
  private static let dot = 2
  private static let paper = RGBColor(255, 255, 255)
  private static let ink = RGBColor(40, 40, 48)
  private static let curve = RGBColor(31, 98, 181)
  private static let mark = RGBColor(255, 170, 150)
  private static let line = RGBColor(200, 60, 40)

  public init(
    title: String, panels: [Panel], marked: [ClosedRange<Int>] = [], width: Int = 1200,
    panelHeight: Int = 110
  ) {
    self.title = title
    self.panels = panels
    self.marked = marked
    self.width = width
    self.panelHeight = panelHeight
  }

  private var textHeight: Int { CaptionFont.glyphHeight * Self.dot }

  /// Draws the sheet.
  public func draw() -> RGBImage {
    let head = textHeight + 2 * Self.margin
    let step = panelHeight + textHeight + Self.margin
    var sheet = RGBImage(
      width: width, height: head + step * panels.count + Self.margin, color: Self.paper)
    write(title, x: Self.margin, y: Self.margin, on: &sheet)
    for (index, panel) in panels.enumerated() {
      draw(panel, top: head + index * step, on: &sheet)
    }
    return sheet
  }

  private func draw(_ panel: Panel, top: Int, on sheet: inout RGBImage) {
    let finite = panel.values.filter(\.isFinite)
    let low = min(finite.min() ?? 0, panel.level ?? .infinity)
    let high = max(finite.max() ?? 1, panel.level ?? -.infinity)
    let range = String(format: "%.4g to %.4g", Double(low), Double(high))
    write("\(panel.title)   \(range)", x: Self.margin, y: top, on: &sheet)
    let (left, upper) = (Self.margin, top + textHeight + 4)
    let (across, down) = (width - 2 * Self.margin, panelHeight - 8)
    sheet.fill(x: left, y: upper, width: across, height: down, Self.ink, opacity: 0.05)
    let count = max(panel.values.count, 1)
    func column(_ frame: Int) -> Int { left + frame * across / count }
    for range in marked {
      let first = column(range.lowerBound)
      sheet.fill(
        x: first, y: upper, width: max(2, column(range.upperBound + 1) - first), height: down,
        Self.mark, opacity: 0.7)
    }
    func row(_ value: Float) -> Int {
      upper + Int((1 - (value - low) / max(high - low, .leastNormalMagnitude)) * Float(down - 1))
    }
    if let level = panel.level {
      sheet.fill(x: left, y: row(level), width: across, height: 1, Self.line)
    }
    // Each column of pixels shows all the values that fall into it, joined to the one before.
    var before: Int?
    for x in 0..<across {
      let frames = x * count / across..<max(x * count / across + 1, (x + 1) * count / across)
      let values = panel.values[frames.clamped(to: panel.values.indices)].filter(\.isFinite)
      guard let least = values.min(), let greatest = values.max() else {
        before = nil
        continue
      }
      let (topRow, bottomRow) = (row(greatest), row(least))
      let first = min(topRow, before ?? topRow)
      let last = max(bottomRow, before ?? bottomRow)
      sheet.fill(x: left + x, y: first, width: 1, height: last - first + 1, Self.curve)
      before = row(values.last!)
    }
  }

  private func write(_ text: String, x: Int, y: Int, on sheet: inout RGBImage) {
    sheet.write(text, x: x, y: y, width: width - 2 * Self.margin, dot: Self.dot, Self.ink)
  }
}
