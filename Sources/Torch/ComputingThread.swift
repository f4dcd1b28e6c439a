import Dispatch

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The thread of a `Computation`: does one piece of work after the other, until one of them fails.
final class ComputingThread: @unchecked Sendable {
  // Unchecked: of the two threads that use it, one always waits for the other.
  private let isGiven = DispatchSemaphore(value: 0)
  private let isDone = DispatchSemaphore(value: 0)
  private var work: (() -> Void)?
  private var failure: ComputationError?
  /// Freed when memory runs out, so that there is some to say so.
  private var reserve: UnsafeMutableRawPointer?

  /// As much as the first thread of a process has.
  private static let stackSize = 8 << 20
  private static let reserveSize = 4 << 20

  /// Finds the object in its thread.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let status = pthread_key_create(&key, nil)
    precondition(
      status == 0, "no key for the data of threads: \(String(cString: strerror(status)))")
    return key
  }()

  /// That of the calling thread; nil where it is no thread of a computation.
  static var current: ComputingThread? {
    pthread_getspecific(key).map {
      Unmanaged<ComputingThread>.fromOpaque($0).takeUnretainedValue()
    }
  }

  /// - Throws: `ComputationError.outOfMemory` where the system has no room for another thread.
  static func start() throws(ComputationError) -> ComputingThread {
    let thread = ComputingThread()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // The thread owns itself until it ends, and for ever where its work fails.
    let itself = Unmanaged.passRetained(thread)
    #if canImport(Darwin)
      var identifier: pthread_t?
    #else
      var identifier = pthread_t()
    #endif
    let status = pthread_create(
      &identifier, &attributes,
      { itself in
        #if canImport(Darwin)
          let itself = Optional(itself)
        #endif
        let thread = Unmanaged<ComputingThread>.fromOpaque(itself!).takeRetainedValue()
        pthread_setspecific(ComputingThread.key, itself)
        while thread.performNext() {}
        return nil
      }, itself.toOpaque())
    guard status == 0 else {
      itself.release()
      throw .outOfMemory(operation: "a thread", device: "cpu", wanted: nil)
    }
    return thread
  }

  /// Has `work` done, and waits for it.
  func perform(_ work: @escaping () -> Void) throws(ComputationError) {
    self.work = work
    reserve = reserve ?? malloc(Self.reserveSize)
    isGiven.signal()
    isDone.wait()
    if let failure { throw failure }
  }

  /// Lets the thread end.
  func end() {
    free(reserve)
    isGiven.signal()
  }

  /// - Returns: whether there was anything to do.
  private func performNext() -> Bool {
    isGiven.wait()
    guard performWork() else { return false }
    isDone.signal()
    return true
  }

  /// Whoever waits goes on when nothing of the work is left, hence a function of its own.
  @inline(never)
  private func performWork() -> Bool {
    guard let work else { return false }
    self.work = nil
    work()
    return true
  }

  // MARK: On the thread itself

  /// Gives memory back that was kept for this moment.
  func freeReserve() {
    free(reserve)
    reserve = nil
  }

  /// Has `perform` throw `failure`, and never comes back.
  func fail(_ failure: ComputationError) -> Never {
    self.failure = failure
    isDone.signal()
    while true { pause() }
  }
}
