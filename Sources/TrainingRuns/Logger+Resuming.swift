import Files
import Logging

extension Logger {
  /// Says where a run starts: after the last checkpoint, or at step 0 where there is none to resume.
  public func tellStart(after checkpoint: Checkpoint?, isResuming: Bool) {
    if let checkpoint {
      info("going on from step \(checkpoint.step)")
    } else if isResuming {
      notice("no checkpoint yet: starting at step 0")
    }
  }

  /// Says how a run that was stopped before its end goes on.
  ///
  /// - Parameters:
  ///   - signal: what stopped it, such as SIGTERM; nil where that is not known.
  ///   - arguments: the program's, without `--resume`.
  public func tellHowToGoOn(stoppedBy signal: String?, with arguments: String...) {
    let reason = signal.map { "stopped by \($0)" } ?? "stopped"
    info("\(reason); go on with: \(ShellWord.command(arguments + ["--resume"]))")
  }
}
