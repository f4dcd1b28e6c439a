import Foundation

/// A plot of lines over a common axis, drawn in pixels.
public struct LinePlot: Sendable {
  /// One line.
  public struct Series: Sendable {
    public var name: String
    public var points: [(x: Double, y: Double)]
    public var color: RGBColor
    /// Points with a mark, as indices.
    public var marked: Set<Int>

    public init(
      _ name: String, points: [(x: Double, y: Double)], color: RGBColor, marked: Set<Int> = []
    ) {
      self.name = name
      self.points = points
      self.color = color
      self.marked = marked
    }
  }

  /// A horizontal line, such as a threshold.
  public struct Level: Sendable {
    public var name: String
    public var y: Double
    public var color: RGBColor

    public init(_ name: String, y: Double, color: RGBColor) {
      self.name = name
      self.y = y
      self.color = color
    }
  }

  public var title: String
  public var xName: String
  public var yName: String
  public var series: [Series]
  public var levels: [Level] = []
  /// Whether the vertical axis is logarithmic; values of 0 or less are then not drawn.
  public var isLogarithmic = false
  /// The same of the horizontal axis.
  public var isHorizontallyLogarithmic = false
  public var width = 800
  public var height = 480

  /// The colours of series, in turn.
  public static let palette = [
    RGBColor(86, 156, 214), RGBColor(220, 140, 70), RGBColor(120, 190, 110),
    RGBColor(200, 110, 160), RGBColor(210, 200, 100), RGBColor(120, 200, 200),
  ]

  private static let paper = RGBColor(24, 24, 28)
  private static let ink = RGBColor(200, 200, 205)
  private static let grid = RGBColor(52, 52, 58)
  /// A dot of the font is a square of this side.
  private static let dot = 2
  private static let margins = (left: 96, right: 16, top: 40, bottom: 56)

  public init(title: String, xName: String, yName: String, series: [Series]) {
    self.title = title
    self.xName = xName
    self.yName = yName
    self.series = series
  }

  // MARK: Drawing

  /// Draws the plot.
  public func draw() -> RGBImage {
    var image = RGBImage(width: width, height: height, color: Self.paper)
    let frame = self.frame
    for (value, label) in yTicks() {
      let y = frame.y(value)
      image.fill(x: frame.left, y: y, width: frame.width, height: 1, Self.grid)
      write(label, right: frame.left - 8, y: y - 7, on: &image)
    }
    for (value, label) in xTicks() {
      let x = frame.x(value)
      image.fill(x: x, y: frame.top, width: 1, height: frame.height, Self.grid)
      write(
        label, x: x - RGBImage.lettersWidth(label, dot: Self.dot) / 2, y: frame.bottom + 8,
        on: &image)
    }
    image.fill(x: frame.left, y: frame.top, width: 1, height: frame.height, Self.ink)
    image.fill(x: frame.left, y: frame.bottom, width: frame.width, height: 1, Self.ink)
    write(title, x: frame.left, y: 12, on: &image)
    write(yName, x: 8, y: 12, on: &image)
    write(xName, right: width - Self.margins.right, y: height - 20, on: &image)
    for level in levels where frame.shows(level.y) {
      for x in stride(from: frame.left, to: frame.right, by: 10) {
        image.fill(x: x, y: frame.y(level.y), width: 5, height: 2, level.color)
      }
      write(
        level.name, right: frame.right, y: frame.y(level.y) - 18, color: level.color, on: &image)
    }
    var legend = frame.left
    for line in series {
      draw(line, in: frame, on: &image)
      image.fill(x: legend, y: height - 14, width: 16, height: 3, line.color)
      write(line.name, x: legend + 22, y: height - 20, on: &image)
      legend += 40 + RGBImage.lettersWidth(line.name, dot: Self.dot)
    }
    return image
  }

  /// Draws the plot into a PNG file, which appears whole or not at all.
  ///
  /// - Throws: `ImageError.unwritableFile`.
  public func write(toPNG path: String) throws { try draw().write(toPNG: path) }

  private func draw(_ line: Series, in frame: Frame, on image: inout RGBImage) {
    let places = line.points.enumerated().filter { frame.shows($0.element) }
      .map { (index: $0.offset, x: frame.x($0.element.x), y: frame.y($0.element.y)) }
    for (from, to) in zip(places, places.dropFirst()) where to.index == from.index + 1 {
      let steps = max(abs(to.x - from.x), abs(to.y - from.y), 1)
      for step in 0...steps {
        image.fill(
          x: from.x + (to.x - from.x) * step / steps, y: from.y + (to.y - from.y) * step / steps,
          width: 2, height: 2, line.color)
      }
    }
    for place in places {
      let side = line.marked.contains(place.index) ? 8 : 4
      image.fill(
        x: place.x - side / 2 + 1, y: place.y - side / 2 + 1, width: side, height: side, line.color)
    }
  }

