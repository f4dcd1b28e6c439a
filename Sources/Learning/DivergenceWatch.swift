import Torch
import TrainingRuns

/// Notices losses and gradients that are no numbers.
///
/// Reading a number waits for the device. So on an accelerator they are kept, and read at logged and saved
/// steps: the first bad one is named with the step and the files that it belongs to.
package final class DivergenceWatch {
  private struct Note {
    let value: Tensor
    let what: String
    let step: Int
    let names: [String]
  }

  /// The checkpoint that an error advises to go back to.
  package var lastGood: String?
  private let advice: String
  private let readsAtOnce: Bool
  private var unread: [Note] = []

  /// - Parameter advice: what to change, a sentence.
  package init(device: Device, advice: String) {
    self.advice = advice
    readsAtOnce = device == .cpu
  }

  /// Remembers a scalar of a step; on a CPU also reads it.
  ///
  /// - Throws: `TrainingError.diverged`.
  package func note(_ value: Tensor, _ what: String, ofStep step: Int, names: [String]) throws {
    unread.append(Note(value: value.detached(), what: what, step: step, names: names))
    if readsAtOnce { try read() }
  }

  /// Reads what was remembered since the last time.
  ///
  /// - Throws: `TrainingError.diverged` for the first that is NaN or infinite.
  package func read() throws {
    defer { unread.removeAll() }
    for note in unread {
      let number = note.value.item()
      guard number.isFinite else {
        throw TrainingError.diverged(
          step: note.step, what: note.what, value: "\(number)", files: note.names, advice: advice,
          lastGood: lastGood)
      }
    }
  }
}
