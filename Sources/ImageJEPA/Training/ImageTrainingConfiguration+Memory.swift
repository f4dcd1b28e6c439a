import Foundation
import TrainingRuns

extension ImageTrainingConfiguration {
  /// The bytes of the pictures that are in memory at a time: a batch that is trained on, and those
  /// that are read ahead. What the network takes comes on top.
  ///
  /// - Precondition: the configuration is resolved.
  var loadedBytes: Double {
    let perPicture = (views?.views ?? []).reduce(0) { sum, view in
      sum + 4 * 3 * Double(view.count) * Double(view.size) * Double(view.size)
    }
    return Double(batchSize) * perPicture * Double(loader.prefetchedBatches + 1)
  }

  /// Checks before the first step that the pictures of a step fit into memory.
  ///
  /// - Parameter memory: the bytes that there are.
  /// - Throws: `RunError.invalidValue`.
  func checkMemory(_ memory: Double = Self.memory) throws {
    guard loadedBytes > memory else { return }
    func text(_ bytes: Double) -> String { String(format: "%.1f GiB", bytes / 1_073_741_824) }
    throw RunError.invalidValue(
      path: "batchSize",
      reason:
        "\(batchSize) pictures of \(imageSize ?? 0) pixels in \(loader.prefetchedBatches + 1) "
        + "batches take \(text(loadedBytes)), there are \(text(memory)): lower batchSize, imageSize "
        + "or loader.prefetchedBatches")
  }

  /// The machine's memory, or what a container may take of it.
  private static var memory: Double {
    let machine = Double(ProcessInfo.processInfo.physicalMemory)
    let limit = (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8))
      .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    return min(machine, limit ?? machine)
  }
}
