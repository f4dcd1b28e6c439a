import Foundation
import Torch
import TrainingRuns

extension ProcessGroup {
  /// Checks that all processes run the same program and settings, on a device that they can compute together on.
  ///
  /// - Throws: `ProcessGroupError.different`, `.unsupportedDevice`, in all of them.
  func requireSame(settings: some TrainingConfiguration, device: Device) throws {
    try requireSame("version of jepa", ProgramVersion.current)
    try requireSame("version of libtorch", Session.torchVersion)
    guard device == .cpu else { throw ProcessGroupError.unsupportedDevice("\(device)") }
    // How many threads a process has is its own affair.
    let lines = try ConfigurationReader.yaml(of: settings).split(separator: "\n")
      .filter { !$0.hasPrefix("threads:") }.map(String.init)
    let all = texts(lines.joined(separator: "\n")).map { $0.split(separator: "\n") }
    for line in 0..<(all.map(\.count).max() ?? 0) {
      let values = all.map { line < $0.count ? $0[line].trimmingCharacters(in: .whitespaces) : "" }
      guard Set(values).count == 1 else {
        throw ProcessGroupError.different(what: "settings", values: values)
      }
    }
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
