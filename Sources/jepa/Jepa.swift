import ArgumentParser
import Files
@preconcurrency import Foundation
import Logging
import Torch
import TrainingRuns

/// The program.
@main
struct Jepa: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jepa",
    abstract: "Learns from pictures without labels, by predicting in embedding space.",
    version: ProgramVersion.current,
    subcommands: [
      Train.self, Evaluate.self, Embed.self, Neighbors.self, Duplicates.self,
      Outliers.self, Uniqueness.self, Sample.self, Map.self,
      Visualize.self, Anomalies.self, Inspect.self, Import.self, Score.self, Calibrate.self,
      Benchmark.self,
      Plan.self, Energy.self, MakeTask.self, Remember.self, EvaluateText.self, Preview.self,
      MakeClip.self, Devices.self, Demo.self, DemoText.self,
    ])

  /// Sets up logging, then runs the subcommand; any error, wrong usage included, is told on the standard error and
  /// has the status 1.
  static func main() {
    LoggingSystem.bootstrap { _ in ConsoleLogHandler() }
    // A limit on the size of files is an error to name, as a full disk is.
    signal(SIGXFSZ, SIG_IGN)
    do {
      let command = try parseAsRoot()
      do {
        try Computation.run {
          var command = command
          try command.run()
        }
      } catch let code as ExitCode {
        try flushOutput()
        throw code
      }
      try flushOutput()
      // What was done by then is saved and said; whoever waits for the whole is told that it is not that.
      if let status = StopSignal.exitStatus { throw ExitCode(status) }
    } catch let error where exitCode(for: error) == .validationFailure {
      Self.end(telling: UsageError(error, arguments: Array(CommandLine.arguments.dropFirst())))
    } catch is ToldByAnotherProcess {
      fflush(stdout)
      _exit(1)
    } catch let error where isOwn(error) {
      exit(withError: error)
    } catch {
      Self.end(telling: error)
    }
  }

  /// Ends the program at once. Threads that memory or a device failed may stand anywhere, and libtorch's own clearing
  /// up could wait for them.
  private static func end(telling error: some Any) -> Never {
    tell(error)
    fflush(stdout)
    _exit(1)
  }

  /// Tells of an error on the standard error.
  static func tell(_ error: some Any) { FileHandle.standardError.write(line(error)) }

  /// What was printed may still be lost: a full disk, a closed standard output.
  private static func flushOutput() throws {
    guard fflush(stdout) == 0, ferror(stdout) == 0 else {
      throw FileError.failed(
        operation: "write", path: "standard output", code: errno == 0 ? EIO : errno)
    }
  }

  /// What is told of an error, in one line whatever the names in it hold.
  private static func line(_ error: some Any) -> Data {
    let text =
      (error as? CocoaError).map(Self.text) ?? (error as? ComputationError).map(Self.text)
      ?? "\(error)"
    return Data("jepa: error: \(text.withVisibleControls())\n".utf8)
  }

  /// What Foundation says in a page of its own, as the program's own errors say it.
  private static func text(of error: CocoaError) -> String {
    let path = error.filePath ?? error.url?.path
    let reason = error.errorNumber.map { String(cString: strerror($0)) }
    return (path.map { "\($0): " } ?? "") + (reason ?? error.localizedDescription)
  }

  /// What to do about memory, where the command knows nothing better.
  private static func text(of error: ComputationError) -> String {
    "\(error)" + (error.isOfMemory ? ": free memory, or take less at once" : "")
  }

  /// Whether the argument parser words the error: wrong usage, `--help`, an exit code.
  private static func isOwn(_ error: any Error) -> Bool {
    exitCode(for: error) != .failure || error is ValidationError || error is CleanExit
      || error is ExitCode
  }
}

/// The models that can be trained.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model.",
    subcommands: [
      TrainImages.self, TrainVideo.self, TrainTransitions.self, TrainText.self,
      TrainTextBaseline.self,
    ])
}
