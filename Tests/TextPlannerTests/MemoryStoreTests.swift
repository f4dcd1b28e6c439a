import Foundation
import TestSupport
import Testing

@testable import TextPlanner

/// Facts in a file: kept, found, safe from other processes and from being killed, and refused where they are
/// not this model's.
@Suite struct MemoryStoreTests {
  private static let model = MemoryStore.Model(hash: "0123456789abcdef", embeddingWidth: 3)
  let file = TemporaryPath("memory")

  init() throws {
    try FileManager.default.createDirectory(
      atPath: file.path, withIntermediateDirectories: true)
  }

  private var path: String { "\(file.path)/facts.sqlite" }

  /// The file as any program opens it.
  private func database() throws -> SQLiteDatabase {
    try SQLiteDatabase(at: path, isWritable: true, patience: 1)
  }

  private static func entry(_ number: Int, of writer: Int = 0) -> MemoryStore.Entry {
    MemoryStore.Entry(
      prompt: "prompt \(writer) \(number)", answer: "answer \(number)",
      embedding: [Float(number), -0.5, .pi])
  }

  private func open(
    model: MemoryStore.Model = Self.model, isWritable: Bool = true, patience: Double = 10
  ) throws -> MemoryStore {
    try MemoryStore(at: path, model: model, isWritable: isWritable, patience: patience)
  }

  @Test func entriesOutliveTheStoreThatAddedThem() throws {
    let entries = [Self.entry(1), Self.entry(2)]
    try open().append(entries)
    try open().append([Self.entry(3)])
    let store = try open(isWritable: false)
    #expect(try store.count() == 3)
    #expect(try store.newestEntries() == entries + [Self.entry(3)])
  }

  @Test func theNewestFactOfAPromptHolds() throws {
    let store = try open()
    let (first, second) = (
      MemoryStore.Entry(prompt: "a", answer: "old", embedding: [1, 0, 0]),
      MemoryStore.Entry(prompt: "a", answer: "new", embedding: [1, 0, 0])
    )
    try store.append([first, Self.entry(1), second])
    #expect(try store.count() == 3)
    #expect(try store.newestEntries() == [Self.entry(1), second])
  }

