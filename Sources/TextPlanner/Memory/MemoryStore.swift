import Foundation
import GRDB

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
  private let database: DatabaseQueue
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

    var configuration = Configuration()
    configuration.busyMode = .timeout(patience)
    configuration.readonly = !isWritable
    if let pageLimit {
      configuration.prepareDatabase { try $0.execute(sql: "PRAGMA max_page_count = \(pageLimit)") }
    }
    let database = try Self.naming("open", path, patience) {
      try DatabaseQueue(path: path, configuration: configuration)
    }
    self.database = database
    try Self.naming("open", path, patience) {
      if isWritable { try Self.prepare(database, path: path, model: model, patience: patience) }
      try database.read { try Self.check($0, path: path, model: model) }
    }
  }

  // MARK: Entries

  /// The number of entries, those that later ones replace included.
  ///
  /// - Throws: `MemoryError`.
  public func count() throws -> Int {
    try Self.naming("read", path, patience) {
      try database.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM entry") ?? 0 }
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
      try database.writeWithoutTransaction { database in
        // Immediate: a writer that waits with a read lock could not be let through.
        try database.inTransaction(.immediate) {
          let statement = try database.makeStatement(
            sql: "INSERT INTO entry (prompt, answer, embedding) VALUES (?, ?, ?)")
          for entry in entries {
            try statement.execute(
              arguments: [entry.prompt, entry.answer, Self.bytes(of: entry.embedding)])
          }
          return .commit
        }
      }
    }
  }

  /// The newest entry of each prompt, in the order in which they were added.
  ///
  /// - Throws: `MemoryError`.
  public func newestEntries() throws -> [Entry] {
    let (path, width) = (path, model.embeddingWidth)
    return try Self.naming("read", path, patience) {
      try database.read { database in
        try Row.fetchAll(
          database,
          sql: """
            SELECT prompt, answer, embedding FROM entry
            WHERE id IN (SELECT MAX(id) FROM entry GROUP BY prompt) ORDER BY id
            """
        ).map { row in
          let bytes: Data = row[2]
          guard bytes.count == 4 * width else {
            throw MemoryError.damaged(
              path: path, reason: "an embedding of \(bytes.count) bytes, expected \(4 * width)")
          }
          return Entry(prompt: row[0], answer: row[1], embedding: Self.numbers(of: bytes))
        }
      }
    }
  }

  /// Little-endian float32.
  private static func bytes(of numbers: [Float]) -> Data {
    numbers.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
  }

  private static func numbers(of bytes: Data) -> [Float] {
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
  private static let applicationIdentifier: Int32 = 0x4A45_5041
  private static let format: Int32 = 1

  /// Makes the tables of a file that is new, or that a process left which was killed just then.
  private static func prepare(
    _ database: DatabaseQueue, path: String, model: Model, patience: Double
  ) throws {
    let isMade = try database.writeWithoutTransaction { database in
      var isMade = false
      try database.inTransaction(.immediate) {
        let identifier = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
        guard identifier == 0, tables == 0 else { return .rollback }
        try database.execute(
          sql: """
            CREATE TABLE model (hash TEXT NOT NULL, embeddingWidth INTEGER NOT NULL);
            CREATE TABLE entry (
              id INTEGER PRIMARY KEY AUTOINCREMENT, prompt TEXT NOT NULL, answer TEXT NOT NULL,
              embedding BLOB NOT NULL, remembered TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
            CREATE INDEX entryOfPrompt ON entry (prompt);
            PRAGMA application_id = \(applicationIdentifier);
            PRAGMA user_version = \(format);
            """)
        try database.execute(
          sql: "INSERT INTO model VALUES (?, ?)", arguments: [model.hash, model.embeddingWidth])
        isMade = true
        return .commit
      }
      return isMade
    }
    let mode = try database.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
    guard isMade || mode != "wal" else { return }
    try database.read { try check($0, path: path, model: model) }
    try writeAhead(database, patience: patience)
  }

  /// Switches to a write-ahead log. SQLite does not wait for others here, so this does.
  private static func writeAhead(_ database: DatabaseQueue, patience: Double) throws {
    let end = ContinuousClock.now + .seconds(patience)
    while true {
      do {
        return try database.writeWithoutTransaction {
          try $0.execute(sql: "PRAGMA journal_mode = WAL")
        }
      } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
        guard ContinuousClock.now < end else { throw error }
        usleep(20_000)
      }
    }
  }

  private static func check(_ database: Database, path: String, model: Model) throws {
    let identifier = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    guard identifier == applicationIdentifier else {
      let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
      throw MemoryError.notAMemory(
        path: path, found: size == 0 ? "an empty file" : "another SQLite database")
    }
    let version = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard version == format else {
      throw MemoryError.newerFormat(path: path, expected: Int(format), found: Int(version))
    }
    let row = try Row.fetchOne(database, sql: "SELECT hash, embeddingWidth FROM model")
    guard let row else { throw MemoryError.damaged(path: path, reason: "it names no model") }
    let found = Model(hash: row[0], embeddingWidth: row[1])
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
    } catch let error as DatabaseError {
      throw MemoryError(error, operation: operation, path: path, patience: patience)
    }
  }
}