  // MARK: Axes

  /// Where the plot's field lies, and how values map to it.
  private struct Frame {
    let left: Int
    let top: Int
    let right: Int
    let bottom: Int
    /// Logarithms on a logarithmic axis, as `ys` are.
    let xs: ClosedRange<Double>
    let ys: ClosedRange<Double>
    let isLogarithmic: Bool
    let isHorizontallyLogarithmic: Bool

    var width: Int { right - left }
    var height: Int { bottom - top }

    func x(_ value: Double) -> Int {
      let value = isHorizontallyLogarithmic ? log10(value) : value
      return left + Int((value - xs.lowerBound) / (xs.upperBound - xs.lowerBound) * Double(width))
    }

    func y(_ value: Double) -> Int {
      let value = isLogarithmic ? log10(value) : value
      let share = (value - ys.lowerBound) / (ys.upperBound - ys.lowerBound)
      return bottom - Int(share * Double(height))
    }

    func shows(_ y: Double) -> Bool { y.isFinite && !(isLogarithmic && y <= 0) }

    func shows(_ point: (x: Double, y: Double)) -> Bool {
      shows(point.y) && !(isHorizontallyLogarithmic && point.x <= 0)
    }
  }

  private var frame: Frame {
    func range(_ values: [Double], padding: Double) -> ClosedRange<Double> {
      guard let low = values.min(), let high = values.max() else { return 0...1 }
      let room = high > low ? (high - low) * padding : 0.5
      return low - room...high + room
    }
    let ys = (series.flatMap { $0.points.map(\.y) } + levels.map(\.y))
      .filter { $0.isFinite && !(isLogarithmic && $0 <= 0) }
    let xs = series.flatMap { $0.points.map(\.x) }
      .filter { !(isHorizontallyLogarithmic && $0 <= 0) }
    let margins = Self.margins
    return Frame(
      left: margins.left, top: margins.top, right: width - margins.right,
      bottom: height - margins.bottom,
      xs: range(isHorizontallyLogarithmic ? xs.map(log10) : xs, padding: 0.02),
      ys: range(isLogarithmic ? ys.map(log10) : ys, padding: 0.06), isLogarithmic: isLogarithmic,
      isHorizontallyLogarithmic: isHorizontallyLogarithmic)
  }

  private func xTicks() -> [(Double, String)] {
    isHorizontallyLogarithmic
      ? Self.logarithmicTicks(in: frame.xs) : Self.ticks(in: frame.xs, isWhole: true)
  }

  private func yTicks() -> [(Double, String)] {
    isLogarithmic
      ? Self.logarithmicTicks(in: frame.ys) : Self.ticks(in: frame.ys, isWhole: false)
  }

  /// Powers of ten, or four steps where there are fewer than two; `range` is of logarithms.
  private static func logarithmicTicks(in range: ClosedRange<Double>) -> [(Double, String)] {
    let exponents =
      Int(
        range.lowerBound.rounded(.up))...max(
        Int(range.lowerBound.rounded(.up)), Int(range.upperBound.rounded(.down)))
    let ticks = exponents.filter { range.contains(Double($0)) }.map { pow(10, Double($0)) }
    // A range within one decade has no power of ten, or one.
    let values =
      ticks.count >= 2
      ? ticks
      : stride(from: 0.0, through: 1, by: 0.25).map {
        pow(10, range.lowerBound + (range.upperBound - range.lowerBound) * $0)
      }
    return values.map { ($0, label($0)) }
  }

  /// About six round values.
  private static func ticks(
    in range: ClosedRange<Double>, isWhole: Bool
  ) -> [(Double, String)] {
    let raw = (range.upperBound - range.lowerBound) / 6
    let power = pow(10, log10(raw).rounded(.down))
    var step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    if isWhole { step = max(1, step.rounded()) }
    let first = (range.lowerBound / step).rounded(.up) * step
    return stride(from: first, through: range.upperBound, by: step).map { ($0, label($0)) }
  }

  private static func label(_ value: Double) -> String {
    // Rounding upwards makes a zero with a sign.
    if value == 0 { return "0" }
    return abs(value) >= 1e5 || abs(value) < 1e-3
      ? String(format: "%.0e", value) : String(format: "%.4g", value)
  }

  // MARK: Letters

  private func write(
    _ text: String, right: Int, y: Int, color: RGBColor = ink, on image: inout RGBImage
  ) {
    let across = RGBImage.lettersWidth(text, dot: Self.dot)
    write(text, x: right - across, y: y, color: color, on: &image)
  }

  private func write(
    _ text: String, x: Int, y: Int, color: RGBColor = ink, on image: inout RGBImage
  ) {
    image.writeLetters(text, x: x, y: y, width: width - x, dot: Self.dot, color)
  }
}
