import Foundation
import TestSupport
import Testing
import Torch

@testable import Files
@testable import Frames
@testable import Pictures
@testable import VideoJEPA

@Suite struct ConsistencyPageTests {
  /// A clip with a cut, scored by a model that has learned nothing.
  private func scored(
    _ name: String = "a clip", frames: Int = 40
  ) throws -> (report: ConsistencyReport, source: MemoryFrameSource, model: ClipModel) {
    let images = MovingShapes.frames(frames, cuts: [20], seed: 3)
    let model = try ClipModelTests.small()
    let scorer = ConsistencyScorer(
      ConsistencyModel(clips: model, rule: sampleRule(), fingerprint: "of a test"))
    let report = try scorer.score(MemoryFrameSource(images, name: name))
    return (report, MemoryFrameSource(images, name: name), model)
  }

  private func page(_ name: String = "a clip") throws -> ConsistencyPage {
    let (report, source, model) = try scored(name)
    return ConsistencyPage(
      report, pictures: try FlaggedPictures(of: report, from: source, model: model))
  }

  @Test func picturesAreThoseOfTheRange() throws {
    let (report, source, model) = try scored()
    #expect(report.ranges.map(\.start) == [20])
    let pictures = try FlaggedPictures(of: report, from: source, model: model)
    let range = try #require(pictures.ranges.first ?? nil)
    let frames = MovingShapes.frames(40, cuts: [20], seed: 3)
    #expect(range.before == 19 && range.first == 20)
    #expect(range.images[19] == frames[19])
    #expect(range.images[20] == frames[20])
    #expect(range.map?.values.count == (range.map?.width ?? 0) * (range.map?.height ?? 0))
    #expect(pictures.thumbnails.map(\.row) == Array(0..<40))
  }

  @Test func theMapIsTheEnergyOfTheReport() throws {
    let (report, source, model) = try scored()
    let images = try source.remainingFrames().map(\.image)
    let map = try #require(model.energyMap(of: Array(images[7...13]), at: 3))
    let mean = map.values.reduce(0, +) / Float(map.values.count)
    let expected = report.table.value(of: .energy(.middle, .mean), at: 10)
    #expect(abs(mean - expected) < 1e-3 * expected)
    // At an end the past alone is asked.
    let past = try #require(model.energyMap(of: Array(images[7...10]), at: 3))
    let pastMean = past.values.reduce(0, +) / Float(past.values.count)
    let pastExpected = report.table.value(of: .energy(.past, .mean), at: 10)
    #expect(abs(pastMean - pastExpected) < 1e-3 * pastExpected)
    #expect(model.energyMap(of: [images[0]], at: 0) == nil)
  }

  @Test func heatCoversWhatIsHot() {
    let grey = RGBImage(width: 8, height: 8, color: RGBColor(100, 100, 100))
    let map = EnergyMap(width: 2, height: 2, values: [0, 0, 0, 9])
    let hot = map.overlay(on: grey, low: 1, high: 2)
    #expect(Array(hot.pixels[0..<3]) == [100, 100, 100])
    let corner = Array(hot.pixels.suffix(3))
    #expect(corner[0] > 170 && corner[1] < 60 && corner[2] < 60)
  }

  @Test func thePageHoldsWhatTheReportSays() throws {
    let html = try page().html()
    #expect(!html.contains("{{"))
    #expect(!html.contains("http://") && !html.contains("https://"))
    for text in [
      "\"frames\":\"20\"", "energy, from both sides", "first: frame 20", "before: frame 19",
      "\"key\":\"shotSeparation\",\"words\":\"shot separation\"",
    ] {
      #expect(html.contains(text), "\(text)")
    }
  }

  @Test func namesCannotBreakThePage() throws {
    let html = try page("</script><b>{{DATA}} & \"q\" {{TITLE}}").html()
    #expect(html.components(separatedBy: "</script>").count == 3)
    #expect(html.contains("&lt;/script>&lt;b>{{DATA}} &amp; \"q\" {{TITLE}}</h1>"))
  }

  /// The clip's name stands once at the top, what is wrong with the file as a warning.
  @Test func problemsAreWarnings() throws {
    let (report, _, _) = try scored("folder/clip.mp4")
    var problems = FrameProblems()
    for frame in 0..<30 {
      problems.append(
        FrameProblem(kind: .damage, index: frame, seconds: 0, message: "cannot be decoded"))
    }
    let broken = ConsistencyReport(
      input: report.input, framesPerSecond: 25, table: report.table, logOdds: report.logOdds,
      threshold: report.threshold, verdict: report.verdict, claim: report.claim, model: "",
      problems: problems)
    let content = try ConsistencyPage(broken, pictures: nil).content()
    #expect(content.summary.hasPrefix("40 frames, "))
    let warnings = content.notes.filter(\.isWarning).map(\.text)
    #expect(warnings.count == 21 && warnings.last == "10 more problems of the file")
    #expect(warnings.first == "\(problems.first[0])")
    #expect(content.notes.contains { !$0.isWarning && $0.text == "\(report.claim)" })
    #expect(content.curves[0].level == 0)
  }

  @Test func thePageIsWrittenWholeOrNotAtAll() throws {
    let path = TemporaryPath("page.html")
    try page().write(to: path.path)
    #expect(try String(contentsOfFile: path.path, encoding: .utf8) == (try page().html()))
    #expect(throws: FileError.self) { try page().write(to: path.path + "/no/page.html") }
  }

