import Pictures

/// What every method gets right of the hardest prompts, over what it costs.
public struct CurvePlot: Sendable {
  private let plot: LinePlot

  /// nil where a report has no curves.
  public init?(_ report: TextReport) {
    guard let curves = report.curves, !curves.isEmpty else { return nil }
    let hardest = report.byDifficulty.last.map { "\($0.difficulty)" }
    let series = curves.enumerated().map { index, curve in
      let points = curve.points.map { point -> (x: Double, y: Double) in
        let score = point.score
        return (
          x: (hardest.flatMap { score.operationsByDifficulty[$0] } ?? score.operationsPerItem)
            / 1e6,
          y: 100 * (hardest.flatMap { score.exactMatchByDifficulty[$0] } ?? score.exactMatch)
        )
      }
      return LinePlot.Series(
        curve.method, points: points, color: LinePlot.palette[index % LinePlot.palette.count])
    }
    var plot = LinePlot(
      title: "exact match, %, over MFLOP" + (hardest.map { ", difficulty \($0)" } ?? ""),
      xName: "", yName: "", series: series)
    plot.isHorizontallyLogarithmic = true
    plot.width = 1100
    plot.height = 560
    self.plot = plot
  }

  public func draw() -> RGBImage { plot.draw() }

  /// Draws it into a PNG file, which appears whole or not at all.
  public func write(toPNG path: String) throws { try plot.write(toPNG: path) }
}
