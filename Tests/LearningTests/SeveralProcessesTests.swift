import EnergyDescent
import Foundation
import Learning
import TestSupport
import Testing
import Torch
import TrainingRuns

/// One loop in several processes: what they learn, and how they end together.
@Suite struct SeveralProcessesTests {
  let run = TemporaryPath("processes")

  private func losses(_ path: String) throws -> [Double] {
    try String(contentsOfFile: "\(path)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      .map { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(object?["loss"] as? Double)
      }
  }

  private func weights(_ path: String) throws -> [Double] {
    try SafetensorsFile(path: "\(path)/latest/model.safetensors").tensor("weight")
      .to(.float64).array()
  }

  private func isNear(_ found: [Double], _ wanted: [Double]) -> Bool {
    found.count == wanted.count && !found.isEmpty
      && zip(found, wanted).allSatisfy { abs($0 - $1) <= 1e-5 * abs($1) }
  }

  @Test(arguments: [2, 3, 4])
  func theyLearnWhatOneDoes(worldSize: Int) throws {
    for accumulation in [1, 2] {
      var configuration = TinyConfiguration()
      configuration.accumulation = accumulation
      configuration.logEverySteps = 1
      let (one, several) = (
        "\(run.path)/one-\(accumulation)", "\(run.path)/several-\(accumulation)"
      )
      try TinyLearner.loop(configuration, in: one).train()
      let outcomes = try asProcesses(worldSize) { [configuration] group in
        try TinyLearner.loop(configuration, in: several, group: group).train()
      }
      for outcome in outcomes {
        #expect(outcome.isFinished && outcome.progress.step == 6)
        #expect(outcome.items == 6 * 4 * accumulation)
        #expect(outcome.checkpoint.path == "\(several)/step-0000006")
      }
      #expect(isNear(try losses(several), try losses(one)))
      #expect(isNear(try weights(several), try weights(one)))
    }
  }

  @Test func whoIsAskedToStopEndsAll() throws {
    let outcomes = try asProcesses(3) { group in
      try TinyLearner.loop(in: run.path, group: group).train(
        steps: group.rank == 1 ? 3 : .max)
    }
    for outcome in outcomes {
      #expect(!outcome.isFinished && outcome.checkpoint.step == 3)
    }
    #expect(try Checkpoint.open(at: run.path).step == 3)
  }

  /// Rank 0's clock is that of all.
  @Test func minutesEndAllAtOneStep() throws {
    var configuration = TinyConfiguration()
    configuration.duration = .minutes(0.005)
    let steps = try asProcesses(2) { [configuration] group in
      let outcome = try TinyLearner.loop(configuration, in: run.path, group: group).train()
      return outcome.isFinished || !group.isFirst ? outcome.progress.step : -1
    }
    #expect(steps[0] == steps[1] && steps[0] > 1)
  }

