import Files
import Foundation
import Frames
import Pictures
import Torch

/// Clips scored one after the other, and what is written and said of them.
public struct ConsistencyRun {
  /// Files to write.
  public struct Outputs: Sendable {
    public var json: String?
    public var csv: String?
    /// An HTML page.
    public var page: String?
    /// A PNG of the curves.
    public var plot: String?
    /// A video of the clip with its energies and the running score.
    public var annotatedVideo: String?

    /// JSON on the standard output, in place of what is said otherwise.
    var saysJSON: Bool { json == "-" }

    fileprivate var all: [OutputFile] {
      let files: [(String, String?, OutputKind)] = [
        ("--json", saysJSON ? nil : json, .scores), ("--csv", csv, .scoreTable),
        ("--report", page, .page), ("--plot", plot, .picture),
        ("--annotate", annotatedVideo, .video),
      ]
      return files.compactMap { option, path, kind in path.map { OutputFile(option, $0, kind) } }
    }

    /// Whether files that this program did not make may be overwritten.
    public var isForced: Bool

    public init(
      json: String? = nil, csv: String? = nil, page: String? = nil, plot: String? = nil,
      annotatedVideo: String? = nil, isForced: Bool = false
    ) {
      self.isForced = isForced
      self.json = json
      self.csv = csv
      self.page = page
      self.plot = plot
      self.annotatedVideo = annotatedVideo
    }
  }

  /// What became of all clips.
  public struct Outcome: Sendable {
    /// Whether a range of any clip is flagged.
    public var isFlagged = false
    /// Whether data of any clip could not be decoded.
    public var isDamaged = false
    /// Whether a clip could not be scored at all.
    public var hasFailed = false

    /// 1 where a clip could not be scored or is damaged; 3 where anything is flagged and that was asked for;
    /// 0 otherwise.
    public func status(isChecking: Bool) -> Int32 {
      hasFailed || isDamaged ? 1 : isChecking && isFlagged ? 3 : 0
    }
  }

  private let inputs: [String]
  private let scorer: ConsistencyScorer
  private let options: FrameOptions
  private let outputs: Outputs
  private let read: [String]
  private let print: (String) -> Void
  private let warn: (String) -> Void

  /// - Parameters:
  ///   - inputs: what `FrameInput.open` takes.
  ///   - scorer: what judges a clip.
  ///   - options: which frames, and how large.
  ///   - outputs: with several inputs each gets files of its own, named after it.
  ///   - read: other files that are read: a calibration.
  ///   - print: takes what is said of the clips.
  ///   - warn: takes what went wrong.
  public init(
    inputs: [String], scorer: ConsistencyScorer, options: FrameOptions = FrameOptions(),
    outputs: Outputs = Outputs(), read: [String] = [], print: @escaping (String) -> Void,
    warn: @escaping (String) -> Void
  ) {
    self.inputs = inputs
    self.scorer = scorer
    self.options = options
    self.outputs = outputs
    self.read = read
    self.print = print
    self.warn = warn
  }

  /// Scores every clip.
  ///
  /// Of several clips, one that cannot be scored, or whose files cannot be written, is named in a
  /// warning, and the others are scored.
  ///
  /// - Throws: before anything is scored, `InputError` or `FileError` for a file that cannot be written or would
  ///   overwrite an input; why the only clip could not be scored, or its files not be written.
  public func run() throws -> Outcome {
    try checkOutputs()
    var outcome = Outcome()
    var ranking: [(consistency: Double, worst: Float, summary: String)] = []
    for (place, input) in inputs.enumerated() {
      do {
        let source = try FrameInput.open(input, options: options)
        let status = ClipStatus(of: source)
        let report = try score(source, showing: status)
        status.clear()
        outcome.isFlagged = outcome.isFlagged || report.isFlagged
        outcome.isDamaged = outcome.isDamaged || report.problems.damageCount > 0
        // What is known is said before anything else can fail.
        if inputs.count > 1 {
          ranking.append(
            (report.consistency, report.ranges.map(\.score).max() ?? 0, report.summary))
        } else if !outputs.saysJSON {
          print(report.text)
        }
        try write(report, ofInput: place)
      } catch  where inputs.count > 1 {
        warn("\(error)")
        outcome.hasFailed = true
      }
    }
    // The most consistent clips first; of two alike, the one whose worst range is the milder.
    ranking.sort { ($1.consistency, $0.worst) < ($0.consistency, $1.worst) }
    for (place, entry) in ranking.enumerated() { print("\(place + 1). \(entry.summary)") }
    return outcome
  }

