import Files

/// One item as a sampler drew it: random choices about it depend on both numbers, so that it looks
/// different in each epoch.
public struct SampledItem: Hashable, Sendable {
  /// Place in the list of items, `0 ..< itemCount`.
  public let index: Int
  /// The epoch in which it was drawn, from 0.
  public let epoch: Int

  public init(index: Int, epoch: Int) {
    self.index = index
    self.epoch = epoch
  }
}

/// Draws batches of items in a new random order each epoch.
///
/// The orders of all epochs follow each other as one stream. A batch that reaches the end of an
/// epoch goes on into the next: every batch is full, every item is drawn exactly once an epoch, none
/// is dropped, and a folder with fewer items than a batch works (a batch may then hold an item
/// twice, as one that spans two epochs may).
///
/// Several processes share the stream: of the `batchSize` items of a step, rank r takes every
/// `worldSize`-th from r on, so that together they draw what one process would. Memory: one order of
/// `Int32`.
public struct EpochSampler: Sendable {
  /// Where the stream stands: the same for all ranks, and for all batch sizes.
  public struct State: Codable, Equatable, Sendable {
    /// What the orders are made from.
    public let seed: UInt64
    /// How many items there are.
    public let itemCount: Int
    /// The current epoch, from 0.
    public fileprivate(set) var epoch: Int
    /// How many of the epoch's items were drawn, `0 ..< itemCount`.
    public fileprivate(set) var position: Int

    /// The start of the stream.
    ///
    /// - Precondition: `itemCount` is in `1 ... Int32.max`.
    public init(seed: UInt64, itemCount: Int) {
      precondition(
        (1...Int(Int32.max)).contains(itemCount),
        "a sampler draws from 1 to \(Int32.max) items, not \(itemCount)")
      self.seed = seed
      self.itemCount = itemCount
      epoch = 0
      position = 0
    }

    /// Epochs drawn, with fraction.
    public var epochs: Double { Double(epoch) + Double(position) / Double(itemCount) }
  }

  /// The items of one step of one rank.
  public struct Batch: Equatable, Sendable {
    /// `batchSize` items, or one rank's part of them.
    public let items: [SampledItem]
    /// The stream after this step: what a checkpoint made after this batch was learned from saves,
    /// however far a loader has drawn ahead.
    public let stateAfter: State
  }

  /// Where the stream stands.
  public private(set) var state: State
  /// Items of a batch of all ranks together.
  public let batchSize: Int
  /// Which process this is, `0 ..< worldSize`.
  public let rank: Int
  /// How many processes train together.
  public let worldSize: Int
  private var order: [Int32]

  /// Draws from the start of the stream that `seed` makes.
  ///
  /// - Precondition: `itemCount` in `1 ... Int32.max`, `batchSize` at least 1, `rank` in `0 ..<
  ///   worldSize`.
  public init(
    itemCount: Int, batchSize: Int, seed: UInt64, rank: Int = 0, worldSize: Int = 1
  ) {
    self.init(
      at: State(seed: seed, itemCount: itemCount), batchSize: batchSize, rank: rank,
      worldSize: worldSize)
  }

  /// Goes on from `state`.
  ///
  /// - Parameters:
  ///   - state: of the sampler that is gone on from.
  ///   - itemCount: how many items there are now.
  ///   - batchSize: items of a batch of all processes.
  ///   - rank: which of the processes this is, from 0.
  ///   - worldSize: how many processes there are.
  /// - Throws: `RunError.samplerChanged` where that is not what `state` was made with.
  public init(
    resuming state: State, itemCount: Int, batchSize: Int, rank: Int = 0, worldSize: Int = 1
  ) throws {
    guard state.itemCount == itemCount else {
      throw RunError.samplerChanged(
        what: "the number of items", expected: "\(state.itemCount)", found: "\(itemCount)")
    }
    guard state.itemCount >= 1, (0..<state.itemCount).contains(state.position), state.epoch >= 0
    else {
      throw RunError.samplerChanged(
        what: "the position", expected: "within \(state.itemCount) items",
        found: "\(state.position) of epoch \(state.epoch)")
    }
    self.init(at: state, batchSize: batchSize, rank: rank, worldSize: worldSize)
  }

  private init(at state: State, batchSize: Int, rank: Int, worldSize: Int) {
    precondition(batchSize >= 1, "a batch holds at least 1 item, not \(batchSize)")
    precondition(
      worldSize >= 1 && (0..<worldSize).contains(rank), "rank \(rank) of \(worldSize) processes")
    self.state = state
    self.batchSize = batchSize
    self.rank = rank
    self.worldSize = worldSize
    order = Self.order(state)
  }

  /// The next batch of this rank.
  public mutating func nextBatch() -> Batch {
    var items: [SampledItem] = []
    items.reserveCapacity(batchSize / worldSize + 1)
    for offset in 0..<batchSize {
      if offset % worldSize == rank {
        items.append(SampledItem(index: Int(order[state.position]), epoch: state.epoch))
      }
      state.position += 1
      if state.position == state.itemCount {
        state.epoch += 1
        state.position = 0
        order = Self.order(state)
      }
    }
    return Batch(items: items, stateAfter: state)
  }

  private static func order(_ state: State) -> [Int32] {
    var order = Array(0..<Int32(state.itemCount))
    var generator = SeededGenerator(seed: state.seed, UInt64(state.epoch))
    generator.shuffle(&order)
    return order
  }
}
