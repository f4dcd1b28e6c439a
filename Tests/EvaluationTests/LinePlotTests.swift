import Foundation
import TestSupport
import Testing
import TextPlanner

@testable import Evaluation
@testable import Pictures

/// Plots of lines, pixel by pixel where it matters.
@Suite struct LinePlotTests {
  static let blue = LinePlot.palette[0]

  static func plot(_ points: [(x: Double, y: Double)], marked: Set<Int> = []) -> LinePlot {
    LinePlot(
      title: "t", xName: "x", yName: "y",
      series: [LinePlot.Series("s", points: points, color: blue, marked: marked)])
  }

  static func count(_ color: RGBColor, in image: RGBImage) -> Int {
    stride(from: 0, to: image.pixels.count, by: 3).count {
      image.pixels[$0] == color.red && image.pixels[$0 + 1] == color.green
        && image.pixels[$0 + 2] == color.blue
    }
  }

  @Test func linesConnectPoints() {
    let image = Self.plot([(0, 1), (10, 1)]).draw()
    #expect(image.width == 800 && image.height == 480)
    // Two pixels high over nearly the whole width, and the legend.
    #expect(Self.count(Self.blue, in: image) > 1200)
    let few = Self.plot([(0, 1), (5, .nan), (10, 1)]).draw()
    #expect(Self.count(Self.blue, in: few) < 200, "nothing leads over a gap")
  }

  @Test func marksAreLarger() {
    let points = [(x: 0.0, y: 1.0), (x: 10, y: 2)]
    let plain = Self.count(Self.blue, in: Self.plot(points).draw())
    #expect(Self.count(Self.blue, in: Self.plot(points, marked: [0, 1]).draw()) > plain)
  }

  @Test func hardValuesAreDrawnWithoutHarm() {
    for points in [
      [], [(x: 1.0, y: 1.0)], [(x: 0, y: -5), (x: 1, y: 1e12)], [(x: 0, y: .infinity)],
      [(x: 3, y: 0), (x: 3, y: 0)],
    ] {
      var plot = Self.plot(points)
      _ = plot.draw()
      plot.isLogarithmic = true
      plot.levels = [LinePlot.Level("zero", y: 0, color: .white)]
      _ = plot.draw()
      plot.isHorizontallyLogarithmic = true
      _ = plot.draw()
    }
  }

  @Test func aTraceHasALineForEachStartAndTheThreshold() throws {
    let json = """
      {"prompt":"p","answer":"a","energy":1,"isVerified":false,"starts":2,"steps":2,"evaluations":4,
      "gradients":2,"decodings":2,"operations":9,
       "verifications":2,"reason":"budget","firstGuess":"a","trace":[
        {"start":1,"step":0,"energy":500,"text":"x"},{"start":1,"step":1,"energy":20,"text":"a"},
        {"start":2,"step":0,"energy":400,"text":"y"},{"start":2,"step":1,"energy":2,"text":"a"}]}
      """
    let plan = try JSONDecoder().decode(Plan.self, from: Data(json.utf8))
    let image = TracePlot(plan, threshold: 3).draw()
    #expect(Self.count(LinePlot.palette[0], in: image) > 100)
    #expect(Self.count(LinePlot.palette[1], in: image) > 100)
    #expect(Self.count(RGBColor(200, 90, 90), in: image) > 100, "the threshold")
    let file = TemporaryPath("plot")
    try TracePlot(plan, threshold: 3).write(toPNG: file.path)
    #expect(FileManager.default.fileExists(atPath: file.path))
  }
}
