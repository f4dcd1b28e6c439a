import Foundation
import Testing

@testable import TrainingRuns

@Suite struct RunEnvironmentTests {
  @Test func describesThisProcess() {
    let environment = RunEnvironment(
      torch: "2.13.0", device: "cpu", threads: 2, dataFingerprint: "abc", seed: 3)
    #expect(environment.version == ProgramVersion.current)
    #expect(environment.cores >= 1)
    #expect(!environment.processor.isEmpty)
    #expect(environment.commandLine == CommandLine.arguments)
    #expect(environment.started.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
  }

  @Test func theCommitIsReadFromGitsFiles() throws {
    let folder = try TemporaryFolder()
    let commit = String(repeating: "0123456789", count: 4)
    func commitFound() -> String? {
      RunEnvironment.commit(ofSourceAround: folder.file(".build/release/jepa"))
    }
    #expect(commitFound() == nil)
    try folder.write("", to: "Package.swift")
    #expect(commitFound() == nil)
    try FileManager.default.createDirectory(
      atPath: folder.file(".git/refs/heads"), withIntermediateDirectories: true)
    try folder.write("ref: refs/heads/main\n", to: ".git/HEAD")
    #expect(commitFound() == nil)
    try folder.write("# pack-refs\n\(commit) refs/heads/main\n", to: ".git/packed-refs")
    #expect(commitFound() == commit)
    let newer = String(commit.reversed())
    try folder.write("\(newer)\n", to: ".git/refs/heads/main")
    #expect(commitFound() == newer)
    try folder.write("\(commit)\n", to: ".git/HEAD")
    #expect(commitFound() == commit)
  }

  @Test func aWorktreesCommitIsFound() throws {
    let folder = try TemporaryFolder()
    let worktree = folder.file("worktree")
    let git = folder.file("main/.git")
    for path in [worktree, "\(git)/worktrees/w", "\(git)/refs/heads"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try folder.write("", to: "worktree/Package.swift")
    try folder.write("gitdir: ../main/.git/worktrees/w\n", to: "worktree/.git")
    try folder.write("ref: refs/heads/w\n", to: "main/.git/worktrees/w/HEAD")
    try folder.write("../..\n", to: "main/.git/worktrees/w/commondir")
    try folder.write("abc\n", to: "main/.git/refs/heads/w")
    #expect(RunEnvironment.commit(ofSourceAround: "\(worktree)/jepa") == "abc")
  }
}
