import Foundation
import Torch
import TrainingRuns

extension ProcessGroup {
  /// Checks that all processes run the same program and settings, on a device that they can compute together on.
  ///
  /// - Throws: `ProcessGroupError.different`, `.unsupportedDevice`, in all of them.
  func requireSame(settings: some TrainingConfiguration, device: Device) throws {
    // How many threads a process has is its own affair.
    let lines = try ConfigurationReader.yaml(of: settings).split(separator: "\n")
      .filter { !$0.hasPrefix("threads:") }.map(String.init)
    try requireSame(version: ProgramVersion.current, device: device, settings: lines)
  }

  /// Checks that every process has an item of a batch.
  ///
  /// - Throws: `RunError.invalidValue`.
  func requireRoom(forBatchesOf batchSize: Int) throws {
    guard batchSize >= worldSize else {
      throw RunError.invalidValue(
        path: "batchSize",
        reason:
          "at least one item for each of \(worldSize) processes, found \(batchSize): raise it, or "
          + "start fewer")
    }
  }
}
