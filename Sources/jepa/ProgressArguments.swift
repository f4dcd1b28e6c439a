import ArgumentParser
import Files

/// Whether progress is shown, for every command that takes more than a moment.
struct ProgressArguments: ParsableArguments {
  @Flag(help: "Show no progress; warnings and results stay.")
  var quiet = false

  /// Takes effect before the command runs, so that none can forget it.
  func validate() { if quiet { StatusLine.standardError.silence() } }
}
