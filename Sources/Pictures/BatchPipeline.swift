import Foundation

/// Threads that fill batches, item by item and in the order in which the batches were asked for.
///
/// Every item of a batch is a task of its own, so that one large picture holds up one thread and
/// not a batch. All state is behind one lock; the work is done outside it. The threads run at a
/// lower priority than the caller's, so that on a full machine the training step comes first.
package final class BatchPipeline<Batch: AnyObject & Sendable>: Sendable {
  /// Fills row `item` of a batch. It must not depend on which thread calls it, or when.
  package typealias Fill =
    @Sendable (_ batch: Batch, _ item: Int, _ workspace: ImageWorkspace) -> Void

  private final class Job {
    let batch: Batch
    let count: Int
    var started = 0
    var finished = 0

    init(batch: Batch, count: Int) {
      self.batch = batch
      self.count = count
    }
  }

  /// Shared by the threads, which keep it alive until they end.
  private final class State: @unchecked Sendable {
    let condition = NSCondition()
    let fill: Fill
    var jobs: [Job] = []
    var isStopped = false
    var running = 0

    init(fill: @escaping Fill) { self.fill = fill }

    func work() {
      #if os(Linux)
        // Zero means this thread, on Linux; the priority of the others stays.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
      #else
        Thread.current.qualityOfService = .utility
      #endif
      let workspace = ImageWorkspace()
      condition.lock()
      while !isStopped {
        guard let job = jobs.first(where: { $0.started < $0.count }) else {
          condition.wait()
          continue
        }
        let item = job.started
        job.started += 1
        condition.unlock()
        fill(job.batch, item, workspace)
        workspace.forgetHugePictures()
        condition.lock()
        job.finished += 1
        if job.finished == job.count { condition.broadcast() }
      }
      running -= 1
      condition.broadcast()
      condition.unlock()
    }
  }

  private let state: State

  /// Starts `workers` threads, or as many of them as there is room for.
  ///
  /// - Throws: `ImageError.noRoomForThreads` where there is none for a single one.
  package init(workers: Int, fill: @escaping Fill) throws(ImageError) {
    state = State(fill: fill)
    state.running = workers
    let started = (0..<workers).prefix { _ in Self.startThread { [state] in state.work() } }.count
    state.condition.withLock { state.running -= workers - started }
    guard started > 0 else { throw .noRoomForThreads }
  }

  /// Foundation's threads do not tell where they could not be started.
  private static func startThread(_ body: @escaping () -> Void) -> Bool {
    let body = Unmanaged.passRetained(ThreadBody(body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    #if canImport(Darwin)
      var identifier: pthread_t?
    #else
      var identifier = pthread_t()
    #endif
    let status = pthread_create(
      &identifier, &attributes,
      { body in
        #if canImport(Darwin)
          let body = Optional(body)
        #endif
        Unmanaged<ThreadBody>.fromOpaque(body!).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
    if status != 0 { body.release() }
    return status == 0
  }

  deinit { stop() }

  /// Asks for one more batch of `count` items.
  package func append(_ batch: Batch, count: Int) {
    state.condition.withLock {
      state.jobs.append(Job(batch: batch, count: count))
      state.condition.broadcast()
    }
  }

  /// How many batches have been asked for and not been taken.
  package var pending: Int { state.condition.withLock { state.jobs.count } }

  /// Waits for the oldest batch and takes it out; nil where none is on the way.
  package func take() -> Batch? {
    state.condition.withLock {
      guard let job = state.jobs.first else { return nil }
      while job.finished < job.count { state.condition.wait() }
      state.jobs.removeFirst()
      return job.batch
    }
  }

  /// Ends the threads after the items they are at, and waits for that.
  package func stop() {
    state.condition.withLock {
      state.isStopped = true
      state.condition.broadcast()
      while state.running > 0 { state.condition.wait() }
      state.jobs.removeAll()
    }
  }
}

/// What a thread does.
private final class ThreadBody {
  let run: () -> Void

  init(_ run: @escaping () -> Void) { self.run = run }
}
