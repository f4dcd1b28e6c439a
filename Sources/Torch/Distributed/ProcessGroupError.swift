import Foundation

/// What keeps processes from computing together. `description` is one line meant for a person.
public enum ProcessGroupError: Error, Equatable, Sendable, CustomStringConvertible, LocalizedError {
  /// A launcher's variable is missing, beside one that is there. `advice` says what sets it.
  case missingVariable(name: String, beside: String, advice: String)
  /// A launcher's variable holds something else than it should.
  case invalidVariable(name: String, expected: String, found: String)
  /// Another program listens where the processes are to meet.
  case portInUse(port: Int)
  /// Nobody keeps a store where the processes are to meet.
  case unreachable(address: String, port: Int, seconds: Double)
  /// Not all processes came.
  case incomplete(rank: Int, worldSize: Int, seconds: Double)
  /// Processes that are to compute one thing differ in `what`. `values` are those of all ranks.
  case different(what: String, values: [String])
  /// The device of a computation is none that processes can share one on.
  case unsupportedDevice(String)
  /// A process that another one started ended otherwise than it should, after the work was done.
  case endedBadly(rank: Int, reason: EndReason)

  /// How a process ended that should not have.
  public enum EndReason: Equatable, Sendable {
    case status(Int32)
    case signal(Int32)
    /// It did not.
    case hung(seconds: Double)
  }

  public var description: String {
    switch self {
    case .missingVariable(let name, let beside, let advice):
      "\(beside) is set and \(name) is not: \(advice)"
    case .invalidVariable(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    case .portInUse(let port):
      "port \(port) is in use by another program: set MASTER_PORT to a free one in all processes"
    case .unreachable(let address, let port, let seconds):
      "nobody answers at \(address):\(port) after \(Self.text(seconds)) s: rank 0 keeps that port, is it "
        + "running there? MASTER_ADDR and MASTER_PORT name it"
    case .incomplete(let rank, let worldSize, let seconds):
      "rank \(rank) waited \(Self.text(seconds)) s for the \(worldSize) processes, and not all came: start them at "
        + "about the same time, and see that their machines reach each other (GLOO_SOCKET_IFNAME names "
        + "the network interface)"
    case .different(let what, let values):
      "all processes need the same \(what): rank 0 has \(values[0]), rank \(Self.other(values)) has "
        + values[Self.other(values)]
    case .unsupportedDevice(let device):
      "several processes compute together on CPUs only: expected device cpu, found \(device)"
    case .endedBadly(let rank, let reason):
      "the process of rank \(rank) \(Self.text(reason)), when all was written: what there is is whole"
    }
  }

  public var errorDescription: String? { description }

  /// The first rank that has something else than rank 0.
  private static func other(_ values: [String]) -> Int {
    values.firstIndex { $0 != values[0] } ?? 0
  }

  private static func text(_ reason: EndReason) -> String {
    switch reason {
    case .status(let status): "ended with status \(status)"
    case .signal(let signal): "was ended by signal \(signal)"
    case .hung(let seconds): "did not end within \(text(seconds)) s, and was killed"
    }
  }

  private static func text(_ seconds: Double) -> String { String(format: "%g", seconds) }
}

/// Thrown in a process whose failure another one tells of: this one has nothing to say, and ends with the same status.
public struct ToldByAnotherProcess: Error {
  public init() {}
}
