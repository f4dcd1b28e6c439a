import CSQLite
import Foundation

/// Facts that outlive a run: an SQLite file of prompts and answers, with each prompt's embedding by one model.
///
/// The file is only added to. Writers take turns, readers never wait (write-ahead log), and what `append`
/// returned from is on the disk: a process that is killed at any moment leaves whole entries.
public final class MemoryStore {
  /// A remembered fact.
  public struct Entry: Equatable, Sendable {
    public let prompt: String
    public let answer: String
    /// The prompt's embedding, as many numbers as the model is wide.
    public let embedding: [Float]

    public init(prompt: String, answer: String, embedding: [Float]) {
      self.prompt = prompt
      self.answer = answer
      self.embedding = embedding
    }
  }

  /// Whose embeddings a memory holds.
  public struct Model: Equatable, Sendable {
    public let hash: String
    public let embeddingWidth: Int

    public init(hash: String, embeddingWidth: Int) {
      self.hash = hash
      self.embeddingWidth = embeddingWidth
    }
  }

  public let path: String
  public let model: Model
  private let database: SQLiteDatabase
  private let patience: Double

  /// Opens a memory.
  ///
  /// - Parameters:
  ///   - path: of the SQLite file.
  ///   - model: whose embeddings it holds.
  ///   - isWritable: whether entries are to be added; a file that is not there is then made.
  ///   - patience: how many seconds to wait for other writers.
  /// - Throws: `MemoryError`.
  public convenience init(
    at path: String, model: Model, isWritable: Bool, patience: Double = 10
  ) throws {
    try self.init(
      at: path, model: model, isWritable: isWritable, patience: patience, pageLimit: nil)
  }

  /// - Parameter pageLimit: how large the file may become, in SQLite's pages.
  init(
    at path: String, model: Model, isWritable: Bool, patience: Double, pageLimit: Int?
  ) throws {
    self.path = path
    self.model = model
    self.patience = patience
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    if isFolder.boolValue { throw MemoryError.notAMemory(path: path, found: "a folder") }
    if !exists && !isWritable { throw MemoryError.notFound(path: path) }

    database = try Self.naming("open", path, patience) {
      try SQLiteDatabase(at: path, isWritable: isWritable, patience: patience)
    }
    try Self.naming("open", path, patience) {
      if let pageLimit { try database.execute("PRAGMA max_page_count = \(pageLimit)") }
      if isWritable { try prepare() }
      try check()
    }
  }

  // MARK: Entries

  /// The number of entries, those that later ones replace included.
  ///
  /// - Throws: `MemoryError`.
  public func count() throws -> Int {
    try Self.naming("read", path, patience) {
      try database.integer("SELECT COUNT(*) FROM entry")
    }
  }

  /// Adds entries: all of them, or none where this throws.
  ///
  /// - Throws: `MemoryError`.
  public func append(_ entries: [Entry]) throws {
    for entry in entries {
      precondition(
        entry.embedding.count == model.embeddingWidth,
        "an embedding of \(entry.embedding.count) numbers in a memory of \(model.embeddingWidth)")
    }
    try Self.naming("write", path, patience) {
      try database.inTransaction {
        try database.execute(
          "INSERT INTO entry (prompt, answer, embedding) VALUES (?, ?, ?)",
          each: entries.lazy.map {
            [.text($0.prompt), .text($0.answer), .bytes(Self.bytes(of: $0.embedding))]
          })
      }
    }
  }

  /// The newest entry of each prompt, in the order in which they were added.
  ///
  /// - Throws: `MemoryError`.
  public func newestEntries() throws -> [Entry] {
    let width = model.embeddingWidth
    let query = """
      SELECT prompt, answer, embedding FROM entry
      WHERE id IN (SELECT MAX(id) FROM entry GROUP BY prompt) ORDER BY id
      """
    return try Self.naming("read", path, patience) {
      try database.rows(query) { row in
        let bytes = row.bytes(2)
        guard bytes.count == 4 * width else {
          throw MemoryError.damaged(
            path: path, reason: "an embedding of \(bytes.count) bytes, expected \(4 * width)")
        }
        return Entry(prompt: row.text(0), answer: row.text(1), embedding: Self.numbers(of: bytes))
      }
    }
  }

  /// Little-endian float32.
  private static func bytes(of numbers: [Float]) -> [UInt8] {
    numbers.map(\.bitPattern.littleEndian).withUnsafeBytes { Array($0) }
  }

  private static func numbers(of bytes: [UInt8]) -> [Float] {
    bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { place in
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
      }
    }
  }

  // MARK: The file's form

  /// `JEPA`: SQLite's files say with this what they are of.
  private static let applicationIdentifier = 0x4A45_5041
  private static let format = 1

  /// Makes the tables of a file that is new, or that a process left which was killed just then.
  private func prepare() throws {
    let isMade = try database.inTransaction {
      let identifier = try database.integer("PRAGMA application_id")
      let tables = try database.integer("SELECT COUNT(*) FROM sqlite_master")
      guard identifier == 0, tables == 0 else { return false }
      try database.execute(
        """
        CREATE TABLE model (hash TEXT NOT NULL, embeddingWidth INTEGER NOT NULL);
        CREATE TABLE entry (
          id INTEGER PRIMARY KEY AUTOINCREMENT, prompt TEXT NOT NULL, answer TEXT NOT NULL,
          embedding BLOB NOT NULL, remembered TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
        CREATE INDEX entryOfPrompt ON entry (prompt);
        PRAGMA application_id = \(Self.applicationIdentifier);
        PRAGMA user_version = \(Self.format);
        """)
      try database.execute(
        "INSERT INTO model VALUES (?, ?)",
        each: [[.text(model.hash), .integer(model.embeddingWidth)]])
      return true
    }
    let mode = try database.rows("PRAGMA journal_mode") { $0.text(0) }.first
    guard isMade || mode != "wal" else { return }
    try check()
    try writeAhead()
  }

  /// Switches to a write-ahead log. SQLite does not wait for others here, so this does.
  private func writeAhead() throws {
    let end = ContinuousClock.now + .seconds(patience)
    while true {
      do {
        return try database.execute("PRAGMA journal_mode = WAL")
      } catch let error as SQLiteDatabase.Failure where error.code == SQLITE_BUSY {
        guard ContinuousClock.now < end else { throw error }
        usleep(20_000)
      }
    }
  }

  private func check() throws {
    guard try database.integer("PRAGMA application_id") == Self.applicationIdentifier else {
      let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
      throw MemoryError.notAMemory(
        path: path, found: size == 0 ? "an empty file" : "another SQLite database")
    }
    let version = try database.integer("PRAGMA user_version")
    guard version == Self.format else {
      throw MemoryError.newerFormat(path: path, expected: Self.format, found: version)
    }
    let found = try database.rows("SELECT hash, embeddingWidth FROM model") {
      Model(hash: $0.text(0), embeddingWidth: $0.integer(1))
    }.first
    guard let found else { throw MemoryError.damaged(path: path, reason: "it names no model") }
    guard found == model else {
      throw MemoryError.anotherModel(path: path, expected: model.hash, found: found.hash)
    }
  }

  /// Does `body` and words SQLite's errors.
  private static func naming<Result>(
    _ operation: String, _ path: String, _ patience: Double, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as SQLiteDatabase.Failure {
      throw MemoryError(error, operation: operation, path: path, patience: patience)
    }
  }
}
