import Foundation

/// What can be wrong with a prompt, an answer or a model to plan with.
public enum PlannerError: Error, Equatable, Sendable {
  /// A prompt has more symbols than the model was trained for.
  case promptTooLong(prompt: String, length: Int, limit: Int)
  /// An answer has more symbols than the model was trained for.
  case answerTooLong(answer: String, length: Int, limit: Int)
  /// A text holds a NUL byte.
  case holdsNUL(text: String)
  /// A text is not UTF-8.
  case notUTF8
  /// What is wrong with a line of the standard input, counted from 1.
  indirect case line(Int, PlannerError)
  /// A checkpoint is not a planner's.
  case notAPlanner(path: String, found: String)
  /// The answer autoencoder did not learn to give answers back.
  case autoencoderFailed(exact: Double, needed: Double, steps: Int)
  /// There is too little to learn from.
  case tooFewExamples(path: String, found: Int)
  /// A test has prompts that the model was trained on.
  case trainedOn(path: String, count: Int, total: Int, first: String)
}

extension PlannerError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .promptTooLong(let prompt, let length, let limit):
      "the prompt \(Self.excerpt(prompt)) has \(length) symbols, the model's limit is \(limit)"
    case .answerTooLong(let answer, let length, let limit):
      "the answer \(Self.excerpt(answer)) has \(length) symbols, the model's limit is \(limit)"
    case .holdsNUL(let text):
      "the text \(Self.excerpt(text)) holds a NUL byte"
    case .notUTF8: "the text is not UTF-8"
    case .line(let line, let error): "line \(line) of the standard input: \(error)"
    case .notAPlanner(let path, let found):
      "\(path): expected model_type \(PlannerDescription.modelType), found \(found)"
    case .autoencoderFailed(let exact, let needed, let steps):
      String(
        format: "the answer autoencoder gives back %.2f %% of held-out answers after %d steps, "
          + "needed are %.1f %%: raise autoencoder.steps, model.latentWidth or model.symbolWidth",
        100 * exact, steps, 100 * needed)
    case .tooFewExamples(let path, let found):
      "\(path): expected at least 2 examples, found \(found)"
    case .trainedOn(let path, let count, let total, let first):
      "\(path): expected prompts that the model was not trained on, found \(count) of \(total) that it was, "
        + "such as \(Self.excerpt(first)): give others, or --allow-trained to measure these too"
    }
  }

  public var errorDescription: String? { description }

  /// The beginning of a text, on one line.
  private static func excerpt(_ text: String) -> String {
    let shown = text.prefix(24).map { $0.isNewline ? " " : $0 == "\0" ? "\\0" : String($0) }
    return "'" + shown.joined() + (text.count > 24 ? "…" : "") + "'"
  }
}

extension PlannerModel {
  /// Checks that texts can be prompts.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`.
  func check(_ prompts: [String]) throws {
    for prompt in prompts {
      if prompt.utf8.contains(0) { throw PlannerError.holdsNUL(text: prompt) }
      let length = vocabulary.length(of: prompt)
      guard length <= limits.promptLength else {
        throw PlannerError.promptTooLong(
          prompt: prompt, length: length, limit: limits.promptLength)
      }
    }
  }

  /// Checks that texts can be answers.
  ///
  /// - Throws: `PlannerError.answerTooLong`, `.holdsNUL`.
  func check(answers: [String]) throws {
    for answer in answers {
      if answer.utf8.contains(0) { throw PlannerError.holdsNUL(text: answer) }
      let length = vocabulary.length(of: answer)
      guard length <= limits.answerLength else {
        throw PlannerError.answerTooLong(
          answer: answer, length: length, limit: limits.answerLength)
      }
    }
  }
}
