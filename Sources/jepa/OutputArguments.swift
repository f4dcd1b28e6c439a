import ArgumentParser
import Evaluation
import Files
import Pictures

/// What every command that writes files asks about them.
struct OutputArguments: ParsableArguments {
  @Flag(
    help: """
      Overwrite files that jepa did not make. Without it only its own are replaced; what is read \
      never is.
      """)
  var force = false

  /// Refuses what must not be written, before anything is computed for it.
  ///
  /// - Parameter read: what the command reads.
  func check(_ files: OutputFile?..., against read: [String]) throws {
    try OutputFiles(files.compactMap { $0 }, isForced: force).check(against: read)
  }
}
