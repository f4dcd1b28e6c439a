import Foundation

/// How a picture of any shape becomes a square one, without anything random.
public enum SquareFit: String, Codable, Sendable, CaseIterable {
  /// The shorter side is resized to the view's, and the middle is taken.
  case centreCrop
  /// Each side is resized by itself: all is seen, shapes are bent.
  case squash

  /// What of a picture of `width` x `height` pixels is shown.
  public func box(width: Int, height: Int) -> CropBox {
    switch self {
    case .centreCrop: .centralSquare(width: width, height: height)
    case .squash: CropBox(width: width, height: height)
    }
  }
}

/// Pictures as they are, resized and normalised, in order.
public final class ImageBatch: @unchecked Sendable {
  /// The pictures that could be read, in the order of the folder.
  public fileprivate(set) var items: [Int] = []
  public let folder: ImageFolder

  let size: Int
  fileprivate var requested: [Int] = []
  fileprivate let memory = BatchMemory<Float>(capacity: 0)
  fileprivate let lock = NSLock()
  fileprivate var failures: [Int: ImageError] = [:]

  fileprivate init(folder: ImageFolder, size: Int) {
    self.folder = folder
    self.size = size
  }

  /// B, the number of pictures.
  public var count: Int { items.count }

  /// `[B, 3, size, size]`, normalised; valid until the batch is released or let go.
  public var pixels: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: memory.pointer, count: count * 3 * size * size)
  }

  /// For each picture the place of its label in the folder's `labels`, or -1.
  public var labels: [Int] { items.map(folder.labelIndex(of:)) }

  /// The path of each picture.
  public var paths: [String] { items.map(folder.path(of:)) }

  fileprivate func prepare(_ items: [Int]) {
    requested = items
    self.items = items
    memory.reserve(items.count * 3 * size * size)
    lock.withLock { failures.removeAll() }
  }

  /// Closes the gaps that unreadable pictures left.
  fileprivate func compact() {
    guard !failures.isEmpty else { return }
    let row = 3 * size * size
    var kept: [Int] = []
    for (index, item) in requested.enumerated() where failures[index] == nil {
      if kept.count != index {
        (memory.pointer + kept.count * row).update(from: memory.pointer + index * row, count: row)
      }
      kept.append(item)
    }
    items = kept
  }
}

/// Reads the pictures of a folder in order, for embedding and evaluation: no corruption, nothing
/// random, each picture once.
///
/// A picture that cannot be read is left out of its batch and named in `failures`; with `isStrict`
/// it is an error. For one thread.
public final class ImageBatches {
  public let folder: ImageFolder
  public let size: Int

  private let pipeline: BatchPipeline<ImageBatch>
  private let options: LoaderOptions
  private let items: [Int]
  private let batchSize: Int
  private var position = 0
  private var spare: [ImageBatch] = []
  private let log = FailureLog()

  /// Starts reading.
  ///
  /// - Parameters:
  ///   - size: the side of the square pictures.
  ///   - items: which pictures, in which order; all of the folder where nil.
  /// - Throws: `ImageError.invalidSetting`.
  public init(
    _ folder: ImageFolder, size: Int, batchSize: Int, fit: SquareFit = .centreCrop,
    filter: ResamplingFilter = .bicubic, normalization: Normalization = .imageNet,
    decoder: ImageDecoder = ImageDecoder(), items: [Int]? = nil,
    options: LoaderOptions = LoaderOptions()
  ) throws(ImageError) {
    try options.validate()
    try normalization.validate()
    guard size > 0, batchSize > 0 else {
      throw .invalidSetting(
        name: "size, batchSize", expected: "at least 1", found: "\(size), \(batchSize)")
    }
    self.folder = folder
    self.size = size
    self.batchSize = batchSize
    self.options = options
    self.items = items ?? Array(0..<folder.count)
    pipeline = BatchPipeline(workers: options.workers) { batch, row, workspace in
      let item = batch.requested[row]
      do throws(ImageError) {
        let bytes = try folder.withFileSystemPath(of: item) { path throws(ImageError) in
          try ImageFile.read(path, name: folder.path(of: item), into: &workspace.file)
        }
        try decoder.square(
          bytes, name: folder.path(of: item), fit: fit, filter: filter,
          normalization: normalization, size: size,
          to: batch.memory.pointer + row * 3 * size * size, workspace: workspace)
      } catch {
        batch.lock.withLock { batch.failures[row] = error }
      }
    }
    prefetch()
  }