  @Test func nothingOfWhatFailsIsKept() throws {
    // Some twenty pages of 4 KiB.
    let store = try MemoryStore(
      at: path, model: Self.model, isWritable: true, patience: 1, pageLimit: 20)
    try store.append([Self.entry(0)])
    let error = #expect(throws: MemoryError.self) {
      try store.append((1...5000).map { Self.entry($0) })
    }
    #expect(
      error?.description
        == "\(path): the disk is full: make room; what was remembered before is intact")
    #expect(try open().newestEntries() == [Self.entry(0)])
  }

  // MARK: Several processes

  @Test func twoWritersAtOnceKeepEachOthersFacts() async throws {
    let (path, count) = (path, 25)
    await withTaskGroup(of: Void.self) { group in
      for writer in 0..<2 {
        group.addTask {
          await #expect(processExitsWith: .success) {
            [path = path as String, writer = writer as Int, count = count as Int] in
            // Opened anew for each fact: two processes also race for making the file.
            for number in 0..<count {
              try MemoryStore(at: path, model: MemoryStoreTests.model, isWritable: true)
                .append([MemoryStoreTests.entry(number, of: writer)])
            }
          }
        }
      }
    }
    let entries = try open(isWritable: false).newestEntries()
    for writer in 0..<2 {
      #expect(
        entries.filter { $0.prompt.hasPrefix("prompt \(writer) ") }
          == (0..<count).map { Self.entry($0, of: writer) })
    }
  }

  /// A writer is killed at a random moment, again and again: what it was told is kept is kept, and every
  /// batch is whole.
  @Test func killedWritersLeaveWholeEntries() async throws {
    let acknowledged = "\(file.path)/acknowledged"
    for round in 0..<4 {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, acknowledged = acknowledged as String, round = round as Int] in
        let parent = getpid()
        @Sendable func acknowledgedBytes() -> Int {
          FileManager.default.contents(atPath: acknowledged)?.count ?? 0
        }
        let before = acknowledgedBytes()
        Thread.detachNewThread {
          // Once a batch is kept, somewhere in a later one.
          while acknowledgedBytes() == before { usleep(500) }
          usleep(UInt32(1_000 + 3_000 * round))
          kill(parent, SIGKILL)
        }
        for batch in 0... {
          let first = 1_000_000 * round + 10 * batch
          let store = try MemoryStore(at: path, model: MemoryStoreTests.model, isWritable: true)
          try store.append((first..<first + 10).map { MemoryStoreTests.entry($0) })
          // One system call: there or not.
          let descriptor = Foundation.open(acknowledged, O_WRONLY | O_CREAT | O_APPEND, 0o644)
          _ = Array("\(first)\n".utf8).withUnsafeBytes {
            Foundation.write(descriptor, $0.baseAddress, $0.count)
          }
          close(descriptor)
        }
      }
    }
    let store = try open()
    let numbers = try store.newestEntries().map { Int($0.embedding[0]) }
    let firsts = Set(numbers.map { $0 / 10 * 10 })
    #expect(numbers.count == 10 * firsts.count)
    let told = (try? String(contentsOfFile: acknowledged, encoding: .utf8)) ?? ""
    #expect(firsts.isSuperset(of: told.split(separator: "\n").compactMap { Int($0) }))
    #expect(!firsts.isEmpty)
    // And it goes on.
    try store.append([Self.entry(7)])
  }

  // MARK: Bad files

  private func expectRefusal(
    _ message: String, isWritable: Bool = true, model: MemoryStore.Model = Self.model,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: MemoryError.self, sourceLocation: sourceLocation) {
      _ = try open(model: model, isWritable: isWritable, patience: 0.2)
    }
    #expect(error?.description == path + message, sourceLocation: sourceLocation)
  }

  @Test func aMissingMemoryIsNotMadeByReading() {
    expectRefusal(": no such memory: jepa remember makes one", isWritable: false)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aMemoryOfAnotherModelIsRefused() throws {
    try open().append([Self.entry(1)])
    expectRefusal(
      ": the memory is of another model: expected fedcba9876543210, found 0123456789abcdef: "
        + "its embeddings mean nothing to this one",
      model: MemoryStore.Model(hash: "fedcba9876543210", embeddingWidth: 3))
    #expect(try open().count() == 1)
  }

  @Test(arguments: [true, false]) func otherFilesAreRefusedAndLeftAlone(isWritable: Bool) throws {
    let text = Data(String(repeating: "A diary, and no memory.\n", count: 200).utf8)
    try text.write(to: URL(fileURLWithPath: path))
    expectRefusal(
      ": expected a memory that jepa remember made, found another kind of file",
      isWritable: isWritable)
    #expect(FileManager.default.contents(atPath: path) == text)
  }

  @Test(arguments: [true, false])
  func otherDatabasesAreRefusedAndLeftAlone(isWritable: Bool) throws {
    try database().execute("CREATE TABLE diary (day TEXT)")
    let before = FileManager.default.contents(atPath: path)
    expectRefusal(
      ": expected a memory that jepa remember made, found another SQLite database",
      isWritable: isWritable)
    #expect(FileManager.default.contents(atPath: path) == before)
  }

  @Test func foldersAndEmptyFilesAreNoMemories() throws {
    try Data().write(to: URL(fileURLWithPath: path))
    expectRefusal(
      ": expected a memory that jepa remember made, found an empty file", isWritable: false)
    // What a process leaves that is killed while it makes a memory is made whole.
    try open().append([Self.entry(1)])
    let error = #expect(throws: MemoryError.self) {
      try MemoryStore(at: file.path, model: Self.model, isWritable: true)
    }
    #expect(error?.description.hasSuffix("found a folder") == true)
  }

  @Test func aLaterFormatIsRefused() throws {
    try open().append([Self.entry(1)])
    try database().execute("PRAGMA user_version = 2")
    expectRefusal(": expected a memory of format 1, found 2: use a newer jepa")
  }

  @Test func aLockedMemoryIsNamed() throws {
    let store = try open(patience: 0.2)
    try store.append([Self.entry(1)])
    let other = try database()
    try other.execute("BEGIN IMMEDIATE")
    let error = #expect(throws: MemoryError.self) { try store.append([Self.entry(2)]) }
    #expect(
      error?.description == "\(path): locked by another process for 0.2 seconds: try again")
    // Readers do not wait.
    #expect(try open(isWritable: false, patience: 0.2).count() == 1)
    try other.execute("ROLLBACK")
    try store.append([Self.entry(2)])
  }

  @Test func aFolderThatDoesNotExistIsNamed() {
    let nowhere = "\(file.path)/nowhere/facts.sqlite"
    let error = #expect(throws: MemoryError.self) {
      try MemoryStore(at: nowhere, model: Self.model, isWritable: true)
    }
    #expect(error?.description.hasPrefix("\(nowhere): cannot open the memory: ") == true)
  }
}
