import Foundation

/// The place of a process among those that compute one thing, as what started them says it in environment variables.
///
/// | started by | variables |
/// |---|---|
/// | torchrun, Kubeflow's PyTorchJob | `RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `LOCAL_WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT` |
/// | mpirun of Open MPI | `OMPI_COMM_WORLD_RANK`, `_SIZE`, `_LOCAL_RANK`, `_LOCAL_SIZE` |
/// | srun | `SLURM_PROCID`, `SLURM_NTASKS`, `SLURM_LOCALID`, `SLURM_STEP_NODELIST` |
/// | mpirun of MPICH or Intel MPI | `PMI_RANK`, `PMI_SIZE`, `MPI_LOCALRANKID`, `MPI_LOCALNRANKS` |
/// | Kubeflow's Trainer, one process a node | `PET_NODE_RANK`, `PET_NNODES`, `PET_MASTER_ADDR`, `PET_MASTER_PORT` |
///
/// The first of these that is there counts. srun sets `PMI_RANK` and `PMI_SIZE`, too, with the same numbers as its own: where
/// they differ, mpirun of MPICH has started its own processes by srun, and counts. `MASTER_ADDR` and `MASTER_PORT` go before what a launcher says of either.
public struct ProcessPlace: Equatable, Sendable {
  /// Which process this is, `0 ..< worldSize`.
  public var rank: Int
  /// How many there are.
  public var worldSize: Int
  /// Which of its machine's processes this is.
  public var localRank: Int
  /// How many run on this machine.
  public var localSize: Int
  /// Where rank 0 runs, and the port at which all meet there.
  public var address: String
  public var port: Int
  /// Whether the launcher keeps the store itself.
  public var launcherKeepsStore = false
  /// Tells one start of the processes from an earlier one, where a launcher's store outlives both.
  public var attempt = "0"

  public init(
    rank: Int, worldSize: Int, localRank: Int, localSize: Int, address: String, port: Int
  ) {
    self.rank = rank
    self.worldSize = worldSize
    self.localRank = localRank
    self.localSize = localSize
    self.address = address
    self.port = port
  }

  /// What PyTorch's launchers take where nothing is said.
  public static let usualPort = 29500