  /// - Throws: `ConsistencyError.clipFailed` where memory or a device gives out.
  private func score(
    _ source: any FrameSource, showing status: ClipStatus
  ) throws -> ConsistencyReport {
    do {
      return try Computation.run { [scorer] in
        try scorer.score(source) { status.show($0) }
      }
    } catch let error as ComputationError {
      status.clear()
      throw ConsistencyError.clipFailed(path: source.name, reason: "\(error)")
    }
  }

  private func checkOutputs() throws {
    if outputs.saysJSON, inputs.count > 1 {
      throw InputError.invalidSetting(
        name: "--json -", expected: "one input", found: "\(inputs.count)")
    }
    if inputs.count(where: { $0 == "-" }) > 1 {
      throw InputError.invalidSetting(
        name: "inputs", expected: "the standard input once", found: "it more than once")
    }
    let files = outputs.all.flatMap { file in
      inputs.indices.map { OutputFile(file.option, path(file.path, forInput: $0), file.kind) }
    }
    try OutputFiles(files, isForced: outputs.isForced)
      .check(against: inputs.filter { $0 != "-" } + read)
    if let video = outputs.annotatedVideo {
      guard !inputs.contains("-") else {
        throw InputError.invalidSetting(
          name: "--annotate", expected: "an input that can be read twice",
          found: "the standard input")
      }
      try VideoFileWriter.check(video)
    }
  }

  private func write(_ report: ConsistencyReport, ofInput place: Int) throws {
    if outputs.saysJSON {
      try report.json { print($0) }
    } else if let json = outputs.json {
      try report.write(toJSON: path(json, forInput: place))
    }
    if let csv = outputs.csv { try report.write(toCSV: path(csv, forInput: place)) }
    if let plot = outputs.plot {
      let bytes = try report.plot().pngBytes(name: plot)
      try UnfinishedFile.make(at: path(plot, forInput: place)) { file in
        try bytes.withUnsafeBytes { try file.append($0) }
      }
    }
    if let page = outputs.page {
      // The standard input cannot be read again.
      let pictures =
        report.input == "-"
        ? nil
        : try FlaggedPictures(
          of: report, from: FrameInput.open(report.input, options: options),
          model: scorer.model.clips, device: scorer.model.device)
      try ConsistencyPage(report, pictures: pictures).write(to: path(page, forInput: place))
    }
    if let video = outputs.annotatedVideo {
      var larger = options
      larger.shortSide = AnnotatedVideo.shortSide
      try AnnotatedVideo(report, model: scorer.model.clips, device: scorer.model.device)
        .write(
          to: path(video, forInput: place), from: FrameInput.open(report.input, options: larger))
    }
  }

  /// `scores.json`, or with several inputs `scores-CLIP.json`; where several clips have one name, the second is
  /// `scores-CLIP-2.json`.
  private func path(_ path: String, forInput place: Int) -> String {
    guard inputs.count > 1 else { return path }
    func name(_ input: String) -> String {
      PathParts(PathParts(input).name).stem
    }
    let own = name(inputs[place])
    let before = inputs[..<place].count { name($0) == own }
    let (stem, ending) = (
      PathParts(path).stem, PathParts(path).ending
    )
    return "\(stem)-\(own)" + (before > 0 ? "-\(before + 1)" : "")
      + (ending.isEmpty ? "" : ".\(ending)")
  }
}

/// Finds a threshold from clips that are known to be clean.
public struct CalibrationRun {
  private let inputs: [String]
  private let model: ConsistencyModel
  private let options: FrameOptions
  private let wantedPer1000: Double

  /// - Parameters:
  ///   - inputs: what `FrameInput.open` takes, each once.
  ///   - model: what measures the frames.
  ///   - options: which frames, and how large.
  ///   - wantedPer1000: false alarms in 1000 frames, above 0.
  public init(
    inputs: [String], model: ConsistencyModel, options: FrameOptions = FrameOptions(),
    wantedPer1000: Double
  ) {
    self.inputs = inputs
    self.model = model
    self.options = options
    self.wantedPer1000 = wantedPer1000
  }

