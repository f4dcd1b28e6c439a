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
  /// The pictures that could be read, in order.
  public fileprivate(set) var entries: [ImageEntry] = []
  /// The place of each among all pictures of the sequence, from 0: for a folder, its index.
  public fileprivate(set) var items: [Int] = []

  /// The side of the square pictures.
  public let size: Int
  /// The place of each picture among those that were asked for, from 0.
  package fileprivate(set) var places: [Int] = []
  fileprivate var requested: [ImageEntry] = []
  fileprivate var requestedItems: [Int] = []
  fileprivate let memory = BatchMemory<Float>()
  fileprivate let lock = NSLock()
  fileprivate var failures: [Int: ImageError] = [:]

  fileprivate init(size: Int) { self.size = size }

  /// B, the number of pictures.
  public var count: Int { entries.count }

  /// `[B, 3, size, size]`, normalised; valid until the batch is released or let go.
  public var pixels: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: memory.pointer, count: count * 3 * size * size)
  }

  /// The path of each picture.
  public var paths: [String] { entries.map(\.path) }

  fileprivate func prepare(_ entries: [ImageEntry], items: [Int]) throws(ImageError) {
    (requested, self.entries) = (entries, entries)
    (requestedItems, self.items) = (items, items)
    places = Array(items.indices)
    try memory.reserve(entries.count * 3 * size * size)
    lock.withLock { failures.removeAll() }
  }

  /// Closes the gaps that unreadable pictures left.
  fileprivate func compact() {
    guard !failures.isEmpty else { return }
    let row = 3 * size * size
    let kept = requested.indices.filter { failures[$0] == nil }
    for (place, index) in kept.enumerated() where place != index {
      (memory.pointer + place * row).update(from: memory.pointer + index * row, count: row)
    }
    places = kept
    entries = kept.map { requested[$0] }
    items = kept.map { requestedItems[$0] }
  }

  /// Lets go of decoded pictures before the batch is used again.
  fileprivate func clear() {
    requested.removeAll()
    entries.removeAll()
  }
}

/// Reads pictures in order, for embedding and evaluation: no corruption, nothing random, each once.
///
/// Pictures are asked for a few batches ahead, so that a million of them are never held at a time. One that
/// cannot be read is left out of its batch and named in `failures`; with `isStrict` it is an error. For
/// one thread.
public final class ImageBatches {
  public let size: Int
  /// Up to where pictures have been handed out or left out, from the sequence's beginning.
  public private(set) var position: ImagePosition

  /// The pictures that could not be read, in their order, but for those that were taken.
  public private(set) var failures: [ImageFailure] = []
  /// How many pictures could not be read so far.
  public private(set) var failureCount = 0

  private let pipeline: BatchPipeline<ImageBatch>
  private let options: LoaderOptions
  private let batchSize: Int
  private let nextEntry: () -> (item: Int, entry: ImageEntry)?
  private var spare: [ImageBatch] = []

  /// Starts reading a folder.
  ///
  /// - Parameters:
  ///   - folder: the pictures.
  ///   - size: the side of the square pictures.
  ///   - batchSize: pictures in a batch; the last one may have fewer.
  ///   - fit: how a picture becomes a square.
  ///   - filter: how pixels are resampled.
  ///   - normalization: what is done to the numbers of each channel.
  ///   - decoder: what reads files, and how much it takes.
  ///   - items: which pictures, in which order; all of the folder where nil.
  ///   - options: how the loader works.
  /// - Throws: `ImageError.invalidSetting`.
  public convenience init(
    _ folder: ImageFolder, size: Int, batchSize: Int, fit: SquareFit = .centreCrop,
    filter: ResamplingFilter = .bicubic, normalization: Normalization = .imageNet,
    decoder: ImageDecoder = ImageDecoder(), items: [Int]? = nil,
    options: LoaderOptions = LoaderOptions()
  ) throws(ImageError) {
    var rest = (items ?? Array(0..<folder.count)).makeIterator()
    try self.init(
      size: size, batchSize: batchSize, fit: fit, filter: filter, normalization: normalization,
      decoder: decoder, position: ImagePosition(), options: options
    ) { rest.next().map { ($0, folder.entry(of: $0)) } }
  }

  /// Starts reading a sequence of pictures, which is gone through once, as they are needed.
  ///
  /// - Parameters:
  ///   - entries: the pictures, in order.
  ///   - position: where the sequence begins, for one that was begun before.
  ///   - size: the side of the square pictures.
  ///   - batchSize: pictures in a batch; the last one may have fewer.
  ///   - fit: how a picture becomes a square.
  ///   - filter: how pixels are resampled.
  ///   - normalization: what is done to the numbers of each channel.
  ///   - decoder: what reads files, and how much it takes.
  ///   - options: how the loader works.
  /// - Throws: `ImageError.invalidSetting`.
  public convenience init(
    _ entries: some Sequence<ImageEntry>, from position: ImagePosition = ImagePosition(),
    size: Int, batchSize: Int, fit: SquareFit = .centreCrop, filter: ResamplingFilter = .bicubic,
    normalization: Normalization = .imageNet, decoder: ImageDecoder = ImageDecoder(),
    options: LoaderOptions = LoaderOptions()
  ) throws(ImageError) {
    var rest = entries.makeIterator()
    var item = position.count - 1
    try self.init(
      size: size, batchSize: batchSize, fit: fit, filter: filter, normalization: normalization,
      decoder: decoder, position: position, options: options
    ) {
      guard let entry = rest.next() else { return nil }
      item += 1
      return (item, entry)
    }
  }

