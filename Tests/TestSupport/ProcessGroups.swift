import Foundation
import Torch

/// Runs `body` as so many processes would, each on a thread of its own: c10d's groups do not mind that they share one.
///
/// - Parameter timeout: seconds that one waits for another.
/// - Returns: what each returned, by rank.
public func asProcesses<Result>(
  _ count: Int, timeout: Double = 60, _ body: @escaping (ProcessGroup) throws -> Result
) throws -> [Result] {
  let store = try ProcessStore.keep(timeout: timeout)
  let work = Work(body)
  let threads = (0..<count).map { rank in
    let place = ProcessPlace(
      rank: rank, worldSize: count, localRank: rank, localSize: count, address: "127.0.0.1",
      port: store.port)
    let thread = Thread {
      work.run(at: place, store: rank == 0 ? store : nil, timeout: timeout)
    }
    thread.stackSize = 8 << 20
    thread.start()
    return thread
  }
  for _ in threads { work.isDone.wait() }
  return try (0..<count).map { try work.outcome(of: $0).get() }
}

/// What threads do, and what came of it. Unchecked: each thread has a rank of its own.
private final class Work<Value>: @unchecked Sendable {
  let body: (ProcessGroup) throws -> Value
  let isDone = DispatchSemaphore(value: 0)
  private let lock = NSLock()
  private var outcomes: [Int: Swift.Result<Value, any Error>] = [:]

  init(_ body: @escaping (ProcessGroup) throws -> Value) { self.body = body }

  func run(at place: ProcessPlace, store: ProcessStore?, timeout: Double) {
    Session.threadCount = 1
    let outcome = Swift.Result {
      let group = try ProcessGroup(joining: place, store: store, timeout: timeout)
      do {
        let value = try Computation.run { try self.body(group) }
        return value
      } catch {
        _ = group.leaveFailing(withReason: true)
        throw error
      }
    }
    lock.withLock { outcomes[place.rank] = outcome }
    isDone.signal()
  }

  func outcome(of rank: Int) -> Swift.Result<Value, any Error> {
    lock.withLock { outcomes[rank]! }
  }
}
