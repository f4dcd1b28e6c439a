import CTorch

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Processes that compute one thing together, and this one's place among them.
///
/// Every process must call the same functions in the same order. One that is gone, or does not come within the timeout,
/// ends the innermost `Computation` of the others with `ComputationError.peersFailed`.
public final class ProcessGroup: @unchecked Sendable {
  // Unchecked: each process uses its group on one thread at a time.
  let handle: OpaquePointer
  public let place: ProcessPlace
  /// Seconds that one process waits for another.
  public let timeout: Double
  private let store: ProcessStore

  /// How long others are waited for where no timeout is given, in seconds.
  public static let usualTimeout = 300.0

  /// Connects with the other processes, and waits for them.
  ///
  /// - Parameters:
  ///   - place: this process's.
  ///   - store: where they meet, if it is open already.
  ///   - timeout: seconds that one process waits for another, here and later.
  /// - Throws: `ProcessGroupError.portInUse`, `.unreachable`, `.incomplete`.
  public init(
    joining place: ProcessPlace, store: ProcessStore? = nil, timeout: Double = usualTimeout
  ) throws(ProcessGroupError) {
    precondition((0..<place.worldSize).contains(place.rank), "rank \(place.rank)")
    let store = if let store { store } else { try ProcessStore(of: place, timeout: timeout) }
    let host = ProcessPlace.isThisMachine(place.address) ? "127.0.0.1" : nil
    var made: OpaquePointer?
    let status = ct_group_create(
      store.handle, Int32(place.rank), Int32(place.worldSize), host, Int64(timeout * 1000), &made)
    guard status == CT_OK, let made else {
      throw .incomplete(rank: place.rank, worldSize: place.worldSize, seconds: timeout)
    }
    handle = made
    self.place = place
    self.store = store
    self.timeout = timeout
  }

  deinit { ct_group_free(handle) }

  /// Which process this is, `0 ..< worldSize`.
  public var rank: Int { place.rank }
  /// How many there are.
  public var worldSize: Int { place.worldSize }
  /// Whether this is the process that writes and reports.
  public var isFirst: Bool { rank == 0 }

  // MARK: Collectives

  /// Replaces each tensor by its sum over all processes.
  package func sum(_ tensors: [Tensor]) {
    let status = tensors.withHandles { ct_group_sum_(handle, $0, $1) }
    if status != CT_OK { Tensor.fail("sum over processes", tensors, status) }
  }

  /// Replaces each tensor by that of the process `root`.
  package func broadcast(_ tensors: [Tensor], from root: Int = 0) {
    let status = tensors.withHandles { ct_group_broadcast_(handle, $0, $1, Int32(root)) }
    if status != CT_OK { Tensor.fail("broadcast to processes", tensors, status) }
  }

  /// Gives a tensor to one other process, which calls `receive`.
  package func send(_ tensor: Tensor, to rank: Int) {
    Tensor.perform("sending to a process") { ct_group_send(handle, tensor.handle, Int32(rank)) }
  }

  /// What another process sends, of a shape and type that both know, on the CPU.
  package func receive(_ shape: [Int], _ dtype: DType, from rank: Int) -> Tensor {
    let tensor = Tensor.zeros(shape, dtype: dtype)
    Tensor.perform("receiving from a process") {
      ct_group_receive_(handle, tensor.handle, Int32(rank))
    }
    return tensor
  }

  /// Waits until all processes are here.
  public func waitForAll() {
    Tensor.perform("waiting for processes") { ct_group_barrier(handle) }
  }

  /// What each process gives, by rank.
  public func texts(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    let lengths: [Int64] = Tensor([Int64(bytes.count)]).gathered(over: self).flattened().array()
    let longest = Int(lengths.max() ?? 0)
    guard longest > 0 else { return lengths.map { _ in "" } }
    let padded = bytes + [UInt8](repeating: 0, count: longest - bytes.count)
    let all: [UInt8] = Tensor(padded).gathered(over: self).flattened().array()
    return lengths.enumerated().map { rank, length in
      String(decoding: all[rank * longest..<rank * longest + Int(length)], as: UTF8.self)
    }
  }

