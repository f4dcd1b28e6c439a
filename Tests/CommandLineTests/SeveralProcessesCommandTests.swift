#if os(Linux)
  import Foundation
  import TestSupport
  import Testing
  import TrainingRuns

  /// `jepa` in several processes, as a user or a launcher starts them, and what kills them.
  @Suite struct SeveralProcessesCommandTests {
    let material: TinyTraining
    let run = TemporaryPath("run")

    init() throws { material = try TinyTraining() }

    private func training(_ kind: String, steps: Int, _ more: [String] = []) throws -> [String] {
      try material.command(kind) + ["--steps", "\(steps)", "--set", "logEverySteps=1"]
        + ["--set", "checkpoint.everySteps=2", "--output", run.path] + more
    }

    /// The processes that `parent` started.
    private func children(of parent: Int32) -> [Int32] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.compactMap { Int32($0) }.filter { process in
        let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        return status?.contains("\nPPid:\t\(parent)\n") == true
      }
    }

    /// As a launcher starts them, each with its place.
    private func launch(_ arguments: [String], worldSize: Int = 2, port: Int) throws
      -> [JepaProcess]
    {
      try (0..<worldSize).map { rank in
        try JepaProcess(
          arguments,
          environment: [
            "RANK": "\(rank)", "WORLD_SIZE": "\(worldSize)", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "\(port)",
          ])
      }
    }

    @Test(arguments: ["images", "video", "text", "text-baseline"])
    func processesThatItStartsItself(kind: String) throws {
      let together = try JepaProcess.run(training(kind, steps: 3, ["--processes", "2"]))
      #expect(together.status == 0, "\(together.errors)")
      #expect(try lossCurve(ofRun: run.path).count == 3)
      #expect(together.errorLines.count { $0.hasPrefix("checkpoint: ") } == 1)
      // In one process, or in three.
      let more = try JepaProcess.run(training(kind, steps: 4, ["--resume"]))
      #expect(more.status == 0, "\(more.errors)")
      #expect(more.errors.contains("was trained by 2 processes and goes on with 1"))
    }

    @Test func aProcessThatIsKilledEndsTheOthers() throws {
      let process = try JepaProcess(training("images", steps: 100_000, ["--processes", "2"]))
      process.wait { loggedSteps(ofRun: run.path) >= 5 }
      let other = try #require(children(of: process.identifier).first)
      let start = ContinuousClock.now
      kill(other, SIGKILL)
      let result = process.wait()
      #expect(ContinuousClock.now - start < .seconds(10))
      #expect(result.status == 1 && !result.wasKilled)
      let errors = result.errorLines.filter { $0.hasPrefix("jepa: error: ") }
      #expect(errors.count == 1, "\(result.errors)")
      #expect(errors[0].contains("another process that takes part has ended."))
      #expect(errors[0].contains("The last good checkpoint is \(run.path)/step-"))
      _ = try Checkpoint.open(at: run.path)
    }

    @Test func theOthersEndWithTheFirst() throws {
      let process = try JepaProcess(training("images", steps: 100_000, ["--processes", "3"]))
      process.wait { loggedSteps(ofRun: run.path) >= 3 }
      let others = children(of: process.identifier)
      #expect(others.count == 2)
      process.send(SIGKILL)
      #expect(process.wait().wasKilled)
      let end = ContinuousClock.now + .seconds(10)
      while others.contains(where: { kill($0, 0) == 0 }), ContinuousClock.now < end {
        usleep(20_000)
      }
      #expect(others.allSatisfy { kill($0, 0) != 0 })
      _ = try Checkpoint.open(at: run.path)
    }

    @Test func aProcessThatHangsIsGivenUp() throws {
      let processes = try launch(
        training("images", steps: 100_000, ["--timeout", "2"]), port: 29_731)
      processes[0].wait { loggedSteps(ofRun: run.path) >= 3 }
      processes[1].send(SIGSTOP)
      let start = ContinuousClock.now
      let result = processes[0].wait()
      #expect(ContinuousClock.now - start < .seconds(15))
      #expect(result.status == 1)
      #expect(
        result.errorLines.last?.contains("does not answer: it hangs") == true, "\(result.errors)")
      processes[1].send(SIGKILL)
    }

    /// Wherever the signal comes, all end after the same step, with the same status.
    @Test func aSignalToOneStopsAll() throws {
      let processes = try launch(training("images", steps: 100_000), port: 29_732)
      processes[0].wait { loggedSteps(ofRun: run.path) >= 3 }
      processes[1].send(SIGTERM)
      let results = processes.map { $0.wait() }
      #expect(results.map(\.status) == [143, 143], "\(results.map(\.errors))")
      #expect(results[0].errors.contains("--resume"))
      #expect(results[1].errors.isEmpty)
      #expect(try Checkpoint.open(at: run.path).step == loggedSteps(ofRun: run.path))
    }

    @Test(
      arguments: [
        (["WORLD_SIZE": "2", "RANK": "0"], [], "WORLD_SIZE is set and MASTER_ADDR is not"),
        (
          ["WORLD_SIZE": "2", "RANK": "5", "MASTER_ADDR": "127.0.0.1"], [],
          "RANK: expected a number from 0 to 1"
        ),
        (
          ["WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"],
          ["--timeout", "0.5"], "nobody answers at 127.0.0.1:1 after 0.5 s"
        ),
        (
          ["WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29733"],
          ["--timeout", "0.5"], "rank 0 waited 0.5 s for the 2 processes, and not all came"
        ),
        (
          ["WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1"], ["--processes", "2"],
          "--processes: a launcher has started 2 processes already"
        ),
        (
          [:], ["--processes", "5"], "batchSize: at least one item for each of 5 processes, found 4"
        ),
        ([:], ["--processes", "0"], "--processes: expected 1 to 1024, found 0"),
        (
          [:], ["--processes", "2", "--device", "cuda"],
          "device cuda:0 is not available: libtorch"
        ),
      ] as [([String: String], [String], String)])
    func badInputIsOneLine(environment: [String: String], options: [String], message: String) throws
    {
      let result = try JepaProcess.run(
        training("images", steps: 2, options), environment: environment)
      #expect(result.status == 1)
      #expect(result.errorLines.count == 1, "\(result.errors)")
      #expect(result.errors.contains(message), "\(result.errors)")
    }

    /// The folder that each goes on from has the same name, and is another one.
    @Test func checkpointsThatDifferAreRefused() throws {
      let folders = [TemporaryPath("here"), TemporaryPath("there")]
      let command = try material.command("images") + ["--output", "run"]
      try FileManager.default.createDirectory(
        atPath: folders[0].path, withIntermediateDirectories: true)
      let made = try JepaProcess.run(command + ["--steps", "1"], in: folders[0].path)
      #expect(made.status == 0, "\(made.errors)")
      try FileManager.default.copyItem(atPath: folders[0].path, toPath: folders[1].path)
      // Its manifest lists one file less.
      try Checkpoint.open(at: "\(folders[1].path)/run").put(["a": 1], as: "config.yaml")
      let processes = try folders.enumerated().map { rank, folder in
        try JepaProcess(
          command + ["--steps", "3", "--resume"], in: folder.path,
          environment: [
            "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "29735",
          ])
      }
      let results = processes.map { $0.wait() }
      #expect(results.map(\.status) == [1, 1])
      let lines = results.flatMap(\.errorLines).filter { $0.hasPrefix("jepa: error") }
      #expect(lines.count == 1, "\(lines)")
      #expect(
        lines.first?.contains(
          "all processes need the same checkpoint: rank 0 has run/step-0000001 with checksum")
          == true, "\(lines)")
    }

    /// Whatever differs, `embed` and `evaluate` write and print what one process does.
    @Test func embeddingAndEvaluatingAreThoseOfOne() throws {
      let test = try ColouredShapes(9, seed: 2)
      let trained = try JepaProcess.run(training("images", steps: 2))
      #expect(trained.status == 0, "\(trained.errors)")
      let folder = TemporaryPath("embeddings")
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      func embed(_ name: String, _ more: [String], _ environment: [String: String] = [:])
        throws -> JepaProcess
      {
        try JepaProcess(
          ["embed", material.pictures.path, "--checkpoint", run.path, "--batch", "4", "--threads"]
            + ["1", "--output", "\(folder.path)/\(name)"] + more, environment: environment)
      }
      func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
      }
      #expect(try embed("one.npy", []).wait().status == 0)
      for count in [2, 3] {
        let result = try embed("all.npy", ["--processes", "\(count)"]).wait()
        #expect(result.status == 0 && result.output.contains("11 embeddings"), "\(result.errors)")
        #expect(try bytes("all.npy") == bytes("one.npy") && bytes("all.csv") == bytes("one.csv"))
      }
      let launched = try (0..<2).map { rank in
        try embed(
          "launched.npy", [],
          [
            "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "29736",
          ])
      }.map { $0.wait() }
      #expect(launched.map(\.status) == [0, 0] && launched[1].output.isEmpty)
      #expect(try bytes("launched.npy") == bytes("one.npy"))

      let evaluate = [
        "evaluate", material.pictures.path, test.path, "--checkpoint", run.path, "--k", "3",
        "--json",
      ]
      let figures = try ["1", "2"].map { count in
        try JepaProcess.run(
          evaluate + ["--processes", count], environment: ["OMP_NUM_THREADS": "1"])
      }
      #expect(figures.map(\.status) == [0, 0], "\(figures.map(\.errors))")
      #expect(figures[0].output == figures[1].output && !figures[0].output.isEmpty)

      let piped = try embed("x.npy", ["--files-from", "-", "--processes", "2"]).wait()
      #expect(piped.status == 1 && piped.errorLines.count == 1, "\(piped.errors)")
      #expect(piped.errors.contains("--files-from -: one process alone has the standard input"))
    }

    /// One of two is killed: the other says so, and what was written whole is gone on from.
    @Test func anExportWhoseProcessIsKilledIsGoneOnFrom() throws {
      let trained = try JepaProcess.run(training("images", steps: 1))
      #expect(trained.status == 0, "\(trained.errors)")
      let folder = TemporaryPath("embeddings")
      try FileManager.default.createDirectory(
        atPath: folder.path, withIntermediateDirectories: true)
      let bytes = try Data(
        contentsOf: URL(fileURLWithPath: "\(material.pictures.path)/discs/0.png"))
      let pictures = "\(folder.path)/pictures"
      try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
      for number in 0..<4000 {
        try bytes.write(to: URL(fileURLWithPath: "\(pictures)/\(number).png"))
      }
      func embed(_ name: String, _ more: [String]) -> [String] {
        ["embed", pictures, "--checkpoint", run.path, "--batch", "2", "--threads", "1"]
          + ["--output", "\(folder.path)/\(name)"] + more
      }
      let process = try JepaProcess(embed("all.npy", ["--processes", "2"]))
      process.wait {
        FileManager.default.fileExists(atPath: "\(folder.path)/all.npy.unfinished/state.json")
      }
      let other = try #require(children(of: process.identifier).first)
      kill(other, SIGKILL)
      let result = process.wait()
      #expect(result.status == 1 && !result.wasKilled)
      let errors = result.errorLines.filter { $0.hasPrefix("jepa: error: ") }
      #expect(errors.count == 1, "\(result.errors)")
      #expect(errors[0].contains("another process that takes part has ended: see why it has, then"))
      let rest = try JepaProcess.run(embed("all.npy", ["--processes", "2", "--resume"]))
      #expect(rest.status == 0 && rest.output.contains("4000 embeddings"), "\(rest.errors)")
      let one = try JepaProcess.run(embed("one.npy", []))
      #expect(one.status == 0, "\(one.errors)")
      #expect(
        FileManager.default.contentsEqual(
          atPath: "\(folder.path)/all.npy", andPath: "\(folder.path)/one.npy"))
    }

    @Test func processesThatDifferSayHow() throws {
      let first = try training("images", steps: 2)
      let place = ["WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29734"]
      for (other, message) in [
        (first + ["--seed", "5"], "all processes need the same settings: rank 0 has seed: 0"),
        (["train", "images", "/nowhere"] + first.dropFirst(3), "/nowhere: no such folder"),
      ] {
        let processes = try [first, other].enumerated().map { rank, arguments in
          try JepaProcess(arguments, environment: place.merging(["RANK": "\(rank)"]) { $1 })
        }
        let results = processes.map { $0.wait() }
        #expect(results.map(\.status) == [1, 1])
        let lines = results.flatMap(\.errorLines)
        #expect(lines.count == 1 && lines[0].contains(message), "\(lines)")
        try? FileManager.default.removeItem(atPath: run.path)
      }
    }
  }
#endif
