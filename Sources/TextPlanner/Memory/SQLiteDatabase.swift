import CSQLite
import Foundation

/// An SQLite file, as far as a memory needs one. For one thread at a time.
final class SQLiteDatabase {
  /// What SQLite refused.
  struct Failure: Error {
    /// SQLite's primary result code, such as `SQLITE_FULL`.
    let code: Int32
    let message: String
  }

  /// What stands for a `?`.
  enum Argument {
    case text(String)
    case integer(Int)
    case bytes([UInt8])
  }

  private let handle: OpaquePointer

  /// - Parameters:
  ///   - isWritable: whether the file may change; one that is not there is then made.
  ///   - patience: how many seconds to wait for locks of others.
  /// - Throws: `Failure`.
  init(at path: String, isWritable: Bool, patience: Double) throws {
    var opened: OpaquePointer?
    let mode = isWritable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    let code = sqlite3_open_v2(path, &opened, mode | SQLITE_OPEN_NOMUTEX, nil)
    guard let opened, code == SQLITE_OK else {
      let message = String(cString: opened.map { sqlite3_errmsg($0) } ?? sqlite3_errstr(code))
      sqlite3_close_v2(opened)
      throw Failure(code: code & 0xFF, message: message)
    }
    handle = opened
    sqlite3_busy_timeout(handle, Int32(patience * 1000))
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that give nothing back.
  ///
  /// - Throws: `Failure`.
  func execute(_ statements: String) throws {
    try check(sqlite3_exec(handle, statements, nil, nil, nil))
  }

  /// Runs one statement once for each list of arguments.
  ///
  /// - Throws: `Failure`.
  func execute(_ statement: String, each arguments: some Sequence<[Argument]>) throws {
    let statement = try Statement(statement, in: self)
    for arguments in arguments {
      try statement.bind(arguments)
      while try statement.step() {}
    }
  }

  /// The rows of a query, as `read` makes them of the columns.
  ///
  /// - Throws: `Failure`, and what `read` throws.
  func rows<Row>(_ query: String, _ read: (Statement) throws -> Row) throws -> [Row] {
    let statement = try Statement(query, in: self)
    var rows: [Row] = []
    while try statement.step() { rows.append(try read(statement)) }
    return rows
  }

  /// The number that a query gives; 0 where it gives none.
  ///
  /// - Throws: `Failure`.
  func integer(_ query: String) throws -> Int {
    try rows(query) { $0.integer(0) }.first ?? 0
  }

  /// Does `body` as a whole, or nothing of it where it throws. From the beginning nobody else may write: a writer that
  /// waited with a read lock could not be let through.
  ///
  /// - Throws: `Failure`, and what `body` throws.
  func inTransaction<Result>(_ body: () throws -> Result) throws -> Result {
    try execute("BEGIN IMMEDIATE")
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // SQLite has gone back by itself after some errors, and then refuses.
      try? execute("ROLLBACK")
      throw error
    }
  }

  private func check(_ code: Int32) throws {
    guard code != SQLITE_OK else { return }
    throw Failure(code: code & 0xFF, message: String(cString: sqlite3_errmsg(handle)))
  }

  /// A prepared statement, and the row that it is at. Columns count from 0.
  final class Statement {
    private let database: SQLiteDatabase
    private var handle: OpaquePointer?
    /// Tells SQLite to copy what is bound.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    fileprivate init(_ text: String, in database: SQLiteDatabase) throws {
      self.database = database
      try database.check(sqlite3_prepare_v2(database.handle, text, -1, &handle, nil))
    }

    deinit { sqlite3_finalize(handle) }

    /// Begins anew with `arguments`.
    fileprivate func bind(_ arguments: [Argument]) throws {
      sqlite3_reset(handle)
      for (place, argument) in zip(Int32(1)..., arguments) {
        let code =
          switch argument {
          case .text(let text):
            text.utf8CString.withUnsafeBufferPointer {
              sqlite3_bind_text64(
                handle, place, $0.baseAddress, UInt64($0.count - 1), Self.transient,
                UInt8(SQLITE_UTF8))
            }
          case .integer(let number): sqlite3_bind_int64(handle, place, Int64(number))
          case .bytes(let bytes):
            sqlite3_bind_blob64(handle, place, bytes, UInt64(bytes.count), Self.transient)
          }
        try database.check(code)
      }
    }

    /// Goes to the next row.
    ///
    /// - Returns: whether there is one.
    fileprivate func step() throws -> Bool {
      let code = sqlite3_step(handle)
      guard code != SQLITE_ROW && code != SQLITE_DONE else { return code == SQLITE_ROW }
      try database.check(code)
      return false
    }

    func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    func text(_ column: Int32) -> String {
      // SQLite counts the bytes of the text that it gave last.
      let text = sqlite3_column_text(handle, column)
      let count = Int(sqlite3_column_bytes(handle, column))
      return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
      let bytes = sqlite3_column_blob(handle, column)
      let count = Int(sqlite3_column_bytes(handle, column))
      return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
  }
}