  /// The next batch, of `batchSize` pictures less those that cannot be read; nil at the end.
  ///
  /// - Throws: with `isStrict`, the `ImageError` of the first unreadable picture of the batch.
  public func next() throws(ImageError) -> ImageBatch? {
    while let batch = pipeline.take() {
      prefetch()
      for (row, error) in batch.failures.sorted(by: { $0.key < $1.key }) {
        if options.isStrict { throw error }
        log.record(error, path: folder.path(of: batch.requested[row]))
      }
      batch.compact()
      if batch.count > 0 { return batch }
      release(batch)
    }
    return nil
  }

  /// Gives the memory of a batch back for a later one.
  public func release(_ batch: ImageBatch) {
    guard spare.count <= options.prefetchedBatches else { return }
    spare.append(batch)
  }

  /// The pictures that could not be read so far, in the order of their paths.
  public var failures: [ImageFailure] {
    var report = LoaderReport()
    log.report(into: &report)
    return report.failures
  }

  private func prefetch() {
    while pipeline.pending < options.prefetchedBatches, position < items.count {
      let end = min(position + batchSize, items.count)
      let batch = spare.popLast() ?? ImageBatch(folder: folder, size: size)
      batch.prepare(Array(items[position..<end]))
      pipeline.append(batch, count: end - position)
      position = end
    }
  }
}

extension ImageDecoder {
  /// Reads one picture as `[3, size, size]`, normalised, the way `ImageBatches` does.
  ///
  /// - Throws: `ImageError` with the path, as `decode(contentsOf:)`.
  public func square(
    contentsOf path: String, size: Int, fit: SquareFit = .centreCrop,
    filter: ResamplingFilter = .bicubic, normalization: Normalization = .imageNet
  ) throws(ImageError) -> [Float] {
    let workspace = ImageWorkspace()
    let bytes = try ImageFile.read(path, name: path, into: &workspace.file)
    let memory = BatchMemory<Float>(capacity: 3 * size * size)
    try square(
      bytes, name: path, fit: fit, filter: filter, normalization: normalization, size: size,
      to: memory.pointer, workspace: workspace)
    return Array(UnsafeBufferPointer(start: memory.pointer, count: 3 * size * size))
  }

  fileprivate func square(
    _ bytes: UnsafeBufferPointer<UInt8>, name: @autoclosure () -> String, fit: SquareFit,
    filter: ResamplingFilter, normalization: Normalization, size: Int,
    to target: UnsafeMutablePointer<Float>, workspace: ImageWorkspace
  ) throws(ImageError) {
    let header = try header(bytes, name: name())
    let box = fit.box(width: header.width, height: header.height)
    let eighths = Self.scaleInEighths(for: header, crops: [(box, size, size)])
    let scale = Double(eighths) / 8
    let shrinking = max(1, box.width * scale / Double(size), box.height * scale / Double(size))
    let region = try decode(
      bytes, header: header, name: name(), scaleInEighths: eighths, covering: [box],
      margin: filter.support * shrinking + 1, workspace: workspace)
    workspace.resampler.resample(
      region.pixels, sourceWidth: region.width, sourceHeight: region.height, box: region.box(box),
      to: target, width: size, height: size, filter: filter,
      scale: 1 / (255 * normalization.standardDeviation),
      offset: -normalization.mean / normalization.standardDeviation)
  }
}