  @Test func aClipThatIsReadOnceHasNoPictures() throws {
    let report = try scored("-").report
    let html = try ConsistencyPage(report, pictures: nil).html()
    #expect(html.contains("No pictures: the input could be read only once."))
    #expect(!html.contains("data:image"))
  }

  @Test func longClipsKeepTheirPeaksAndDips() throws {
    let values = (0..<50_000).map { Float($0 == 31_234 ? 9 : $0 == 31_239 ? -7 : 1) }
    var table = FrameTable([.pixelDifference(.mean), .isCut, .isRepeat, .colorShift])
    for row in 0..<values.count { table.append(index: row, seconds: Double(row) / 25) }
    table.set(values, of: .pixelDifference(.mean), from: 0)
    let verdict = ConsistencyVerdict(
      table,
      judgements: values.map {
        ConsistencyRule.Judgement(score: $0, kind: .local, statistic: .pixelDifference(.mean))
      }, threshold: 3)
    let long = ConsistencyReport(
      input: "long", framesPerSecond: 25, table: table, logOdds: values, threshold: 3,
      verdict: verdict,
      claim: FalseAlarmClaim(grounds: .clip, frames: 50_000, alarms: 0, wantedPer1000: 1),
      model: "", problems: FrameProblems())
    let content = try ConsistencyPage(long, pictures: nil).content()
    #expect(content.index.count <= ConsistencyPage.mostPoints)
    #expect(content.curves[1].values.compactMap { $0 }.max() == 9)
    #expect(content.index[6_246] == 31_230)
    let (highs, lows) = (content.curves[1].values, try #require(content.curves[1].lows))
    #expect(highs[6_246] == 9 && lows[6_246] == 1)
    #expect(highs[6_247] == 1 && lows[6_247] == -7)
    #expect(content.omissions.contains("Each point of a curve spans the values of 5 frames."))
    #expect(try page().content().curves[1].lows == nil)
  }

  @Test func thePlotShadesWhatIsFlagged() throws {
    let plot = try scored().report.plot(width: 420)
    #expect(plot.width == 420)
    let shaded = stride(from: 0, to: plot.pixels.count, by: 3).count {
      plot.pixels[$0] > 240 && plot.pixels[$0 + 1] < 210 && plot.pixels[$0 + 2] < 200
    }
    #expect(shaded > 100)
  }

  @Test func longClipsShowTheirWorstRanges() throws {
    let images = MovingShapes.frames(640, cuts: (1..<40).map { 11 * $0 }, seed: 3)
    let model = try ClipModelTests.small()
    let report = try ConsistencyScorer(
      ConsistencyModel(clips: model, rule: sampleRule(), fingerprint: "of a test")
    ).score(MemoryFrameSource(images, name: "long"))
    let count = report.ranges.count
    #expect(count > FlaggedPictures.mostRanges)
    let pictures = try FlaggedPictures(
      of: report, from: MemoryFrameSource(images, name: "long"), model: nil)
    let shown = pictures.ranges.indices.filter { pictures.ranges[$0] != nil }
    #expect(shown.count == FlaggedPictures.mostRanges)
    let least = shown.map { report.ranges[$0].score }.min()!
    #expect(report.ranges.count { $0.score > least } < FlaggedPictures.mostRanges)
    // Every other frame, and those of what is flagged.
    let rows = pictures.thumbnails.map(\.row)
    #expect(rows == rows.sorted() && Set(rows).isSuperset(of: stride(from: 0, to: 640, by: 2)))
    #expect(
      rows.count < 640 && pictures.ranges.allSatisfy { $0.map { rows.contains($0.first) } ?? true })
    #expect(
      try ConsistencyPage(report, pictures: pictures).content().omissions == [
        "Pictures of 24 of the \(count) ranges, those with the highest scores."
      ])
  }

  /// Pictures are no larger than they are shown.
  @Test func picturesAreSmall() throws {
    let wide = RGBImage(width: 9_000, height: 30, color: RGBColor(200, 90, 10))
    let source = try ConsistencyPage.source(of: wide)
    let bytes = try #require(Data(base64Encoded: String(source.dropFirst(23))))
    let file = TemporaryPath("small.jpg")
    try bytes.write(to: URL(fileURLWithPath: file.path))
    let image = try ImageDecoder().decode(contentsOf: file.path)
    #expect(source.hasPrefix("data:image/jpeg;base64,"))
    #expect(image.width == 640 && image.height == 2)
  }

  /// In a real browser, where there is one: the script runs to its end and fills the page.
  @Test(.enabled(if: browser != nil, "no chromium on PATH"))
  func aBrowserShowsIt() throws {
    let folder = TemporaryPath("page")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let path = "\(folder.path)/page.html"
    try page().write(to: path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.browser))
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom",
      "file://\(path)",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let page = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(page.contains("data-ready=\"yes\""))
    #expect(page.contains("<td class=\"number\">20</td>"))
    #expect(page.components(separatedBy: "<canvas").count > 10)
    #expect(page.components(separatedBy: "<figure>").count > 3)
  }

  private static let browser: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for name in ["chromium", "chromium-browser", "google-chrome"] {
      for folder in folders {
        let path = "\(folder)/\(name)"
        if FileManager.default.isExecutableFile(atPath: path) { return path }
      }
    }
    return nil
  }()
}
