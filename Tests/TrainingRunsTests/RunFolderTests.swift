import Foundation
import Testing

@testable import Files
@testable import TrainingRuns

private struct Settings: RunConfiguration {
  var duration = RunDuration.steps(10)
  var learningRate = 0.1
}

@Suite struct RunFolderTests {
  /// A run folder with a checkpoint of each of `steps`.
  private func run(in temporary: TemporaryFolder, steps: [Int] = []) throws -> RunFolder {
    let folder = try RunFolder.create(at: temporary.file("run"))
    try folder.write(configuration: Settings())
    for step in steps { try publish(step, in: folder, keep: 10) }
    return folder
  }

  @discardableResult
  private func publish(_ step: Int, in folder: RunFolder, keep: Int = 2) throws -> Checkpoint {
    try folder.publishCheckpoint(step: step, keep: keep) { path in
      try JSONFile.write(RunProgress(step: step), to: "\(path)/state.json")
      try FileManager.default.createDirectory(
        atPath: "\(path)/part", withIntermediateDirectories: true)
      try DurableFile.write(repeatElement(UInt8(7), count: 5000), to: "\(path)/part/model.bin")
    }
  }

  private func progress(_ checkpoint: Checkpoint?) throws -> RunProgress? {
    try checkpoint.map { try JSONFile.read(RunProgress.self, from: $0.file("state.json")) }
  }

