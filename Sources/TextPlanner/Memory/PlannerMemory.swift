import Files
import Foundation
import Torch
import TrainingRuns

/// A memory as a planner uses it: facts are added with their embeddings, and the nearest are found again.
public final class PlannerMemory {
  private let model: PlannerModel
  private let store: MemoryStore
  /// How many entries the model learned to read for a prompt.
  public let entryCount: Int

  /// Opens, or makes, the memory of a model.
  ///
  /// - Parameters:
  ///   - path: of the SQLite file.
  ///   - model: that of the checkpoint.
  ///   - checkpoint: the run folder or checkpoint, whose settings say how many entries it reads.
  ///   - isWritable: whether facts are to be added.
  /// - Throws: `MemoryError`, `RunError`.
  public convenience init(
    at path: String, of model: PlannerModel, checkpoint: String, isWritable: Bool
  ) throws {
    let settings = try ConfigurationReader.read(
      TextTrainingConfiguration.self, file: Checkpoint.open(at: checkpoint).file("config.yaml"))
    guard settings.memory.entries > 0 else {
      throw MemoryError.trainedWithout(checkpoint: checkpoint)
    }
    try self.init(
      at: path, of: model, entryCount: settings.memory.entries, isWritable: isWritable)
  }

  init(at path: String, of model: PlannerModel, entryCount: Int, isWritable: Bool) throws {
    self.model = model
    self.entryCount = entryCount
    store = try MemoryStore(
      at: path,
      model: MemoryStore.Model(
        hash: model.fingerprint, embeddingWidth: model.configuration.width),
      isWritable: isWritable)
  }

  /// The number of facts, those that later ones replace included.
  public func count() throws -> Int { try store.count() }

  /// Adds facts: all of them, or none where this throws. A fact replaces an earlier one of the same prompt.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.answerTooLong`, `.holdsNUL`; `MemoryError`.
  public func remember(_ facts: [(prompt: String, answer: String)]) throws {
    try model.check(answers: facts.map(\.answer))
    let embeddings = try embeddings(of: facts.map(\.prompt))
    try store.append(
      zip(facts, embeddings).map {
        MemoryStore.Entry(prompt: $0.prompt, answer: $0.answer, embedding: $1)
      })
  }

  /// What the memory holds for each prompt now, nearest first: at most `entryCount` facts each.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`; `MemoryError`.
  public func retrieve(for prompts: [String]) throws -> [[RetrievedEntry]] {
    try MemoryIndex(try store.newestEntries(), of: model).retrieve(for: prompts, count: entryCount)
  }

  private func embeddings(of prompts: [String]) throws -> [[Float]] {
    try stride(from: 0, to: prompts.count, by: 256).flatMap { start in
      let part = Array(prompts[start..<min(start + 256, prompts.count)])
      let embeddings = try model.promptEmbeddings(part).to(.float32, device: .cpu).contiguous()
      return embeddings.split(into: part.count).map { $0.array(of: Float.self) }
    }
  }
}

/// Entries of a memory, by their embeddings.
struct MemoryIndex {
  private let model: PlannerModel
  private let entries: [MemoryStore.Entry]
  /// `[N, D]`, of length 1.
  private let embeddings: Tensor?

  init(_ entries: [MemoryStore.Entry], of model: PlannerModel) {
    self.model = model
    self.entries = entries
    embeddings =
      entries.isEmpty
      ? nil
      : Tensor(
        entries.flatMap(\.embedding), shape: [entries.count, entries[0].embedding.count]
      ).to(device: model.device)
  }

  /// The entries nearest to each prompt by the cosine of their embeddings, nearest first.
  ///
  /// - Throws: `PlannerError.promptTooLong`, `.holdsNUL`.
  func retrieve(for prompts: [String], count: Int) throws -> [[RetrievedEntry]] {
    precondition(count >= 0, "\(count) entries for each prompt")
    let found = min(count, entries.count)
    let queries = try model.promptEmbeddings(prompts)
    guard let embeddings, found > 0 else { return prompts.map { _ in [] } }
    let (values, indices) = queries.matmul(embeddings.transposed()).top(found, along: 1)
    let similarities = values.to(.float32, device: .cpu).contiguous().array(of: Float.self)
    let rows = indices.to(device: .cpu).contiguous().array(of: Int64.self)
    return prompts.indices.map { prompt in
      (prompt * found..<(prompt + 1) * found).map { place in
        let entry = entries[Int(rows[place])]
        return RetrievedEntry(
          prompt: entry.prompt, answer: entry.answer, similarity: Double(similarities[place]))
      }
    }
  }
}

extension PlannerModel {
  /// 64 bits that change with any weight, in hexadecimal: whose embeddings a memory holds.
  public var fingerprint: String {
    var fingerprint = Fingerprint()
    for (name, tensor) in state {
      fingerprint.add(name.utf8)
      tensor.to(device: .cpu).contiguous().withUnsafeBytes { bytes in
        for place in 0..<bytes.count / 4 {
          fingerprint.add(
            UInt64(bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
        }
      }
    }
    return String(format: "%016llx", fingerprint.value)
  }
}