  private init(
    size: Int, batchSize: Int, fit: SquareFit, filter: ResamplingFilter,
    normalization: Normalization, decoder: ImageDecoder, position: ImagePosition,
    options: LoaderOptions, nextEntry: @escaping () -> (item: Int, entry: ImageEntry)?
  ) throws(ImageError) {
    try options.validate()
    try normalization.validate()
    for (name, value) in [("size", size), ("batchSize", batchSize)] where value < 1 {
      throw .invalidSetting(name: name, expected: "at least 1", found: "\(value)")
    }
    self.size = size
    self.batchSize = batchSize
    self.options = options
    self.position = position
    self.nextEntry = nextEntry
    pipeline = try BatchPipeline(workers: options.workers) { batch, row, workspace in
      do throws(ImageError) {
        try decoder.square(
          batch.requested[row], fit: fit, filter: filter, normalization: normalization,
          size: size, to: batch.memory.pointer + row * 3 * size * size, workspace: workspace)
      } catch {
        batch.lock.withLock { batch.failures[row] = error }
      }
    }
    try prefetch()
  }

  /// The next batch, of `batchSize` pictures less those that cannot be read; nil at the end.
  ///
  /// - Throws: with `isStrict`, the `ImageError` of the first unreadable picture of the batch;
  ///   `ImageError.noRoomForBatch`.
  public func next() throws(ImageError) -> ImageBatch? {
    while let batch = try nextRequested() {
      if batch.count > 0 { return batch }
      release(batch)
    }
    return nil
  }

  /// As `next`, but a batch of which no picture can be read is one, too, of none.
  package func nextRequested() throws(ImageError) -> ImageBatch? {
    guard let batch = pipeline.take() else { return nil }
    try prefetch()
    for (row, error) in batch.failures.sorted(by: { $0.key < $1.key }) {
      if options.isStrict { throw error }
      failures.append(ImageFailure(path: batch.requested[row].path, error: error))
    }
    failureCount += batch.failures.count
    for entry in batch.requested { position.pass(entry) }
    batch.compact()
    return batch
  }

  /// Gives the memory of a batch back for a later one.
  public func release(_ batch: ImageBatch) {
    batch.clear()
    guard spare.count <= options.prefetchedBatches else { return }
    spare.append(batch)
  }

  /// The failures since they were last taken, which are held no longer.
  public func takeFailures() -> [ImageFailure] {
    defer { failures = [] }
    return failures
  }

  private func prefetch() throws(ImageError) {
    while pipeline.pending < options.prefetchedBatches {
      var (items, entries): ([Int], [ImageEntry]) = ([], [])
      while entries.count < batchSize, let (item, entry) = nextEntry() {
        items.append(item)
        entries.append(entry)
      }
      guard !entries.isEmpty else { return }
      let batch = spare.popLast() ?? ImageBatch(size: size)
      try batch.prepare(entries, items: items)
      pipeline.append(batch, count: entries.count)
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
    let memory = BatchMemory<Float>()
    try memory.reserve(3 * size * size)
    try square(
      bytes, name: path, fit: fit, filter: filter, normalization: normalization, size: size,
      to: memory.pointer, workspace: workspace)
    return Array(UnsafeBufferPointer(start: memory.pointer, count: 3 * size * size))
  }

  /// Reads one picture into `[3, size, size]` at `target`.
  fileprivate func square(
    _ entry: ImageEntry, fit: SquareFit, filter: ResamplingFilter, normalization: Normalization,
    size: Int, to target: UnsafeMutablePointer<Float>, workspace: ImageWorkspace
  ) throws(ImageError) {
    switch entry.content {
    case .file(let path):
      let bytes = try path.withUnsafeBufferPointer { path throws(ImageError) in
        try ImageFile.read(path.baseAddress!, name: entry.path, into: &workspace.file)
      }
      try square(
        bytes, name: entry.path, fit: fit, filter: filter, normalization: normalization,
        size: size, to: target, workspace: workspace)
    case .decoded(let image):
      workspace.resampler.resample(
        image.pixels, sourceWidth: image.width, sourceHeight: image.height,
        box: fit.box(width: image.width, height: image.height), to: target, width: size,
        height: size, filter: filter, scale: normalization.scaleOfBytes,
        offset: normalization.offset)
    case .unreadable(let error): throw error
    }
  }

  private func square(
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
      to: target, width: size, height: size, filter: filter, scale: normalization.scaleOfBytes,
      offset: normalization.offset)
  }
}
