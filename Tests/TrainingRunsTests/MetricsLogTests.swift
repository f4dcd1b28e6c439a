import Foundation
import Testing

@testable import TrainingRuns

@Suite struct MetricsLogTests {
  private func log(_ steps: ClosedRange<Int>, in log: MetricsLog) throws {
    for step in steps {
      try log.log(
        [Metric("energy", 1 / Double(step)), Metric("loss/sigreg", 2)],
        at: RunProgress(step: step, epoch: Double(step) / 4, seconds: Double(step) / 10))
    }
  }

  private func open(_ folder: TemporaryFolder, after step: Int? = nil) throws -> MetricsLog {
    try MetricsLog(folder: folder.path, resumingAfter: step, wallTime: 1000)
  }

  @Test func aLineIsOneObject() throws {
    let line = MetricsLog.line(
      [
        Metric("energy", 0.1), Metric("a \"b\"\n\\ é", -1e-7), Metric("n", .nan),
        Metric("p", .infinity), Metric("m", -.infinity),
      ], at: RunProgress(step: 3, epoch: 0.5, seconds: 2))
    #expect(
      line == #"""
        {"step":3,"epoch":0.5,"seconds":2.0,"energy":0.1,"a \"b\"\u000a\\ é":-1e-07,"n":"NaN","p":"Infinity","m":"-Infinity"}

        """#)
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    #expect(object?["a \"b\"\n\\ é"] as? Double == -1e-7)
  }

  @Test func aResumedLogIsThatOfAnUninterruptedRun() throws {
    let whole = try TemporaryFolder()
    try log(1...10, in: open(whole))
    let interrupted = try TemporaryFolder()
    try log(1...7, in: open(interrupted))
    try log(5...10, in: open(interrupted, after: 4))
    #expect(try interrupted.text(of: "metrics.jsonl") == whole.text(of: "metrics.jsonl"))
  }

  @Test func resumingAtTheLastLineKeepsAll() throws {
    let folder = try TemporaryFolder()
    try log(1...3, in: open(folder))
    let before = try folder.text(of: "metrics.jsonl")
    _ = try open(folder, after: 3)
    #expect(try folder.text(of: "metrics.jsonl") == before)
    _ = try open(folder, after: 0)
    #expect(try folder.text(of: "metrics.jsonl").isEmpty)
  }

  @Test(arguments: ["{\"step\":3,\"ep", "{\"step\":", "\0\0\0", "\0\0\0\n", "{\"step\":3,\n"])
  func aTornLastLineIsCut(torn: String) throws {
    let folder = try TemporaryFolder()
    try log(1...2, in: open(folder))
    let before = try folder.text(of: "metrics.jsonl")
    try folder.write(before + torn, to: "metrics.jsonl")
    try log(3...3, in: open(folder, after: 3))
    let lines = try folder.text(of: "metrics.jsonl").split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[2].hasPrefix("{\"step\":3,\"epoch\":"))
  }

  @Test func aDamagedLineIsNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write("{\"step\":1}\nrubbish\n{\"step\":2}\n", to: "metrics.jsonl")
    let path = folder.file("metrics.jsonl")
    #expect(throws: RunError.damagedMetrics(path: path, line: 1)) { try open(folder, after: 5) }
    try folder.write("{\"step\":1,\"a\":1}\nrubbish\n{\"step\":2,\"a\":1}\n", to: "metrics.jsonl")
    #expect(throws: RunError.damagedMetrics(path: path, line: 2)) { try open(folder, after: 5) }
  }

  @Test func namesAreTheirOwn() async throws {
    let folder = try TemporaryFolder()
    await #expect(processExitsWith: .failure) { [path = folder.path as String] in
      let log = try MetricsLog(folder: path, resumingAfter: nil, wallTime: 0)
      try log.log([Metric("step", 1)], at: RunProgress())
    }
  }

  @Test func eventFilesSortByTime() throws {
    let folder = try TemporaryFolder()
    for step in [nil, 2, 1] as [Int?] { _ = try open(folder, after: step) }
    let names = try folder.names().filter { $0.hasPrefix("events.out.tfevents.") }
    #expect(
      names.map { $0.split(separator: ".")[3] } == ["0000001000", "0000001001", "0000001002"])
  }
}
