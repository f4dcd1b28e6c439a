import Files
import Pictures
import TextPlanner

/// The energy over the steps of a plan, a line for each start, with marks where the decoded text changed;
/// beside it the threshold and the energy of the answer, read again.
public struct TracePlot: Sendable {
  private let plot: LinePlot

  /// - Parameter threshold: the energy under which answers are accepted.
  ///
  /// - Precondition: the plan holds its trace.
  public init(_ plan: Plan, threshold: Double) {
    guard let trace = plan.trace else { preconditionFailure("a plot of a plan without its trace") }
    let starts = Set(trace.map(\.start)).sorted()
    let series = starts.map { start in
      let steps = trace.filter { $0.start == start }
      let changed = steps.indices.filter { $0 > 0 && steps[$0].text != steps[$0 - 1].text }
      return LinePlot.Series(
        "start \(start)", points: steps.map { (Double($0.step), $0.energy) },
        color: LinePlot.palette[(start - 1) % LinePlot.palette.count], marked: Set(changed))
    }
    var plot = LinePlot(
      title: "energy over steps: \(plan.isVerified ? "verified" : "unverified"), "
        + plan.evaluations.counted("evaluation"),
      xName: "step", yName: "", series: series)
    plot.isLogarithmic = true
    plot.levels = [
      LinePlot.Level("threshold", y: threshold, color: RGBColor(200, 90, 90)),
      LinePlot.Level("answer", y: plan.energy, color: RGBColor(120, 190, 110)),
    ]
    self.plot = plot
  }

  public func draw() -> RGBImage { plot.draw() }

  /// Draws it into a PNG file, which appears whole or not at all.
  ///
  /// - Throws: `ImageError.unwritableFile`.
  public func write(toPNG path: String) throws { try plot.write(toPNG: path) }
}
