import Foundation
import TrainingRuns

/// Which pictures a batch is to hold, each as drawn in some pass over the data; with the seed, item and
/// pass fix every random draw.
public struct BatchRequest: Sendable, Equatable {
  public let items: [SampledItem]

  public init(items: [SampledItem]) { self.items = items }
}

/// A picture that could not be read.
public struct ImageFailure: Sendable, Equatable {
  public let path: String
  public let error: ImageError

  public init(path: String, error: ImageError) {
    self.path = path
    self.error = error
  }
}

/// Memory aligned for vectors, which belongs to a batch and is used again by later ones.
final class BatchMemory<Element: BitwiseCopyable> {
  private(set) var pointer: UnsafeMutablePointer<Element>
  private var capacity: Int

  init(capacity: Int) {
    self.capacity = max(capacity, 1)
    pointer = Self.allocate(self.capacity)
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  func reserve(_ count: Int) {
    guard count > capacity else { return }
    UnsafeMutableRawPointer(pointer).deallocate()
    capacity = count
    pointer = Self.allocate(count)
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
    UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Element>.stride, alignment: 64
    ).bindMemory(to: Element.self, capacity: count)
  }
}

/// Views of a few pictures, made by a `ViewLoader`.
///
/// With B items and n views of a kind, rows are ordered copy by copy: row `copy * B + item`. So the
/// memory reads as `[n, B, 3, size, size]`, or as `[n * B, 3, size, size]`, and each copy is a whole
/// batch. It stays valid until the batch is released or let go.
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
  private let pixels: [BatchMemory<Float>]
  private let parameters: [BatchMemory<Float>]
  private let masks: [BatchMemory<UInt8>]
  let folder: ImageFolder

  // Written by several threads while the batch is made.
  private let lock = NSLock()
  private var shownItems: [Int] = []
  private var failures: [Int: ImageError] = [:]

  init(plan: ViewPlan, folder: ImageFolder) {
    self.plan = plan
    self.folder = folder
    pixels = plan.views.map { _ in BatchMemory(capacity: 0) }
    parameters = plan.views.map { _ in BatchMemory(capacity: 0) }
    masks = plan.views.map { _ in BatchMemory(capacity: 0) }
  }

  /// B, the number of pictures.
  public var count: Int { requestedItems.count }

  /// The views of each kind, in the order of the plan.
  public var views: [Views] {
    plan.views.indices.map { index in
      let specification = plan.views[index]
      let rows = specification.count * count
      return Views(
        specification: specification,
        pixels: UnsafeMutableBufferPointer(
          start: pixels[index].pointer, count: rows * 3 * specification.size * specification.size),
        parameters: UnsafeMutableBufferPointer(
          start: parameters[index].pointer, count: rows * ViewParameters.width),
        masks: UnsafeMutableBufferPointer(
          start: masks[index].pointer, count: rows * specification.cellCount))
    }
  }

  /// The views that the plan calls `name`; nil where it has none.
  public subscript(name: String) -> Views? { views.first { $0.specification.name == name } }

  /// For each picture the place of its label in the folder's `labels`, or -1.
  public var labels: [Int] { items.map(folder.labelIndex(of:)) }

  /// The path of each picture.
  public var paths: [String] { items.map(folder.path(of:)) }

  func prepare(_ request: BatchRequest) {
    requestedItems = request.items
    lock.withLock {
      shownItems = request.items.map(\.index)
      failures.removeAll()
    }
    for (index, view) in plan.views.enumerated() {
      let rows = view.count * request.items.count
      pixels[index].reserve(rows * 3 * view.size * view.size)
      parameters[index].reserve(rows * ViewParameters.width)
      masks[index].reserve(rows * view.cellCount)
    }
  }

  func replace(row: Int, by item: Int) { lock.withLock { shownItems[row] = item } }

  func fail(_ error: ImageError, row: Int) { lock.withLock { failures[row] = error } }

  /// The failure of the first row that has one, whichever thread met its own first.
  var firstFailure: ImageError? {
    lock.withLock { failures.min { $0.key < $1.key }?.value }
  }

  /// Where the views of one picture are to be written.
  func target(item: Int) -> ViewTarget {
    ViewTarget(
      pixels: pixels.map(\.pointer), parameters: parameters.map(\.pointer),
      masks: masks.map(\.pointer), row: item, rowsPerCopy: count)
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
