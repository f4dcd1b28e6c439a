import Files
import Foundation
import Pictures
import Torch
import TrainingRuns

/// Windows of frames for one training step, made by a `ClipLoader`.
final class ClipBatch: @unchecked Sendable {
  private let memory: BatchMemory<Float>
  /// Waits for a device that still reads the memory.
  private var waitUntilRead: (() -> Void)?
  private(set) var items: [SampledItem] = []
  /// Where the sampler stood after these items were drawn.
  private(set) var stateAfter: EpochSampler.State
  /// Frames of a window.
  let windowLength: Int
  private let size: Int

  // Written by several threads while the batch is made.
  private let lock = NSLock()
  private var shownPaths: [Int: String] = [:]

  init(
    windowLength: Int, size: Int, stateAfter: EpochSampler.State, allocator: BatchAllocator?
  ) {
    memory = BatchMemory(allocator: allocator)
    self.windowLength = windowLength
    self.size = size
    self.stateAfter = stateAfter
  }

  /// Where each window's frames come from.
  var paths: [String] { lock.withLock { items.indices.map { shownPaths[$0] ?? "" } } }

  /// The windows, `[B, T, 3, size, size]`, normalised; without a copy on the CPU.
  func clips(on device: Device) -> Tensor {
    let shape = [items.count, windowLength, 3, size, size]
    let clips = Tensor.view(
      of: UnsafeMutableBufferPointer(start: memory.pointer, count: shape.reduce(1, *)),
      shape: shape, keepingAlive: self
    ).to(device: device)
    if device.isAccelerator {
      let read = DeviceEvent(recordedOn: device)
      waitUntilRead = { read.wait() }
    }
    return clips
  }

  func prepare(_ batch: EpochSampler.Batch) throws(ImageError) {
    items = batch.items
    stateAfter = batch.stateAfter
    waitUntilRead?()
    waitUntilRead = nil
    try memory.reserve(items.count * windowLength * 3 * size * size)
  }

  func note(path: String, row: Int) { lock.withLock { shownPaths[row] = path } }

  /// Room for frame `frame` of window `row`.
  func target(row: Int, frame: Int) -> UnsafeMutablePointer<Float> {
    memory.pointer + (row * windowLength + frame) * 3 * size * size
  }
}

/// Cuts windows out of a library, changes and batches them on its own threads, ahead of the training step.
///
/// What a batch holds depends on the seed and the sampler's state alone: not on the number of threads, nor
/// on the batches before it, so that training resumes anywhere.
final class ClipLoader {
  private let pipeline: BatchPipeline<ClipBatch>
  private let options: LoaderOptions
  private let makeBatch: () -> ClipBatch
  private var sampler: EpochSampler
  private var spare: [ClipBatch] = []
  private var progress = LoaderReport()
  private let start = ContinuousClock.now

  /// Starts loading.
  ///
  /// - Parameters:
  ///   - synthetic: made-up clips, and the share of windows that come from them.
  ///   - allocator: where the batches' memory comes from; nil for the heap.
  /// - Throws: `ImageError.noRoomForBatch`.
  init(
    _ library: ClipLibrary, windows: ClipWindows, augmentation: ClipAugmentation,
    normalization: Normalization, synthetic: (clips: MadeUpClips, share: Float)?,
    seed: UInt64,
    options: LoaderOptions, sampler: EpochSampler, allocator: BatchAllocator? = nil
  ) throws(ImageError) {
    self.options = options
    self.sampler = sampler
    let (size, length, state) = (library.size, windows.windowLength, sampler.state)
    makeBatch = {
      ClipBatch(windowLength: length, size: size, stateAfter: state, allocator: allocator)
    }
    pipeline = try BatchPipeline(workers: options.workers) { batch, row, _ in
      let item = batch.items[row]
      var generator = SeededGenerator(seed: seed, UInt64(item.epoch), UInt64(item.index))
      if let synthetic, generator.uniform() < synthetic.share {
        let change = ClipChange(
          augmentation, windowLength: length, room: 2 * length, using: &generator)
        let frames = synthetic.clips.frames(
          (length - 1) * change.step + 1, size: size, seed: generator.next())
        for frame in 0..<length {
          let place = (change.isReversed ? length - 1 - frame : frame) * change.step
          frames[place].withUnsafeBufferPointer {
            change.render(
              $0.baseAddress!, size: size, normalization: normalization,
              to: batch.target(row: row, frame: frame))
          }
        }
        batch.note(path: "a synthetic clip", row: row)
        return
      }
      let window = windows.frames(
        of: item.index, in: library, augmentation: augmentation, using: &generator)
      let shot = library.shots[window.shot]
      shot.pixels.withUnsafeBufferPointer { pixels in
        for (place, frame) in window.frames.enumerated() {
          window.change.render(
            pixels.baseAddress! + frame * library.frameBytes, size: size,
            normalization: normalization, to: batch.target(row: row, frame: place))
        }
      }
      batch.note(path: shot.path, row: row)
    }
    try prefetch()
  }

  /// The next batch. There always is one.
  ///
  /// - Throws: `ImageError.noRoomForBatch`.
  func next() throws(ImageError) -> ClipBatch {
    let before = ContinuousClock.now
    guard let batch = pipeline.take() else { preconditionFailure("a sampler never ends") }
    progress.waitingSeconds += (ContinuousClock.now - before) / .seconds(1)
    try prefetch()
    progress.batches += 1
    progress.items += batch.items.count
    return batch
  }

  /// Gives the memory of a batch back for a later one. Its clips must not be used any more.
  func release(_ batch: ClipBatch) {
    guard spare.count <= options.prefetchedBatches else { return }
    spare.append(batch)
  }

  /// What has been loaded, and how long the caller waited.
  var report: LoaderReport {
    var report = progress
    report.elapsedSeconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  private func prefetch() throws(ImageError) {
    while pipeline.pending < options.prefetchedBatches {
      let batch = spare.popLast() ?? makeBatch()
      try batch.prepare(sampler.nextBatch())
      pipeline.append(batch, count: batch.items.count)
    }
  }
}
