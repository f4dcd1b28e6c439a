import ArgumentParser
import Foundation
import Logging
import TrainingRuns

/// The program.
@main
struct Jepa: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jepa",
    abstract: "Learns from pictures without labels, by predicting in embedding space.",
    version: ProgramVersion.current,
    subcommands: [
      Train.self, Evaluate.self, Embed.self, Neighbors.self, Duplicates.self, Map.self,
      Visualize.self, Inspect.self, Import.self, Score.self, Calibrate.self, Benchmark.self,
      Plan.self, Energy.self, MakeTask.self, Remember.self, EvaluateText.self, Preview.self,
      MakeClip.self, Demo.self, DemoText.self,
    ])

  /// Sets up logging, then runs the subcommand; any error is one line on the standard error and status 1.
  static func main() {
    LoggingSystem.bootstrap { _ in ConsoleLogHandler() }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error where isOwn(error) {
      exit(withError: error)
    } catch {
      FileHandle.standardError.write(Data("jepa: error: \(error)\n".utf8))
      Foundation.exit(1)
    }
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
