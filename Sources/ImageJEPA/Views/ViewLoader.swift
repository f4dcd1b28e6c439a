import Files
import Foundation
import Logging
import Pictures

/// Pictures that were replaced by others, by several threads: all are counted, the first thousand are
/// named.
final class ReplacementLog: @unchecked Sendable {
  private static let mostNamed = 1000

  private let lock = NSLock()
  private var reasons: [String: ImageError] = [:]
  private var count = 0
  private let logger = Logger(label: "jepa")

  /// Counts a failed read; the first ones are named in the log as they happen.
  func record(_ error: ImageError, path: String) {
    let isNew = lock.withLock {
      count += 1
      guard reasons.count < Self.mostNamed, reasons[path] == nil else { return false }
      reasons[path] = error
      return reasons.count <= 10
    }
    if isNew { logger.warning("replaced by another picture: \(error)") }
  }

  func report(into report: inout LoaderReport) {
    lock.withLock {
      report.failedReads = count
      report.failures = reasons.map { ImageFailure(path: $0.key, error: $0.value) }
        .sorted { $0.path < $1.path }
    }
  }
}

/// Decodes, corrupts and batches pictures on its own threads, ahead of the training step.
///
/// What a batch holds depends on the seed and its `BatchRequest` alone: not on the number of
/// threads, nor on the batches before it, so that training resumes anywhere.
///
/// A picture that cannot be read (also one that vanished) is replaced by another of the folder, drawn
/// from the seed, the epoch and the item; `report.failures` names it. With `isStrict`, `next()`
/// throws instead.
///
/// ```swift
/// let loader = try ViewLoader(folder, plan: .clean(size: 64), seed: 7, requests: sampler)
/// while let batch = try loader.next() {
///   train(batch)
///   loader.release(batch)
/// }
/// ```
///
/// `next()` and `release(_:)` are for one thread.
public final class ViewLoader {
  public let folder: ImageFolder
  public let plan: ViewPlan

  private let pipeline: BatchPipeline<ViewBatch>
  private let log = ReplacementLog()
  private let options: LoaderOptions
  private var requests: any IteratorProtocol<BatchRequest>
  private let allocator: BatchAllocator?
  private var spare: [ViewBatch] = []
  private var progress = LoaderReport()
  private let start = ContinuousClock.now

  /// Pictures tried for one row before the folder is given up.
  static let mostReplacements = 100

  /// Starts loading.
  ///
  /// - Parameters:
  ///   - folder: the pictures.
  ///   - plan: which views are made.
  ///   - decoder: what reads files, and how much it takes.
  ///   - seed: of crops, colours and masks.
  ///   - options: how the loader works.
  ///   - requests: which items each batch holds. It is asked on the thread that calls `next()`,
  ///     `prefetchedBatches` ahead.
  ///   - allocator: where the batches' memory comes from; nil for the heap.
  /// - Throws: `ImageError.invalidSetting` for a plan or options that make no sense; `.noRoomForBatch`.
  public init(
    _ folder: ImageFolder, plan: ViewPlan, decoder: ImageDecoder = ImageDecoder(), seed: UInt64,
    options: LoaderOptions = LoaderOptions(), requests: any IteratorProtocol<BatchRequest>,
    allocator: BatchAllocator? = nil
  ) throws(ImageError) {
    try plan.validate()
    try options.validate()
    self.folder = folder
    self.plan = plan
    self.options = options
    self.requests = requests
    self.allocator = allocator
    let renderer = ViewRenderer(plan: plan, decoder: decoder, seed: seed)
    let (log, isStrict) = (log, options.isStrict)
    pipeline = try BatchPipeline(workers: options.workers) { batch, row, workspace in
      do throws(ImageError) {
        let item = try Self.fill(
          batch, row: row, folder: folder, renderer: renderer, log: log, isStrict: isStrict,
          workspace: workspace)
        batch.replace(row: row, by: item)
      } catch {
        batch.fail(error, row: row)
      }
    }
    try prefetch()
  }

  /// The next batch; nil after the last one asked for.
  ///
  /// - Throws: `ImageError.tooFewReadablePictures` where no picture could be found to replace an
  ///   unreadable one; `.noRoomForBatch`; with `isStrict`, the error of the first unreadable picture.
  public func next() throws(ImageError) -> ViewBatch? {
    let before = ContinuousClock.now
    let batch = pipeline.take()
    progress.waitingSeconds += (ContinuousClock.now - before) / .seconds(1)
    guard let batch else { return nil }
    try prefetch()
    if let failure = batch.firstFailure {
      release(batch)
      throw failure
    }
    progress.batches += 1
    progress.items += batch.count
    return batch
  }

  /// Gives the memory of a batch back for a later one. Its views must not be used any more.
  public func release(_ batch: ViewBatch) {
    guard spare.count <= options.prefetchedBatches else { return }
    spare.append(batch)
  }

  /// What has been loaded, how long the caller waited, and what could not be read.
  public var report: LoaderReport {
    var report = progress
    report.elapsedSeconds = (ContinuousClock.now - start) / .seconds(1)
    log.report(into: &report)
    return report
  }

  private func prefetch() throws(ImageError) {
    while pipeline.pending < options.prefetchedBatches, let request = requests.next() {
      for item in request.items {
        precondition(
          item.index >= 0 && item.index < folder.count,
          "item \(item.index) of a folder of \(folder.count) pictures")
      }
      let batch = spare.popLast() ?? ViewBatch(plan: plan, folder: folder, allocator: allocator)
      try batch.prepare(request)
      pipeline.append(batch, count: request.items.count)
    }
  }

  /// Fills one row of a batch and returns the item that it shows.
  private static func fill(
    _ batch: ViewBatch, row: Int, folder: ImageFolder, renderer: ViewRenderer, log: ReplacementLog,
    isStrict: Bool, workspace: ImageWorkspace
  ) throws(ImageError) -> Int {
    let requested = batch.requestedItems[row]
    var item = requested.index
    var replacements = SeededGenerator(
      seed: renderer.seed, UInt64(requested.epoch), UInt64(requested.index), .max)
    for attempt in 0...mostReplacements {
      do throws(ImageError) {
        let bytes = try folder.withFileSystemPath(of: item) { path throws(ImageError) in
          try ImageFile.read(path, name: folder.path(of: item), into: &workspace.file)
        }
        try renderer.render(
          bytes, name: folder.path(of: item), epoch: requested.epoch, item: item, attempt: attempt,
          to: batch.target(item: row), workspace: workspace)
        return item
      } catch {
        log.record(error, path: folder.path(of: item))
        if isStrict { throw error }
        guard attempt < mostReplacements else {
          throw .tooFewReadablePictures(attempts: attempt + 1, last: error.description)
        }
        item = replacements.index(below: folder.count)
      }
    }
    preconditionFailure("the last attempt returns or throws")
  }
}
