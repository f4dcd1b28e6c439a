import CTorch

/// Where processes find each other, and numbers that all of them see: kept by one process, at a port.
public final class ProcessStore: @unchecked Sendable {
  // Unchecked: libtorch's store locks itself.
  let handle: OpaquePointer
  /// Whether this process keeps it; without it the others' calls fail.
  public let isKeptHere: Bool
  /// The port at which it is.
  public let port: Int

  /// Opens a store on this machine, which other machines do not reach.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - timeout: seconds that a call waits.
  /// - Throws: `ProcessGroupError.portInUse`.
  public static func keep(port: Int = 0, timeout: Double) throws(ProcessGroupError) -> ProcessStore
  {
    try ProcessStore("127.0.0.1", port: port, isKeptHere: true, attempt: "0", timeout: timeout)
  }

  /// Connects with the store of a place, or keeps it there where this is rank 0 and the launcher does not.
  ///
  /// - Throws: `ProcessGroupError.portInUse`, `.unreachable`.
  convenience init(of place: ProcessPlace, timeout: Double) throws(ProcessGroupError) {
    try self.init(
      place.address, port: place.port, isKeptHere: place.rank == 0 && !place.launcherKeepsStore,
      attempt: place.attempt, timeout: timeout)
  }

  private init(
    _ address: String, port: Int, isKeptHere: Bool, attempt: String, timeout: Double
  ) throws(ProcessGroupError) {
    var made: OpaquePointer?
    let status = ct_store_create(
      address, Int32(port), isKeptHere, ProcessPlace.isThisMachine(address), "jepa/\(attempt)",
      Int64(timeout * 1000), &made)
    guard status == CT_OK, let made else {
      if isKeptHere, lastErrorMessage().contains("EADDRINUSE") { throw .portInUse(port: port) }
      throw .unreachable(address: address, port: port, seconds: timeout)
    }
    handle = made
    self.isKeptHere = isKeptHere
    var found = Int32(port)
    self.port = ct_store_port(made, &found) == CT_OK ? Int(found) : port
  }

  deinit { ct_store_free(handle) }

  /// Adds to the number under a key, which is 0 at first.
  ///
  /// - Returns: the sum; nil where whoever keeps the store is gone.
  func add(_ amount: Int, to key: String) -> Int? {
    var sum = Int64(0)
    return ct_store_add(handle, key, Int64(amount), &sum) == CT_OK ? Int(sum) : nil
  }
}
