import Testing

@testable import Torch

/// What launchers leave in the environment.
@Suite struct ProcessPlaceTests {
  private func place(_ environment: [String: String]) throws -> ProcessPlace? {
    try ProcessPlace.inEnvironment(environment)
  }

  @Test func withoutALauncherThereIsOneProcess() throws {
    for environment in [
      [:], ["WORLD_SIZE": "1", "RANK": "0"], ["PET_NNODES": "1", "PET_NODE_RANK": "0"],
      ["WORLD_SIZE": ""], ["OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"],
      // The script of a batch job, before srun.
      ["SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_NODELIST": "a,b"],
    ] {
      #expect(try place(environment) == nil, "\(environment)")
    }
  }

  @Test func torchrun() throws {
    var environment = [
      "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
      "MASTER_ADDR": "node01", "MASTER_PORT": "1234", "TORCHELASTIC_USE_AGENT_STORE": "True",
      "TORCHELASTIC_RESTART_COUNT": "2",
    ]
    var expected = ProcessPlace(
      rank: 3, worldSize: 4, localRank: 1, localSize: 2, address: "node01", port: 1234)
    expected.launcherKeepsStore = true
    expected.attempt = "2"
    #expect(try place(environment) == expected)
    // Of two launchers the inner one counts.
    environment["SLURM_PROCID"] = "0"
    environment["SLURM_STEP_ID"] = "0"
    environment["SLURM_NTASKS"] = "2"
    #expect(try place(environment) == expected)
    // As `--processes` starts the others.
    #expect(try place(expected.environment)?.rank == 3)
    let least = try #require(
      try place(["RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"]))
    #expect(least.port == 29500 && least.localSize == 2 && !least.launcherKeepsStore)
  }

  @Test func mpirun() throws {
    let here = [
      "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
      "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "12345.1",
    ]
    let found = try #require(try place(here))
    #expect(found.address == "127.0.0.1" && found.rank == 1 && found.localSize == 2)
    #expect((20_000..<29_000).contains(found.port))
    #expect(found.port != ProcessPlace.port(ofJob: "12346.1"))
    #expect(try place(here.merging(["MASTER_PORT": "77"]) { $1 })?.port == 77)
    let there = here.merging(["OMPI_COMM_WORLD_LOCAL_SIZE": "1"]) { $1 }
    #expect(throws: ProcessGroupError.self) { _ = try place(there) }
    #expect(try place(there.merging(["MASTER_ADDR": "node7"]) { $1 })?.address == "node7")
    let hydra = ["PMI_RANK": "0", "PMI_SIZE": "3", "MPI_LOCALNRANKS": "3", "MPI_LOCALRANKID": "0"]
    #expect(try place(hydra)?.worldSize == 3)
  }

  @Test func srun() throws {
    let environment = [
      "SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0",
      "SLURM_JOB_ID": "991", "SLURM_STEP_NODELIST": "gpu-[07-09,12],login2",
      "SLURM_STEP_TASKS_PER_NODE": "2(x4)",
    ]
    let found = try #require(try place(environment))
    #expect(found.address == "gpu-07" && found.rank == 5 && found.localRank == 1)
    #expect(found.localSize == 2 && found.port == ProcessPlace.port(ofJob: "991.0"))
  }

  /// srun gives its tasks the variables of PMI, too, without what tells of a machine; mpirun of MPICH starts a process on
  /// each node by srun, and those have that one's variables.
  @Test func srunAndMPICHTogether() throws {
    let srun = [
      "SLURM_PROCID": "1", "SLURM_NTASKS": "4", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0",
      "SLURM_JOB_ID": "991", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
      "PMI_RANK": "1", "PMI_SIZE": "4",
    ]
    let found = try #require(try place(srun))
    #expect(found == (try place(srun.filter { !$0.key.hasPrefix("PMI") })))
    #expect(found.address == "n1" && found.localSize == 2)
    let mpich = [
      "SLURM_PROCID": "1", "SLURM_NTASKS": "2", "SLURM_STEP_ID": "0",
      "SLURM_STEP_NODELIST": "n[1-2]", "PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1",
      "MPI_LOCALNRANKS": "2", "MASTER_ADDR": "n1",
    ]
    let other = try #require(try place(mpich))
    #expect(other.rank == 3 && other.worldSize == 4 && other.localRank == 1)
  }

  @Test(arguments: [
    ("a", "a"), ("a,b", "a"), ("node[03-06,9],x", "node03"), ("n[1,3]-ib", "n1-ib"),
    ("rack-2-n4,rack-2-n5", "rack-2-n4"), ("r[1-2]n[5-8]", "r1n5"),
  ])
  func hostLists(list: String, first: String) {
    #expect(ProcessPlace.firstHost(list) == first)
  }

  @Test func kubeflow() throws {
    let environment = [
      "PET_NNODES": "2", "PET_NODE_RANK": "1", "PET_MASTER_ADDR": "job-node-0-0.job",
      "PET_MASTER_PORT": "29400", "PET_NPROC_PER_NODE": "1",
    ]
    let expected = ProcessPlace(
      rank: 1, worldSize: 2, localRank: 0, localSize: 1, address: "job-node-0-0.job", port: 29400)
    #expect(try place(environment) == expected)
    #expect(
      throws: ProcessGroupError.invalidVariable(
        name: "PET_NPROC_PER_NODE", expected: "1, or torchrun --no-python before jepa",
        found: "auto")
    ) { _ = try place(environment.merging(["PET_NPROC_PER_NODE": "auto"]) { $1 }) }
  }

  @Test(arguments: [
    (
      ["WORLD_SIZE": "2", "RANK": "0"], "WORLD_SIZE is set and MASTER_ADDR is not: name the machine"
    ),
    (["WORLD_SIZE": "2"], "WORLD_SIZE is set and RANK is not"),
    (["RANK": "0"], "RANK is set and WORLD_SIZE is not"),
    (
      ["WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "a"],
      "RANK: expected a number from 0 to 1, for WORLD_SIZE is 2, found 2"
    ),
    (
      ["WORLD_SIZE": "two", "RANK": "0"], "WORLD_SIZE: expected a number from 1 to 65536, found two"
    ),
    (
      ["WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "70000"],
      "MASTER_PORT: expected a number from 1 to 65535, found 70000"
    ),
    (["OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"], "mpirun -x MASTER_ADDR=node01"),
    (["PMI_SIZE": "2"], "PMI_SIZE is set and PMI_RANK is not"),
  ])
  func whatIsWrongIsNamed(environment: [String: String], message: String) {
    #expect { _ = try place(environment) } throws: { "\($0)".contains(message) }
  }
}
