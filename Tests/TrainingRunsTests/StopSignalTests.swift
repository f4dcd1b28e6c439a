import Foundation
import Testing

@testable import TrainingRuns

@Suite struct StopSignalTests {
  /// Sends this process a signal and waits until it has arrived, at most half a minute. (Not `raise`: the threads that
  /// tests run on block signals.)
  private static func send(_ signal: Int32, until arrived: () -> Bool = { false }) {
    kill(getpid(), signal)
    for _ in 0..<30_000 where !arrived() { usleep(1000) }
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func theFirstSignalAsksAndTheSecondEnds(signal: Int32) async {
    await #expect(processExitsWith: .signal(signal)) { [signal = signal as Int32] in
      let stop = StopSignal()
      guard !stop.isRequested, stop.name == nil else { exit(1) }
      Self.send(signal) { stop.isRequested }
      guard stop.isRequested, stop.name == (signal == SIGINT ? "SIGINT" : "SIGTERM") else {
        exit(2)
      }
      Self.send(signal)
      exit(3)
    }
  }

  @Test func anotherSecondSignalEndsToo() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      let stop = StopSignal()
      Self.send(SIGINT) { stop.isRequested }
      guard stop.isRequested else { exit(1) }
      Self.send(SIGTERM)
      exit(2)
    }
  }

  @Test func handlersComeBack() async {
    await #expect(processExitsWith: .signal(SIGTERM)) {
      StopSignal().restore()
      let again = StopSignal()
      again.restore()
      again.restore()
      Self.send(SIGTERM)
      exit(1)
    }
  }

  @Test func anIgnoredSignalStaysIgnored() async {
    await #expect(processExitsWith: .exitCode(0)) {
      signal(SIGINT, SIG_IGN)
      let stop = StopSignal()
      Self.send(SIGINT)
      exit(stop.isRequested ? 1 : 0)
    }
  }

  @Test func thereIsOneAtATime() async {
    await #expect(processExitsWith: .failure) {
      let first = StopSignal()
      _ = (first, StopSignal())
    }
  }
}