  /// The place that `environment` says; nil for a process of its own.
  ///
  /// - Throws: `ProcessGroupError.missingVariable`, `.invalidVariable`.
  public static func inEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ProcessGroupError) -> ProcessPlace? {
    let variables = LauncherVariables(environment)
    var place = try torchrun(variables)
    if place == nil { place = try openMPI(variables) }
    if place == nil { place = try slurm(variables) }
    if place == nil { place = try hydra(variables) }
    if place == nil { place = try trainer(variables) }
    guard let place, place.worldSize > 1 else { return nil }
    return place
  }

  /// The variables of torchrun that say this place.
  public var environment: [String: String] {
    [
      "RANK": "\(rank)", "WORLD_SIZE": "\(worldSize)", "LOCAL_RANK": "\(localRank)",
      "LOCAL_WORLD_SIZE": "\(localSize)", "MASTER_ADDR": address, "MASTER_PORT": "\(port)",
    ]
  }

  // MARK: Launchers

  private static func torchrun(_ variables: LauncherVariables) throws(ProcessGroupError)
    -> ProcessPlace?
  {
    let launchers = "torchrun sets both, and so does every launcher of PyTorch"
    guard variables.has("WORLD_SIZE") else {
      if variables.has("RANK") {
        throw .missingVariable(name: "WORLD_SIZE", beside: "RANK", advice: launchers)
      }
      return nil
    }
    guard variables.has("RANK") else {
      throw .missingVariable(name: "RANK", beside: "WORLD_SIZE", advice: launchers)
    }
    let (rank, size) = try variables.rank("RANK", of: "WORLD_SIZE")
    guard let address = variables["MASTER_ADDR"] ?? (size == 1 ? "127.0.0.1" : nil) else {
      throw .missingVariable(
        name: "MASTER_ADDR", beside: "WORLD_SIZE",
        advice: "name the machine of rank 0, such as MASTER_ADDR=127.0.0.1 where there is one")
    }
    let localSize = try variables.number("LOCAL_WORLD_SIZE", 1...size)
    var place = ProcessPlace(
      rank: rank, worldSize: size, localRank: try variables.number("LOCAL_RANK", 0...size - 1) ?? 0,
      localSize: localSize ?? (isThisMachine(address) ? size : 1), address: address,
      port: try variables.port() ?? usualPort)
    place.launcherKeepsStore = variables["TORCHELASTIC_USE_AGENT_STORE"] == "True"
    place.attempt = variables["TORCHELASTIC_RESTART_COUNT"] ?? "0"
    return place
  }

  private static func openMPI(_ variables: LauncherVariables) throws(ProcessGroupError)
    -> ProcessPlace?
  {
    guard variables.has("OMPI_COMM_WORLD_SIZE") else { return nil }
    let (rank, size) = try variables.rank("OMPI_COMM_WORLD_RANK", of: "OMPI_COMM_WORLD_SIZE")
    return try mpi(
      variables, rank: rank, size: size, localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
      localSize: "OMPI_COMM_WORLD_LOCAL_SIZE", beside: "OMPI_COMM_WORLD_SIZE",
      job: variables["PMIX_NAMESPACE"] ?? variables["OMPI_MCA_ess_base_jobid"])
  }

  private static func hydra(_ variables: LauncherVariables) throws(ProcessGroupError)
    -> ProcessPlace?
  {
    guard variables.has("PMI_SIZE") else { return nil }
    let (rank, size) = try variables.rank("PMI_RANK", of: "PMI_SIZE")
    return try mpi(
      variables, rank: rank, size: size, localRank: "MPI_LOCALRANKID",
      localSize: "MPI_LOCALNRANKS", beside: "PMI_SIZE", job: nil)
  }

  private static func mpi(
    _ variables: LauncherVariables, rank: Int, size: Int, localRank: String, localSize: String,
    beside: String, job: String?
  ) throws(ProcessGroupError) -> ProcessPlace {
    let here = try variables.number(localSize, 1...size)
    let isOneMachine = size == 1 || here == size
    guard let address = variables["MASTER_ADDR"] ?? (isOneMachine ? "127.0.0.1" : nil) else {
      throw .missingVariable(
        name: "MASTER_ADDR", beside: beside,
        advice: "name the machine of rank 0, such as mpirun -x MASTER_ADDR=node01")
    }
    return ProcessPlace(
      rank: rank, worldSize: size, localRank: try variables.number(localRank, 0...size - 1) ?? 0,
      localSize: here ?? 1, address: address,
      port: try variables.port() ?? job.map(port(ofJob:)) ?? usualPort)
  }

  private static func slurm(_ variables: LauncherVariables) throws(ProcessGroupError)
    -> ProcessPlace?
  {
    // A batch script itself has the variables of a task, too: only what srun starts has a step.
    guard variables.has("SLURM_PROCID"), variables.has("SLURM_STEP_ID") else { return nil }
    let total = variables.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS"
    guard variables.has(total) else { return nil }
    let (rank, size) = try variables.rank("SLURM_PROCID", of: total)
    if variables.has("PMI_SIZE") {
      // Of mpirun's processes all of a node have the variables of the one task that srun started there.
      let own = try variables.rank("PMI_RANK", of: "PMI_SIZE")
      guard own == (rank, size) else { return nil }
    }
    let nodes = variables["SLURM_STEP_NODELIST"] ?? variables["SLURM_JOB_NODELIST"]
    guard let address = variables["MASTER_ADDR"] ?? nodes.map(firstHost) else {
      throw .missingVariable(
        name: "MASTER_ADDR", beside: "SLURM_PROCID", advice: "name the machine of rank 0")
    }
    // Such as 2(x3),1: tasks on each node.
    let tasks = variables["SLURM_STEP_TASKS_PER_NODE"] ?? variables["SLURM_TASKS_PER_NODE"]
    let job = "\(variables["SLURM_JOB_ID"] ?? "0").\(variables["SLURM_STEP_ID"] ?? "0")"
    return ProcessPlace(
      rank: rank, worldSize: size,
      localRank: try variables.number("SLURM_LOCALID", 0...size - 1) ?? 0,
      localSize: tasks.flatMap { Int($0.prefix(while: \.isNumber)) } ?? 1, address: address,
      port: try variables.port() ?? port(ofJob: job))
  }

  private static func trainer(_ variables: LauncherVariables) throws(ProcessGroupError)
    -> ProcessPlace?
  {
    guard variables.has("PET_NNODES") else { return nil }
    let (rank, size) = try variables.rank("PET_NODE_RANK", of: "PET_NNODES")
    if let each = variables["PET_NPROC_PER_NODE"], each != "1" {
      throw .invalidVariable(
        name: "PET_NPROC_PER_NODE", expected: "1, or torchrun --no-python before jepa",
        found: each)
    }
    guard size > 1 else { return nil }
    guard let address = variables["PET_MASTER_ADDR"] ?? variables["MASTER_ADDR"] else {
      throw .missingVariable(
        name: "PET_MASTER_ADDR", beside: "PET_NNODES", advice: "Kubeflow's Trainer sets both")
    }
    let own = try variables.number("PET_MASTER_PORT", 1...65_535)
    let common = try variables.port()
    return ProcessPlace(
      rank: rank, worldSize: size, localRank: 0, localSize: 1, address: address,
      port: own ?? common ?? usualPort)
  }

  // MARK: Addresses

  /// Whether an address is that of the machine that asks.
  static func isThisMachine(_ address: String) -> Bool {
    address == "localhost" || address == "::1" || address.hasPrefix("127.")
  }

  /// The first host of a list of Slurm's, such as `node03` of `node[03-06,9],login1`.
  static func firstHost(_ list: String) -> String {
    var host = ""
    var isInside = false
    var isTaken = false
    for character in list {
      switch character {
      case "[": (isInside, isTaken) = (true, false)
      case "]": isInside = false
      case ",", "-":
        if isInside { isTaken = true } else if character == "," { return host } else { host += "-" }
      default: if !isInside || !isTaken { host.append(character) }
      }
    }
    return host
  }

  /// A port that all processes of a job find by themselves, and that those of other jobs hardly share.
  static func port(ofJob job: String) -> Int {
    20_000 + Int(job.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } % 9000)
  }
}