  @Test func aNewRunNeedsAnEmptyFolder() throws {
    let temporary = try TemporaryFolder()
    try temporary.write("hello", to: "notes.txt")
    #expect(throws: RunError.outputNotEmpty(path: temporary.path)) {
      try RunFolder.create(at: temporary.path)
    }
    #expect(try temporary.text(of: "notes.txt") == "hello")
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.path) == ["notes.txt"])
    _ = try run(in: temporary)
    #expect(throws: RunError.outputNotEmpty(path: temporary.file("run"))) {
      try RunFolder.create(at: temporary.file("run"))
    }
  }

  @Test func anAttemptThatWroteNothingIsNoObstacle() throws {
    let temporary = try TemporaryFolder()
    _ = try RunFolder.create(at: temporary.file("run"))
    try temporary.write("dura", to: "run/config.yaml.123.writing")
    _ = try RunFolder.create(at: temporary.file("run"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.file("run")) == [".lock"])
  }

  @Test func oneProcessWrites() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary)
    #expect(throws: RunError.inUse(path: folder.path, process: Int(getpid()))) {
      try RunFolder.resume(at: folder.path)
    }
  }

  @Test func onlyARunIsResumed() throws {
    let temporary = try TemporaryFolder()
    #expect(throws: RunError.notARun(path: temporary.path, missing: "config.yaml")) {
      try RunFolder.resume(at: temporary.path)
    }
  }

  @Test func checkpointsAreKeptAndPruned() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary)
    #expect(try folder.latestCheckpoint() == nil)
    for step in [0, 5, 10, 12_345_678] { try publish(step, in: folder) }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names == [".lock", "config.yaml", "latest", "step-0000010", "step-12345678"])
    let latest = try folder.latestCheckpoint()
    #expect(latest?.step == 12_345_678)
    #expect(try progress(latest)?.step == 12_345_678)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder.path)/latest")
        == "step-12345678")
  }

  @Test func aCheckpointIsOpenedByAnyOfItsNames() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1, 2])
    for name in ["", "/", "/latest", "/step-0000002"] {
      #expect(try Checkpoint.open(at: folder.path + name).step == 2)
    }
    #expect(try Checkpoint.open(at: folder.path + "/step-0000001").step == 1)
  }

  @Test func whatIsNoCheckpointIsSaidSo() throws {
    let temporary = try TemporaryFolder()
    #expect(throws: RunError.notARun(path: temporary.path, missing: "manifest.json")) {
      try Checkpoint.open(at: temporary.path)
    }
    #expect(throws: FileError.failed(operation: "list", path: "/nowhere", code: ENOENT)) {
      try Checkpoint.open(at: "/nowhere")
    }
    let folder = try run(in: temporary)
    #expect(throws: RunError.noCheckpoint(path: folder.path)) {
      try Checkpoint.open(at: folder.path)
    }
  }

  @Test func theSameStepIsReplaced() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1, 2])
    try folder.publishCheckpoint(step: 2) { path in
      try JSONFile.write(RunProgress(step: 2, epoch: 0.5), to: "\(path)/state.json")
    }
    #expect(try progress(folder.latestCheckpoint())?.epoch == 0.5)
    #expect(Checkpoint.steps(among: ["step-0000002"], in: folder.path) == [2])
  }

  // MARK: Damage

  @Test func aTruncatedFileIsNamed() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1, 2])
    let file = "\(folder.path)/step-0000002/part/model.bin"
    truncate(file, 4999)
    #expect(
      throws: RunError.damagedCheckpoint(
        file: file, damage: .size(expected: 5000, found: 4999),
        intact: "\(folder.path)/step-0000001")
    ) { try folder.latestCheckpoint() }
    #expect(try Checkpoint.open(at: folder.path, verifying: false).step == 2)
  }

  @Test(arguments: [0, 17, 4999])
  func aFlippedBitIsNamed(at offset: Int) throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1])
    let file = "\(folder.path)/step-0000001/part/model.bin"
    var bytes = try DurableFile.read(file)
    bytes[offset] ^= 1 << (offset % 8)
    try DurableFile.write(bytes, to: file)
    do {
      _ = try folder.latestCheckpoint()
      Issue.record("the flipped bit was not found")
    } catch RunError.damagedCheckpoint(let found, .checksum(let expected, let actual), let intact) {
      #expect(found == file)
      #expect(expected != actual)
      #expect(intact == nil)
    }
  }

  @Test func aMissingFileIsNamed() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1])
    for name in ["state.json", "manifest.json"] {
      let file = "\(folder.path)/step-0000001/\(name)"
      try DurableFile.remove(file)
      #expect(throws: RunError.damagedCheckpoint(file: file, damage: .missing, intact: nil)) {
        try folder.latestCheckpoint()
      }
    }
  }

  // MARK: Failures

  @Test func aFailedWriterLeavesTheOldCheckpoint() throws {
    struct Broken: Error {}
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1])
    #expect(throws: Broken.self) {
      try folder.publishCheckpoint(step: 2) { path in
        try DurableFile.write([1], to: "\(path)/half")
        throw Broken()
      }
    }
    #expect(try folder.latestCheckpoint()?.step == 1)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/step-0000002.writing"))
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aFullDiskIsOneError() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1])
    #expect(throws: FileError.diskFull(path: folder.path)) {
      try folder.publishCheckpoint(step: 2) { path in
        symlink("/dev/full", "\(path)/model.bin")
        try DurableFile.write([1, 2, 3], to: "\(path)/model.bin")
      }
    }
    #expect(try folder.latestCheckpoint()?.step == 1)
  }

  /// What is put into a finished checkpoint later is no damage, whether the manifest knew a file of that name or not.
  @Test func filesCanBePutIntoACheckpoint() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary, steps: [1])
    let checkpoint = try #require(try folder.latestCheckpoint())
    #expect(try checkpoint.checksum(ofAddition: "note.json") == nil)
    try checkpoint.put([1, 2], as: "note.json")
    let first = try checkpoint.checksum(ofAddition: "note.json")
    try checkpoint.put([1, 3], as: "note.json")
    #expect(try first != nil && checkpoint.checksum(ofAddition: "note.json") != first)
    try checkpoint.put(RunProgress(step: 9), as: "state.json")
    #expect(try progress(Checkpoint.open(at: checkpoint.path))?.step == 9)
    #expect(throws: RunError.self) { try checkpoint.checksum(of: "state.json") }
    #expect(try checkpoint.checksum(of: "part/model.bin").count == 8)
  }

  // MARK: Configuration and environment

  /// Said before there is something to lose.
  @Test func aPathThatLeavesNoRoomForCheckpointsIsRefused() throws {
    let temporary = try TemporaryFolder()
    var path = temporary.path
    while path.utf8.count < Int(PATH_MAX) - 300 { path += "/" + String(repeating: "d", count: 200) }
    path += "/" + String(repeating: "e", count: Int(PATH_MAX) - 20 - path.utf8.count)
    #expect(throws: FileError.failed(operation: "make the folder", path: path, code: ENAMETOOLONG))
    {
      try RunFolder.create(at: path)
    }
  }

  @Test func aChangedConfigurationIsRefused() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary)
    try folder.checkResumable(with: Settings())
    let longer = Settings(duration: .minutes(3))
    try folder.checkResumable(with: longer, allowing: ["duration"])
    #expect(
      throws: RunError.configurationChanged(
        path: folder.path,
        differences: [ConfigurationDifference(path: "learningRate", old: "0.1", new: "0.2")])
    ) { try folder.checkResumable(with: Settings(learningRate: 0.2)) }
    let read = try RunFolder.configuration(
      Settings.self, at: folder.path, overrides: ["duration.minutes=3"])
    #expect(read == longer)
  }

  @Test func eachSessionIsRecorded() throws {
    let temporary = try TemporaryFolder()
    let folder = try run(in: temporary)
    let first = RunEnvironment(
      torch: "2.13.0", device: "cpu", threads: 2, dataFingerprint: "a", seed: .max)
    let second = RunEnvironment(
      torch: "2.13.0", device: "cpu", threads: 4, dataFingerprint: "a", seed: .max, firstStep: 9)
    try folder.record(first)
    try folder.record(second)
    #expect(try folder.environments() == [first, second])
  }
}
