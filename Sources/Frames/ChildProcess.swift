import Foundation
import Pictures

/// A program that runs beside this one, its output and its errors coming through pipes, and its input, where
/// it takes one, going through another.
///
/// `posix_spawn` and not Foundation's `Process`, which wants a run loop to wait with; and not
/// swift-subprocess, whose streams are asynchronous where frames are pulled one by one.
final class ChildProcess {
  /// How it ended.
  enum Ending: Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  /// The reading end of its standard output; closed with this object.
  let output: Int32
  /// The reading end of its standard error; closed with this object.
  let errors: Int32
  /// The writing end of its standard input; nil where that is empty or closed.
  private var input: Int32?
  private let identifier: pid_t
  private var ending: Ending?

  struct SpawnFailure: Error {
    let reason: String
  }

  /// Starts `executable`, a path, with an empty standard input, or with one that `write` feeds.
  init(
    _ executable: String, _ arguments: [String], takesInput: Bool = false
  ) throws(SpawnFailure) {
    let (output, errors) = (try Self.pipe(), try Self.pipe())
    let input = takesInput ? try Self.pipe() : nil
    defer {
      close(output.writing)
      close(errors.writing)
      if let input { close(input.reading) }
    }
    #if os(Linux)
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #else
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input.reading, STDIN_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors.writing, STDERR_FILENO)

    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A process group of its own, so that Ctrl-C reaches this program alone, which decides; and the
    // signals that threads of this program block or ignore work there.
    var (none, standard) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&standard)
    for signal in [SIGPIPE, SIGINT, SIGTERM] { sigaddset(&standard, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &standard)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var identifier = pid_t()
    let result = posix_spawn(&identifier, executable, &actions, &attributes, words, environ)
    guard result == 0 else {
      close(output.reading)
      close(errors.reading)
      if let input { close(input.writing) }
      throw SpawnFailure(reason: String(cString: strerror(result)))
    }
    self.identifier = identifier
    self.output = output.reading
    self.errors = errors.reading
    self.input = input?.writing
  }

  deinit {
    stop()
    closeInput()
    close(output)
    close(errors)
  }

  /// Writes to its standard input, waiting where it does not read.
  ///
  /// - Returns: false where it takes no more, as after its end.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let input else { return false }
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      #if os(Linux)
        // A process that is gone is no reason to be killed by SIGPIPE.
        let count = send(input, piece.baseAddress, piece.count, Int32(MSG_NOSIGNAL))
      #else
        let count = Foundation.write(input, piece.baseAddress, piece.count)
      #endif
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Tells the process that no more input comes.
  func closeInput() {
    if let input { close(input) }
    input = nil
  }

  /// Ends the process at once, if it still runs, and waits for that.
  func stop() {
    guard ending == nil else { return }
    kill(identifier, SIGKILL)
    _ = wait()
  }

  /// Waits until it has ended.
  func wait() -> Ending {
    if let ending { return ending }
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7F
    let found: Ending = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    ending = found
    return found
  }

  /// A pipe that no other child inherits.
  private static func pipe() throws(SpawnFailure) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    #if os(Linux)
      // A pair of sockets, since Swift does not see `pipe2`: marking a pipe after it was made leaves a
      // moment in which another thread's child inherits it, and its end would never be seen.
      let result = socketpair(
        AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
      // Room for some frames, so that the writer need not wait for each one to be taken.
      var room = Int32(1 << 20)
      if result == 0 {
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, socklen_t(MemoryLayout<Int32>.size))
      }
    #else
      let result = Foundation.pipe(&ends)
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      _ = fcntl(ends[1], F_SETNOSIGPIPE, 1)
    #endif
    guard result == 0 else { throw SpawnFailure(reason: ImageFile.lastSystemError()) }
    return (ends[0], ends[1])
  }
}
