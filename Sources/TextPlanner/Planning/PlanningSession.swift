import Files
import Foundation

/// Prompts in, answers out: one at a time, or line by line.
public struct PlanningSession<Answer> {
  private let model: PlannerModel
  private let answer: (_ prompts: [String], _ memory: [[RetrievedEntry]]?) throws -> [Answer]
  private let retrieve: (([String]) throws -> [[RetrievedEntry]])?

  /// The answer to one prompt.
  ///
  /// - Throws: `PlannerError`, and what the memory throws.
  public func plan(_ prompt: String) throws -> Answer { try plan([prompt])[0] }

  /// Answers the lines of a pipe, in their order. Those before a line that cannot be a prompt are answered.
  ///
  /// - Throws: `PlannerError` with the line's number.
  public func plan(_ lines: PromptLines, report: (Answer) throws -> Void) throws {
    var lines = lines
    while true {
      let before = lines.lineCount
      guard let group = lines.next() else { return }
      var prompts: [String] = []
      var failure: PlannerError?
      for (offset, line) in group.enumerated() {
        do {
          guard let prompt = String(validating: line, as: UTF8.self) else {
            throw PlannerError.notUTF8
          }
          try model.check([prompt])
          prompts.append(prompt)
        } catch let error as PlannerError {
          failure = .line(before + offset + 1, error)
          break
        }
      }
      if !prompts.isEmpty { for answer in try plan(prompts) { try report(answer) } }
      if let failure { throw failure }
    }
  }

  private func plan(_ prompts: [String]) throws -> [Answer] {
    try answer(prompts, retrieve?(prompts))
  }
}

extension PlanningSession where Answer == Plan {
  /// - Parameters:
  ///   - planner: what answers.
  ///   - retrieve: what a memory holds for each of some prompts.
  public init(
    _ planner: Planner, retrieve: (([String]) throws -> [[RetrievedEntry]])? = nil
  ) {
    model = planner.model
    answer = { try planner.plan($0, memory: $1) }
    self.retrieve = retrieve
  }
}

extension PlanningSession where Answer == ProposedAnswer {
  /// - Parameters:
  ///   - proposals: what answers.
  ///   - retrieve: what a memory holds for each of some prompts.
  public init(
    _ proposals: AnswerProposals, retrieve: (([String]) throws -> [[RetrievedEntry]])? = nil
  ) {
    model = proposals.judge
    answer = { try proposals.answers($0, memory: $1) }
    self.retrieve = retrieve
  }
}

extension Plan {
  /// How the answer was found: the first guess, the energy of every step with the text where it changes, and
  /// the answer.
  ///
  /// - Parameter threshold: the model's.
  public func traceTable(threshold: Double) -> String {
    var lines = ["prompt      \(prompt.withControlPictures)"]
    if let firstGuess {
      lines.append("system one  \(firstGuess.withControlPictures)   (one evaluation)")
    }
    var (start, text) = (0, "")
    for step in trace ?? [] {
      if step.start != start {
        start = step.start
        text = ""
        lines.append("start \(start)")
        lines.append("  step      energy  decodes to")
      }
      let shown =
        step.text == text ? "" : step.step == 0 ? "(noise)" : step.text.withControlPictures
      if step.step > 0 { text = step.text }
      lines.append(String(format: "  %4d  %10.3f  ", step.step, step.energy) + shown)
    }
    lines.append(
      "system two  \(answer.withControlPictures)   (\(evaluations.counted("evaluation")))")
    lines.append(
      String(
        format: "%@: energy %.3f, threshold %.3f; %d %@, %d %@",
        isVerified ? "verified" : "unverified", energy, threshold, starts,
        starts == 1 ? "start" : "starts", steps, steps == 1 ? "step" : "steps"))
    return lines.joined(separator: "\n")
  }
}