/// What launchers leave in the environment.
private struct LauncherVariables {
  private let values: [String: String]

  init(_ environment: [String: String]) { values = environment }

  /// nil for one that is not set, or set to nothing.
  subscript(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  func has(_ name: String) -> Bool { self[name] != nil }

  func number(_ name: String, _ range: ClosedRange<Int>) throws(ProcessGroupError) -> Int? {
    guard let text = self[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .invalidVariable(
        name: name, expected: "a number from \(range.lowerBound) to \(range.upperBound)",
        found: text)
    }
    return number
  }

  func port() throws(ProcessGroupError) -> Int? { try number("MASTER_PORT", 1...65_535) }

  /// A rank and the number of processes.
  func rank(_ rank: String, of size: String) throws(ProcessGroupError) -> (Int, Int) {
    guard let total = try number(size, 1...65_536) else {
      throw .missingVariable(name: size, beside: rank, advice: "a launcher sets both")
    }
    guard let text = self[rank] else {
      throw .missingVariable(name: rank, beside: size, advice: "a launcher sets both")
    }
    guard let number = Int(text), (0..<total).contains(number) else {
      throw .invalidVariable(
        name: rank, expected: "a number from 0 to \(total - 1), for \(size) is \(total)",
        found: text)
    }
    return (number, total)
  }
}