  /// Measures all clips and sets the threshold.
  ///
  /// - Parameters:
  ///   - warn: takes what is not clean in the clean clips.
  /// - Returns: the threshold, and whether data of any clip could not be decoded: it is of what could be.
  /// - Throws: `ConsistencyError.tooFewFrames`, `FrameError`; `InputError.invalidSetting` for a clip that is given
  ///   twice, which would count as twice the evidence.
  public func run(
    warn: (String) -> Void
  ) throws -> (calibration: ConsistencyCalibration, isDamaged: Bool) {
    try InputFiles.checkEachOnce(inputs, called: "clean clips")
    var reports: [(input: String, logOdds: [Float], verdict: ConsistencyVerdict)] = []
    var isDamaged = false
    for input in inputs {
      let source = try FrameInput.open(input, options: options)
      let status = ClipStatus(of: source)
      let report = try ConsistencyScorer(model).score(source) { status.show($0) }
      status.clear()
      isDamaged = isDamaged || report.problems.damageCount > 0
      reports.append((input, report.logOdds, report.verdict))
      for warning in Self.warnings(of: report) { warn("\(input): \(warning)") }
    }
    // What an exact rule finds more often than false alarms may be is usual here, and is no longer its business.
    let frames = reports.reduce(0) { $0 + $1.logOdds.count }
    let ordinary = Set(
      ConsistencyVerdict.ExactRule.allCases.filter { rule in
        let finds = reports.reduce(0) { $0 + $1.verdict.exactRows.count { $0.rule == rule } }
        return finds > 0 && Double(finds) * 1000 > wantedPer1000 * Double(frames)
      })
    let calibration = ConsistencyCalibration(
      clean: reports.map { Self.evidence($0.input, $0.logOdds, $0.verdict, ordinary) },
      wantedPer1000: wantedPer1000, model: model.fingerprint, rule: model.rule,
      every: options.every, ordinary: ordinary)
    return (calibration, isDamaged)
  }

  /// The frames of a clean clip that can be flagged: an exact find's echo in the score is not clean, and what belongs to a
  /// native cadence is never flagged.
  private static func evidence(
    _ input: String, _ logOdds: [Float], _ verdict: ConsistencyVerdict,
    _ ordinary: Set<ConsistencyVerdict.ExactRule>
  ) -> ConsistencyCalibration.Evidence {
    var isLeftOut = verdict.isLeftAlone
    for (row, _) in verdict.exactRows {
      for near in ConsistencyVerdict.echo(of: row, in: logOdds.count) { isLeftOut[near] = true }
    }
    let clean = logOdds.indices.filter { !isLeftOut[$0] }.map { logOdds[$0] }
    return ConsistencyCalibration.Evidence(
      input, logOdds: clean.isEmpty ? logOdds : clean,
      exactAlarms: verdict.exactRows.count { !ordinary.contains($0.rule) })
  }

  /// What of a clip that is called clean looks as if it were not.
  static func warnings(of report: ConsistencyReport) -> [String] {
    var warnings: [String] = []
    for kind in BreakKind.allCases {
      let ranges = report.ranges.filter { $0.kind == kind }
      guard !ranges.isEmpty else { continue }
      let places =
        ranges.prefix(6).map { "\($0.start)" }.joined(separator: ", ")
        + (ranges.count > 6 ? " and \(ranges.count - 6) more" : "")
      warnings.append(
        "looks like \(kind.rawValue) at frame\(ranges.count == 1 ? "" : "s") \(places): what is called "
          + "clean is let pass from now on, and the threshold is the higher for it")
    }
    if report.verdict.stillShare >= 0.5 {
      warnings.append(
        String(
          format: "little moves around %.0f %% of its frames: they say little about false alarms",
          100 * report.verdict.stillShare))
    }
    if let cadence = report.verdict.cadence {
      warnings.append(
        "\(cadence.repeatsPerPeriod) of \(cadence.period) frames repeat the one before: a native cadence"
      )
    }
    if let fade = report.longestFade {
      warnings.append(
        "its colours fade from frame \(fade.lowerBound) to \(fade.upperBound): fades raise the threshold"
      )
    }
    if report.isJerky {
      warnings.append(
        "its motion is jerky: pixel differences jump up and down from frame to frame, which hides drops"
      )
    }
    for problem in report.problems.first.prefix(3) { warnings.append("\(problem)") }
    return warnings
  }
}

extension ConsistencyReport {
  /// The longest stretch of at least eight frames that change their light (`FrameTable.isFading`).
  var longestFade: ClosedRange<Int>? {
    var (longest, start) = (0..<0, 0)
    for row in 0...table.count where row == table.count || !table.isFading(at: row) {
      if row - start > longest.count { longest = start..<row }
      start = row + 1
    }
    return longest.count >= 8
      ? table.indices[longest.lowerBound]...table.indices[longest.upperBound - 1] : nil
  }

  /// Whether frames move by very different amounts in turn: the median change of the logarithm of the pixel
  /// difference is above 0.35 (a factor of 1.4).
  var isJerky: Bool {
    let logs = table[.pixelDifference(.mean)].filter { $0.isFinite && $0 > 0.2 }.map { log($0) }
    let changes = zip(logs, logs.dropFirst()).map { abs($1 - $0) }
    return changes.count > 20 && changes.upperMedian! > 0.35
  }
}
