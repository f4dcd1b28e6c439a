import CTorch

/// Work on tensors in which running out of memory, or a device that fails, is an error that is thrown.
///
/// Operators do not throw: a line of arithmetic would be full of `try`. One that memory or a device fails traps, unless it
/// runs inside of a computation. There `run` throws, once for all the operators of its closure:
///
/// ```swift
/// let computation = Computation()
/// let energies = try batches.map { batch in try computation.run { model(batch) } }
/// ```
///
/// The closure has a thread of its own, on which gradients, mixed precision and the number of threads are as they are
/// around it, so that it computes the same numbers. When an operator fails, `run` throws, and that thread stays where it
/// is for good: **nothing of the closure runs after the operator, no `defer` either, and what it holds is never
/// freed**. So a closure should hold little, and what it changes must not be used after an error. A mistake, such as shapes
/// that do not fit, traps inside too. docs/decisions/0062-errors-of-operators.md has the reasons.
///
/// For one thread at a time. Computations may be nested: an error ends the innermost.
public final class Computation {
  private var thread: ComputingThread?

  public init() {}

  deinit { thread?.end() }

  /// Runs `body`, and waits for it.
  ///
  /// - Throws: `ComputationError`, and what `body` throws.
  public func run<Result>(_ body: @escaping () throws -> Result) throws -> Result {
    let thread = try thread ?? ComputingThread.start()
    self.thread = thread
    let settings = ThreadSettings.current
    // OpenMP keeps threads for each thread that computes. With those of the one that waits there would be more than
    // processors, and then all of them sleep at every barrier.
    Tensor.perform("ending threads") { ct_end_kept_threads() }
    // Written by the other thread before this one goes on, and read after.
    var result: Swift.Result<Result, any Error>?
    do {
      try thread.perform {
        settings.apply()
        result = Swift.Result(catching: body)
      }
    } catch {
      self.thread = nil
      throw error
    }
    guard let result else { preconditionFailure("a computation without an end") }
    return try result.get()
  }

  /// Runs `body` in a computation of its own.
  ///
  /// - Throws: `ComputationError`, and what `body` throws.
  public static func run<Result>(_ body: @escaping () throws -> Result) throws -> Result {
    try Computation().run(body)
  }
}

/// What libtorch keeps for each thread.
private struct ThreadSettings {
  private let threads: Int
  private let hasGradient: Bool
  private let autocast: [(device: Int32, isEnabled: Bool, dtype: Int32)]

  /// Those of this thread.
  static var current: ThreadSettings {
    ThreadSettings(
      threads: Session.threadCount, hasGradient: ct_grad_enabled(),
      autocast: [CT_CPU, CT_CUDA, CT_MPS].map { device in
        var (isEnabled, dtype) = (false, Int32(0))
        Tensor.perform("autocast") { ct_autocast(Int32(device), &isEnabled, &dtype) }
        return (Int32(device), isEnabled, dtype)
      })
  }

  /// Makes them this thread's too.
  func apply() {
    if threads != Session.threadCount { Session.threadCount = threads }
    ct_set_grad_enabled(hasGradient)
    for (device, isEnabled, dtype) in autocast {
      Tensor.perform("autocast") { ct_set_autocast(device, isEnabled, dtype) }
    }
  }
}
