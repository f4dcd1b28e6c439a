import Foundation

/// How a loader works; nothing here changes what it delivers.
public struct LoaderOptions: Codable, Sendable, Equatable {
  /// Threads that decode; several processes on one machine share them.
  public var workers: Int
  /// Batches made ahead of the one that is being used.
  public var prefetchedBatches: Int
  /// Whether a picture that cannot be read is an error, rather than replaced and listed.
  public var isStrict: Bool

  /// - Parameters:
  ///   - workers: by default one for each core, but 2 to 16; they run at low priority.
  ///   - prefetchedBatches: batches made ahead of the one that is being used.
  ///   - isStrict: whether a picture that cannot be read is an error.
  public init(
    workers: Int = LoaderOptions.usualWorkers, prefetchedBatches: Int = 3, isStrict: Bool = false
  ) {
    self.workers = workers
    self.prefetchedBatches = prefetchedBatches
    self.isStrict = isStrict
  }

  public static var usualWorkers: Int {
    min(16, max(2, ProcessInfo.processInfo.activeProcessorCount))
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = LoaderOptions()
    workers = try values.decode(.workers, default: standard.workers)
    prefetchedBatches = try values.decode(
      .prefetchedBatches, default: standard.prefetchedBatches)
    isStrict = try values.decode(.isStrict, default: false)
  }

  /// The same for one of several processes on this machine: they share the threads.
  package func shared(among processes: Int?) -> LoaderOptions {
    var shared = self
    shared.workers = max(1, workers / (processes ?? 1))
    return shared
  }

  package func validate() throws(ImageError) {
    guard (1...1024).contains(workers) else {
      throw .invalidSetting(name: "loader.workers", expected: "1...1024", found: "\(workers)")
    }
    guard (1...1024).contains(prefetchedBatches) else {
      throw .invalidSetting(
        name: "loader.prefetchedBatches", expected: "1...1024", found: "\(prefetchedBatches)")
    }
  }
}