  /// Checks that all processes have the same.
  ///
  /// - Throws: `ProcessGroupError.different`, in all of them.
  public func requireSame(_ what: String, _ value: String) throws {
    let values = texts(value)
    if Set(values).count > 1 { throw ProcessGroupError.different(what: what, values: values) }
  }

  /// Checks that all processes run the same program with the same settings, on a device that they can compute together on.
  ///
  /// - Parameters:
  ///   - version: the program's.
  ///   - device: this process's.
  ///   - lines: the settings, one each; in all processes in the same order.
  /// - Throws: `ProcessGroupError.different`, `.unsupportedDevice`, in all of them.
  public func requireSame(version: String, device: Device, settings lines: [String]) throws {
    try requireSame("version of jepa", version)
    try requireSame("version of libtorch", Session.torchVersion)
    guard device == .cpu else { throw ProcessGroupError.unsupportedDevice("\(device)") }
    let all = texts(lines.joined(separator: "\n")).map { $0.split(separator: "\n") }
    for line in 0..<(all.map(\.count).max() ?? 0) {
      let values = all.map { $0.indices.contains(line) ? String($0[line]).trimmed : "" }
      guard Set(values).count == 1 else {
        throw ProcessGroupError.different(what: "settings", values: values)
      }
    }
  }

  // MARK: Ending

  /// Closes the connections because this process failed, so that the others do not wait for it, and decides who tells.
  ///
  /// Several processes fail of one reason: the first says what it was. Nobody can be asked where rank 0 kept the store and
  /// was killed; then rank 1 tells.
  ///
  /// - Parameters:
  ///   - hasReason: whether this process knows what went wrong.
  ///   - tell: called where this process is to say why, before it leaves: launchers end the others of
  ///     one that has died at once.
  /// - Returns: whether this process is to say why.
  @discardableResult
  public func leaveFailing(withReason hasReason: Bool, telling tell: () -> Void = {}) -> Bool {
    let claims = hasReason ? store.add(1, to: "told") : 0
    let isTelling = claims.map { $0 == 1 } ?? (rank == 1)
    if isTelling { tell() }
    _ = ct_group_leave(handle)
    let left = store.add(1, to: "left")
    if store.isKeptHere, var left {
      // The others ask, too, before it goes with this process.
      let end = ContinuousClock.now + .seconds(2)
      while left < worldSize, ContinuousClock.now < end {
        usleep(10_000)
        left = store.add(0, to: "left") ?? worldSize
      }
    }
    return isTelling
  }
}

extension String {
  /// Without the spaces around it.
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

extension Tensor {
  /// The sum over all processes, of the same shape in each, through which gradients flow to all of them.
  ///
  /// Each process has a loss of its own; what is differentiated is the sum of all of these.
  public func summed(over group: ProcessGroup) -> Tensor {
    Tensor.make("sum over processes", self) { ct_group_summed(handle, group.handle, $0) }
  }

  /// `[W, …]`: the tensors of all processes, of the same shape in each. Gradients flow to all of them.
  public func gathered(over group: ProcessGroup) -> Tensor {
    Tensor.make("gathering from processes", self) { ct_group_gathered(handle, group.handle, $0) }
  }

  /// Batch norm by the mean and the variance of all processes' items, `[B, C]` or `[B, C, H, W]`, and both, `[C]`; the variance
  /// is that with n - 1.
  func batchNormalized(
    weight: Tensor, bias: Tensor, epsilon: Double, over group: ProcessGroup
  ) -> (normalized: Tensor, mean: Tensor, variance: Tensor) {
    var mean: OpaquePointer?
    var variance: OpaquePointer?
    let normalized = Tensor.make("batchNormalized over processes", self, weight, bias) { out in
      ct_group_batch_norm(
        handle, weight.handle, bias.handle, epsilon, group.handle, out, &mean, &variance)
    }
    guard let mean, let variance else { preconditionFailure("batch norm without moments") }
    return (normalized, Tensor(owning: mean), Tensor(owning: variance))
  }
}