  /// What one process cannot read ends all, after what was learned is saved; one tells.
  @Test func dataThatOneCannotReadEndAll() throws {
    let errors = try asProcesses(3) { group -> String in
      let data = TinyLearner.Dataset(batches: group.rank == 2 ? 3 : .max)
      let loop = try TinyLearner.loop(on: data, in: run.path, group: group)
      do { try loop.train() } catch {
        // A launcher ends all when this one ends: the first has saved by now.
        let saved = try Checkpoint.open(at: run.path).step
        return "\(type(of: error)) after \(loop.progress.step), \(saved) saved"
      }
      return ""
    }
    #expect(
      errors == [
        "ToldByAnotherProcess after 3, 3 saved", "ToldByAnotherProcess after 3, 3 saved",
        "DataAreGone after 3, 3 saved",
      ])
    #expect(try Checkpoint.open(at: run.path).step == 3)
  }

  @Test func whoseLossIsNoNumberTells() throws {
    let errors = try asProcesses(2) { group -> String in
      let data = TinyLearner.Dataset(nanBatch: group.rank == 1 ? 2 : nil)
      do { try TinyLearner.loop(on: data, in: run.path, group: group).train() } catch {
        return "\(error)"
      }
      return ""
    }
    #expect(errors[0] == "ToldByAnotherProcess()")
    #expect(errors[1].hasPrefix("the loss of step 2 is nan; the batch was"))
  }

  /// The gradient is the mean of all, and so are its pictures: nobody knows whose it is that is none.
  @Test func aGradientThatIsNoNumberIsBlamedOnAllItems() throws {
    func errors(_ worldSize: Int) throws -> [String] {
      func error(_ group: ProcessGroup?) -> String {
        let path = TemporaryPath("gradient")
        let data = TinyLearner.Dataset(nanGradientBatch: group?.rank ?? 1 == 1 ? 2 : nil)
        do { try TinyLearner.loop(on: data, in: path.path, group: group).train() } catch {
          // Of which sign it is says nothing.
          return "\(error)".replacingOccurrences(of: "-nan", with: "nan")
        }
        return ""
      }
      return worldSize == 1 ? [error(nil)] : try asProcesses(worldSize, error)
    }
    let one = try errors(1)[0]
    #expect(one.hasPrefix("the gradient of step 2 is nan; the batch was"), "\(one)")
    #expect(try errors(2) == [one, "ToldByAnotherProcess()"])
    #expect(try errors(3) == [one] + [String](repeating: "ToldByAnotherProcess()", count: 2))
  }

  /// What nothing descends on begins as the first process has it, too.
  @Test func companionsBeginAlike() throws {
    let weights = try asProcesses(2) { group -> [Double] in
      let data = TinyLearner.Dataset(companionSeed: UInt64(group.rank))
      let loop = try TinyLearner.loop(on: data, in: run.path, group: group)
      return loop.learner.companion.state.flatMap { $0.tensor.to(.float64).flattened().array() }
    }
    #expect(weights[0] == weights[1])
    let own = Linear(2, 2, using: RandomGenerator(seed: 0)).state
    #expect(weights[0] == own.flatMap { $0.tensor.to(.float64).flattened().array() })
  }

  /// Memory that gives out in one leaves the others waiting in the middle of a step.
  @Test func whoFailsInAStepEndsAll() throws {
    let errors = try asProcesses(2) { group -> String in
      let data = TinyLearner.Dataset(hugeBatch: group.rank == 0 ? 3 : nil)
      do { try TinyLearner.loop(on: data, in: run.path, group: group).train() } catch {
        if group.rank == 0 { _ = group.leaveFailing(withReason: true) }
        return "\(error)"
      }
      return ""
    }
    #expect(errors[0].hasPrefix("out of memory on cpu: empty asked for 1.0 PiB."))
    #expect(errors[1].hasPrefix("another process that takes part has ended."))
  }

  @Test func theNumberMayChange() throws {
    var configuration = TinyConfiguration()
    let data = TinyLearner.Dataset(count: 12)
    var seen: [String] = []
    for (session, worldSize) in [2, 1, 3].enumerated() {
      configuration.duration = .steps(session + 1)
      if worldSize == 1 {
        let loop = try TinyLearner.loop(configuration, on: data, in: run.path, isResuming: true)
        try loop.train()
        seen += loop.learner.seen
      } else {
        seen += try asProcesses(worldSize) { [configuration] group in
          let loop = try TinyLearner.loop(
            configuration, on: data, in: run.path, isResuming: session > 0, group: group)
          try loop.train()
          return loop.learner.seen
        }.flatMap { $0 }
      }
    }
    #expect(seen.map { Int($0)! }.sorted() == Array(0..<12))
    #expect(try RunFolder.resume(at: run.path).environments().map(\.processes) == [2, nil, 3])
  }

  @Test func withTheSameNumberARunIsGoneOnFromExactly() throws {
    let (whole, parts) = ("\(run.path)/whole", "\(run.path)/parts")
    _ = try asProcesses(2) { try TinyLearner.loop(in: whole, group: $0).train() }
    for session in 0..<3 {
      _ = try asProcesses(2) { group in
        try TinyLearner.loop(in: parts, isResuming: session > 0, group: group)
          .train(steps: session < 2 ? 1 + session : .max)
      }
    }
    #expect(try lossCurve(ofRun: parts) == lossCurve(ofRun: whole))
    #expect(
      FileManager.default.contentsEqual(
        atPath: "\(parts)/latest/model.safetensors", andPath: "\(whole)/latest/model.safetensors"))
  }

  @Test func processesThatDifferAreRefused() throws {
    func message(
      _ worldSize: Int = 2,
      _ change: @escaping (Int, inout TinyConfiguration, inout TinyLearner.Dataset) -> Void
    ) throws -> Set<String> {
      let path = TemporaryPath("different")
      return Set(
        try asProcesses(worldSize) { group in
          var (configuration, data) = (TinyConfiguration(), TinyLearner.Dataset())
          change(group.rank, &configuration, &data)
          do {
            _ = try TinyLearner.loop(configuration, on: data, in: path.path, group: group)
            return ""
          } catch { return "\(error)" }
        })
    }
    #expect(
      try message { rank, configuration, _ in configuration.seed = UInt64(rank) }
        == ["all processes need the same settings: rank 0 has seed: 0, rank 1 has seed: 1"])
    #expect(
      try message { rank, _, data in data.fingerprint = "\(rank)" } == [
        "all processes need the same data: rank 0 has the numbers with checksum 0, rank 1 has the "
          + "numbers with checksum 1"
      ])
    #expect(
      try message(5) { _, _, _ in }
        == [
          "batchSize: at least one item for each of 5 processes, found 4: raise it, or start fewer"
        ])
    #expect(try message { rank, configuration, _ in configuration.threads = rank + 1 } == [""])
  }
}
