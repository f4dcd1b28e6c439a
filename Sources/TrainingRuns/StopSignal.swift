import Foundation
import Synchronization

/// Turns the first SIGINT (Ctrl-C) or SIGTERM into a flag that a training loop asks for; the next one
/// ends the process at once, as without this.
///
/// A signal that was ignored, as under `nohup`, stays ignored. The earlier handlers come back with
/// `restore()`, or when the object goes. One at a time.
public final class StopSignal: Sendable {
  /// The signals that ask to stop.
  package static let all = [SIGINT, SIGTERM]
  /// The signal that came, or 0. A handler may touch nothing that locks or allocates: this was made
  /// before the handler was installed.
  private static let received = Atomic<Int32>(0)
  private static let isInstalled = Atomic<Bool>(false)

  private let earlier: Mutex<[(signal: Int32, action: sigaction)]?>

  /// Installs the handlers.
  ///
  /// - Precondition: no other `StopSignal` is in force.
  public init() {
    precondition(
      !Self.isInstalled.exchange(true, ordering: .acquiringAndReleasing),
      "one StopSignal at a time")
    Self.received.store(0, ordering: .sequentiallyConsistent)
    earlier = Mutex(Self.all.compactMap(Self.install))
  }

  deinit { restore() }

  /// Whether the training loop is to finish its step, save and leave.
  public var isRequested: Bool { Self.received.load(ordering: .relaxed) != 0 }

  /// The signal that came, or 0: also to another process that takes part, once `share` told of it.
  package static var number: Int32 { received.load(ordering: .relaxed) }

  /// Tells of a signal that came to another process that takes part, so that this one ends as that does.
  package static func share(_ signal: Int32) {
    if signal != 0, number == 0 { received.store(signal, ordering: .relaxed) }
  }

  /// What came: `SIGINT`, `SIGTERM`, or nil.
  public var name: String? {
    switch Self.received.load(ordering: .relaxed) {
    case SIGINT: "SIGINT"
    case SIGTERM: "SIGTERM"
    default: nil
    }
  }

  /// The exit status of a program that such a signal stopped: 130 or 143; nil where none came.
  public static var exitStatus: Int32? {
    let signal = received.load(ordering: .relaxed)
    return signal == 0 ? nil : 128 + signal
  }

  /// Puts the earlier handlers back; afterwards signals act as before this object was made.
  public func restore() {
    earlier.withLock { earlier in
      guard let actions = earlier else { return }
      for (signal, action) in actions {
        var action = action
        sigaction(signal, &action, nil)
      }
      earlier = nil
      Self.isInstalled.store(false, ordering: .releasing)
    }
  }

  private static func install(_ signal: Int32) -> (signal: Int32, action: sigaction)? {
    var earlier = sigaction()
    sigaction(signal, nil, &earlier)
    if isIgnoring(earlier) { return nil }
    var action = sigaction()
    // A read or write that the signal finds under way goes on.
    action.sa_flags = Int32(SA_RESTART)
    let handler: @convention(c) (Int32) -> Void = { signal in
      StopSignal.received.store(signal, ordering: .sequentiallyConsistent)
      Foundation.signal(SIGINT, SIG_DFL)
      Foundation.signal(SIGTERM, SIG_DFL)
    }
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
    sigaction(signal, &action, nil)
    return (signal, earlier)
  }

  private static func isIgnoring(_ action: sigaction) -> Bool {
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
