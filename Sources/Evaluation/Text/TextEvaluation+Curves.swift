import Files
import TextPlanner

extension TextEvaluation {
  /// Samples of a prompt at most.
  static let sampleCounts = [1, 2, 4, 8, 16, 32, 64]
  /// Steps of a plan at most.
  static let stepCounts = [1, 2, 4, 6, 8, 12, 16, 24, 32, 64, 256]

  /// What every method gets right for what it costs.
  ///
  /// Without a baseline only the planners are measured: along the gradient and along residuals, from one start,
  /// verified, with so many steps at most.
  func curves(
    baseline: AutoregressiveModel?, temperature: Double, progress: WorkProgress
  ) throws -> [TextReport.MethodCurve] {
    var curves: [TextReport.MethodCurve] = []
    if let baseline {
      curves += try samplingCurves(of: baseline, temperature: temperature, progress: progress)
    }
    for step in PlannerDirection.allCases {
      progress.begin("\(step.rawValue) planner at \(Self.stepCounts.count) budgets")
      curves.append(
        TextReport.MethodCurve(
          method: "\(step.rawValue)Planner",
          points: try Self.stepCounts.map { steps in
            var options = planner.options
            (options.step, options.steps, options.starts) = (step, steps, 1)
            let planner = Planner(planner.model, options: options)
            return try point(steps) {
              try planner.plan(prompts, memory: entries).map { ($0.answer, $0.operations) }
            }
          }))
    }
    return curves
  }

  private func samplingCurves(
    of baseline: AutoregressiveModel, temperature: Double, progress: WorkProgress
  ) throws -> [TextReport.MethodCurve] {
    func operations(_ written: [WrittenAnswer], for item: Int) -> Double {
      let length = baseline.vocabulary.length(of: examples[item].prompt)
      return written.reduce(baseline.operationsOfPrompt(length: length)) {
        $0
          + baseline.operationsOfWriting(
            length: baseline.vocabulary.length(of: $1.text), promptLength: length)
      }
    }
    func likeliest(of count: Int) throws -> [(String, Double)] {
      let samples = try baseline.samples(
        prompts, count: count, seed: seed, temperature: temperature)
      return samples.enumerated().map { item, written in
        (written.max { $0.logLikelihood < $1.logLikelihood }!.text, operations(written, for: item))
      }
    }
    func judged(_ count: Int, verifies: Bool) throws -> [(String, Double)] {
      var options = ProposalOptions()
      (options.samples, options.temperature) = (count, temperature)
      (options.verifies, options.seed) = (verifies, seed)
      return try AnswerProposals(baseline, judgedBy: planner.model, options: options)
        .answers(prompts, memory: entries).map { ($0.answer, $0.operations) }
    }
    func curve(
      _ method: String, _ answer: (Int) throws -> [(String, Double)]
    ) throws -> TextReport.MethodCurve {
      progress.begin("\(method) at \(Self.sampleCounts.count) numbers of samples")
      return TextReport.MethodCurve(
        method: method,
        points: try Self.sampleCounts.map { count in try point(count) { try answer(count) } })
    }
    let greedy = try point(1) {
      try baseline.answers(prompts).enumerated().map { ($1.text, operations([$1], for: $0)) }
    }
    return [
      TextReport.MethodCurve(method: "greedy", points: [greedy]),
      try curve("likelihood", likeliest(of:)),
      try curve("energy") { try judged($0, verifies: false) },
      try curve("earlyExit") { try judged($0, verifies: true) },
    ]
  }

  /// - Parameter answer: gives each prompt's answer, and its operations.
  private func point(
    _ setting: Int, _ answer: () throws -> [(String, Double)]
  ) rethrows -> TextReport.CurvePoint {
    let clock = ContinuousClock()
    let start = clock.now
    let answers = try answer()
    let milliseconds = (clock.now - start) / .milliseconds(1) / Double(examples.count)
    return TextReport.CurvePoint(
      setting: setting,
      score: score(
        key.accepts(answers.map(\.0)), operations: answers.map(\.1), milliseconds: milliseconds))
  }
}
