/// A prompt and its answer: one line of a JSON Lines file.
public struct TextExample: Codable, Sendable, Equatable {
  public var prompt: String
  public var answer: String
  /// Answers known to be wrong for this prompt.
  public var negatives: [String]
  /// Examples of one group are alternatives: their answers are never each other's negatives.
  public var group: String?
  /// How hard the prompt is, in a unit of the task's own; for reports only, no model sees it.
  public var difficulty: Int?

  public init(
    prompt: String, answer: String, negatives: [String] = [], group: String? = nil,
    difficulty: Int? = nil
  ) {
    self.prompt = prompt
    self.answer = answer
    self.negatives = negatives
    self.group = group
    self.difficulty = difficulty
  }

  private enum CodingKeys: String, CodingKey {
    case prompt, answer, negatives, group, difficulty
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    prompt = try values.decode(String.self, forKey: .prompt)
    answer = try values.decode(String.self, forKey: .answer)
    negatives = try values.decodeIfPresent([String].self, forKey: .negatives) ?? []
    group = try values.decodeIfPresent(String.self, forKey: .group)
    difficulty = try values.decodeIfPresent(Int.self, forKey: .difficulty)
  }

  /// Leaves out what is not there, so that the smallest line is `{"answer":"…","prompt":"…"}`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(prompt, forKey: .prompt)
    try values.encode(answer, forKey: .answer)
    if !negatives.isEmpty { try values.encode(negatives, forKey: .negatives) }
    try values.encodeIfPresent(group, forKey: .group)
    try values.encodeIfPresent(difficulty, forKey: .difficulty)
  }
}

/// How long texts may be, in symbols of the vocabulary.
public struct TextLimits: Codable, Sendable, Equatable {
  public var promptLength: Int
  public var answerLength: Int

  public init(promptLength: Int, answerLength: Int) {
    self.promptLength = promptLength
    self.answerLength = answerLength
  }

  /// No text is too long.
  public static let none = TextLimits(promptLength: .max, answerLength: .max)
}
