import Foundation
import Pictures
import TrainingRuns

/// Which pictures a batch is to hold, each as drawn in some pass over the data; with the seed, item and
/// pass fix every random draw.
public struct BatchRequest: Sendable, Equatable {
  public let items: [SampledItem]

  public init(items: [SampledItem]) { self.items = items }
}

/// Where the views of one kind lie in a batch's memory, in bytes.
struct ViewRegions {
  let pixels: Range<Int>
  let parameters: Range<Int>
  let masks: Range<Int>

  /// The regions of each kind of a plan for B pictures, one after the other, and how long they are together.
  static func of(_ plan: ViewPlan, items: Int) -> (regions: [ViewRegions], byteCount: Int) {
    var end = 0
    func next(_ byteCount: Int) -> Range<Int> {
      // Each begins where vectors and cache lines do.
      let start = (end + 63) / 64 * 64
      end = start + byteCount
      return start..<end
    }
    let float = MemoryLayout<Float>.stride
    let regions = plan.views.map { view in
      let rows = view.count * items
      return ViewRegions(
        pixels: next(rows * 3 * view.size * view.size * float),
        parameters: next(rows * ViewParameters.width * float), masks: next(rows * view.cellCount))
    }
    return (regions, end)
  }
}

/// Views of a few pictures, made by a `ViewLoader`.
///
/// With B items and n views of a kind, rows are ordered copy by copy: row `copy * B + item`. So the
/// memory reads as `[n, B, 3, size, size]`, or as `[n * B, 3, size, size]`, and each copy is a whole
/// batch. It stays valid until the batch is released or let go. All of it is one piece of memory, so that a
/// device gets it in one copy.
public final class ViewBatch: @unchecked Sendable {
  /// The views of one kind.
  public struct Views {
    public let specification: ViewSpecification
    /// `[n * B, 3, size, size]`, normalised.
    public let pixels: UnsafeMutableBufferPointer<Float>
    /// `[n * B, ViewParameters.width]`
    public let parameters: UnsafeMutableBufferPointer<Float>
    /// `[n * B, cells]`, 1 kept and 0 hidden, rows of cells first; empty without a `CellMask`.
    public let masks: UnsafeMutableBufferPointer<UInt8>
  }

  /// The items that were asked for.
  public private(set) var requestedItems: [SampledItem] = []
  /// The items that the rows show: a picture that cannot be read is replaced by another.
  public var items: [Int] { lock.withLock { shownItems } }

  private let plan: ViewPlan
  private let memory: BatchMemory<UInt8>
  private var regions: [ViewRegions] = []
  private var byteCount = 0
  let folder: ImageFolder
  /// Called before the memory is written to again: waits for a device that still reads it.
  var waitUntilRead: (() -> Void)?

  // Written by several threads while the batch is made.
  private let lock = NSLock()
  private var shownItems: [Int] = []
  private var failures: [Int: ImageError] = [:]

  init(plan: ViewPlan, folder: ImageFolder, allocator: BatchAllocator? = nil) {
    self.plan = plan
    self.folder = folder
    memory = BatchMemory(allocator: allocator)
  }

  /// B, the number of pictures.
  public var count: Int { requestedItems.count }

  /// The views of each kind, in the order of the plan.
  public var views: [Views] {
    zip(plan.views, regions).map { specification, regions in
      Views(
        specification: specification, pixels: elements(regions.pixels),
        parameters: elements(regions.parameters), masks: elements(regions.masks))
    }
  }

  /// The whole batch as it lies in memory.
  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: memory.pointer, count: byteCount)
  }

  /// The kind of views that the plan calls `name`, and where in `bytes` they are; nil where it has none.
  func region(of name: String) -> (specification: ViewSpecification, regions: ViewRegions)? {
    plan.views.firstIndex { $0.name == name }.map { (plan.views[$0], regions[$0]) }
  }

  private func elements<Element: BitwiseCopyable>(
    _ region: Range<Int>
  ) -> UnsafeMutableBufferPointer<Element> {
    let count = region.count / MemoryLayout<Element>.stride
    let start = UnsafeMutableRawPointer(memory.pointer + region.lowerBound)
    return UnsafeMutableBufferPointer(
      start: start.bindMemory(to: Element.self, capacity: count), count: count)
  }

  /// The views that the plan calls `name`; nil where it has none.
  public subscript(name: String) -> Views? { views.first { $0.specification.name == name } }

  /// For each picture the place of its label in the folder's `labels`, or -1.
  public var labels: [Int] { items.map(folder.labelIndex(of:)) }

  /// The path of each picture.
  public var paths: [String] { items.map(folder.path(of:)) }

  func prepare(_ request: BatchRequest) throws(ImageError) {
    requestedItems = request.items
    lock.withLock {
      shownItems = request.items.map(\.index)
      failures.removeAll()
    }
    waitUntilRead?()
    waitUntilRead = nil
    (regions, byteCount) = ViewRegions.of(plan, items: request.items.count)
    try memory.reserve(byteCount)
  }

  func replace(row: Int, by item: Int) { lock.withLock { shownItems[row] = item } }

  func fail(_ error: ImageError, row: Int) { lock.withLock { failures[row] = error } }

  /// The failure of the first row that has one, whichever thread met its own first.
  var firstFailure: ImageError? {
    lock.withLock { failures.min { $0.key < $1.key }?.value }
  }

  /// Where the views of one picture are to be written.
  func target(item: Int) -> ViewTarget {
    let views = views
    return ViewTarget(
      pixels: views.map { $0.pixels.baseAddress! },
      parameters: views.map { $0.parameters.baseAddress! },
      masks: views.map { $0.masks.baseAddress! }, row: item, rowsPerCopy: count)
  }
}

/// Memory for the views of one picture: copy `c` of kind `k` is row `row + c * rowsPerCopy` of
/// the memory of kind `k`.
struct ViewTarget {
  let pixels: [UnsafeMutablePointer<Float>]
  let parameters: [UnsafeMutablePointer<Float>]
  let masks: [UnsafeMutablePointer<UInt8>]
  let row: Int
  let rowsPerCopy: Int
}
