import TrainingRuns

/// What kind of model a `config.json` is of, told before its other fields are asked for.
struct ModelKind: Decodable {
  private let type: String?

  private enum CodingKeys: String, CodingKey { case type = "model_type" }

  /// Throws: `ModelError.unknownType` where a file says that it is another kind's; one that says nothing
  /// passes.
  static func check(_ path: String) throws {
    guard let type = try JSONFile.read(ModelKind.self, from: path).type else { return }
    guard ModelDescription.known.contains(type) else {
      throw ModelError.unknownType(path: path, found: type)
    }
  }
}
