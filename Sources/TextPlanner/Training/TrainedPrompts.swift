import Files
import Foundation
import Torch
import TrainingRuns

/// Which prompts a model was trained on, as fingerprints of 64 bits: a test on them says what was learned by
/// heart.
public struct TrainedPrompts: Sendable {
  private static let fileName = "trained.safetensors"
  private let fingerprints: Set<Int64>

  public init(_ prompts: some Sequence<String>) {
    fingerprints = Set(prompts.map(Self.fingerprint(of:)))
  }

  /// Those of a run's or a checkpoint's folder; nil where a checkpoint says nothing of them, as older ones.
  ///
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `SafetensorsError`.
  public init?(ofCheckpoint path: String) throws {
    let file = try Checkpoint.open(at: path).file(Self.fileName)
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    fingerprints = Set(
      try SafetensorsFile(path: file).tensor("fingerprints").array(of: Int64.self))
  }

  /// Writes them into the folder of a checkpoint.
  func save(to folder: String) throws {
    try SafetensorsWriter.write(
      [("fingerprints", Tensor(fingerprints.sorted()))], to: "\(folder)/\(Self.fileName)")
  }

  public func contains(_ prompt: String) -> Bool {
    fingerprints.contains(Self.fingerprint(of: prompt))
  }

  /// Checks that none of a file's prompts was trained on.
  ///
  /// - Throws: `PlannerError.trainedOn`.
  public func checkAreNew(_ prompts: [String], ofFile path: String) throws {
    let known = prompts.filter(contains)
    guard let first = known.first else { return }
    throw PlannerError.trainedOn(
      path: path, count: known.count, total: prompts.count, first: first)
  }

  private static func fingerprint(of prompt: String) -> Int64 {
    var fingerprint = Fingerprint()
    fingerprint.add(prompt.utf8)
    return Int64(bitPattern: fingerprint.value)
  }
}
