import CTorch
import Foundation
import TestSupport
import Testing

@testable import Torch

/// Collectives, and what gradients do that go through them.
@Suite struct ProcessGroupTests {
  @Test(arguments: [2, 3])
  func collectives(worldSize: Int) throws {
    let seen = try asProcesses(worldSize) { group in
      let rank = Double(group.rank)
      let sums = [
        Tensor([rank, 1]), Tensor([Float(rank)]), Tensor([Double](repeating: 2, count: 3)),
      ]
      group.sum(sums)
      let first = [Tensor([rank + 5]), Tensor([Int64(group.rank)])]
      group.broadcast(first, from: 1)
      group.waitForAll()
      let texts = group.texts(String(repeating: "ä", count: group.rank))
      let shares = RowShares((0..<worldSize).map { $0 == 1 ? 0 : $0 + 1 }, on: group)
      let rows = Tensor([Double](repeating: rank, count: 2 * shares.own), shape: [shares.own, 2])
      return (
        sums.map { $0.to(.float64).array(of: Double.self) }, first[0].item(), first[1].integer(),
        texts, rows.gathered(shares).array(of: Double.self)
      )
    }
    let total = Double(worldSize * (worldSize - 1) / 2)
    for found in seen {
      #expect(
        found.0 == [
          [total, Double(worldSize)], [total], [2, 2, 2].map { $0 * Double(worldSize) },
        ])
      #expect(found.1 == 6 && found.2 == 1)
      #expect(found.3 == ["", "ä", "ää"].prefix(worldSize).map { $0 })
      #expect(found.4 == [0, 0] + (worldSize == 3 ? [Double](repeating: 2, count: 6) : []))
    }
  }

  /// Each has a loss of its own; the gradient of the mean loss is the mean of the gradients that each finds.
  @Test func gradientsAreThoseOfOneProcess() throws {
    let rows = Tensor.normal([7, 3], using: RandomGenerator(seed: 1), dtype: .float64)
    func loss(_ all: Tensor) -> Tensor {
      ((all.matmul(all.transposed()) * 0.3).sin()).sum() + all.sum(0).squared().sum()
    }
    let whole = rows.detached().requiringGradient()
    loss(whole).backward()
    let counts = [4, 0, 3]
    let parts = try asProcesses(3) { group -> [Double] in
      let shares = RowShares(counts, on: group)
      let own = rows.slice(shares.offset..<shares.offset + shares.own).clone().requiringGradient()
      let all = own.gathered(shares)
      let sum = own.sum(0).summed(over: group)
      (((all.matmul(all.transposed()) * 0.3).sin()).sum() + sum.squared().sum()).backward()
      return try #require(own.gradient).array(of: Double.self).map { $0 / 3 }
    }
    let expected = try #require(whole.gradient).array(of: Double.self)
    for (found, wanted) in zip(parts.flatMap { $0 }, expected) {
      #expect(abs(found - wanted) < 1e-12)
    }
  }

  /// Items lie unevenly, on one process there is none, and the means are far from 0.
  @Test(arguments: [[5, 3], [4, 0, 4]], [[6], [6, 3, 2]])
  func batchNormIsThatOfOneProcess(counts: [Int], channels: [Int]) throws {
    let generator = RandomGenerator(seed: 2)
    let shape = [8] + channels
    let x = Tensor.normal(shape, using: generator, dtype: .float64) * 0.1 + 30
    let weights = Tensor.normal(shape, using: generator, dtype: .float64)

    func run(_ x: Tensor, _ weights: Tensor, _ group: ProcessGroup?) -> [[Double]] {
      let norm = BatchNorm(6, scale: 0.7)
      norm.convert(to: .float64)
      norm.shareStatistics(over: group)
      let input = x.clone().requiringGradient()
      let output = norm(input)
      (output.sin() * weights).sum().backward()
      let gradients = [norm.weight, norm.bias].map { $0.gradient! }
      group?.sum(gradients)
      return
        ([output.detached(), input.gradient!] + gradients + [
          norm.runningMean, norm.runningVariance,
        ])
        .map { $0.flattened().array() }
    }
    let whole = run(x, weights, nil)
    let parts = try asProcesses(counts.count) { group in
      let shares = RowShares(counts, on: group)
      let range = shares.offset..<shares.offset + shares.own
      return run(x.slice(range), weights.slice(range), group)
    }
    for index in 0..<6 {
      let found = index < 2 ? parts.flatMap { $0[index] } : parts[1][index]
      let size = whole[index].map(abs).max() ?? 0
      #expect(found.count == whole[index].count)
      for (found, wanted) in zip(found, whole[index]) {
        #expect(abs(found - wanted) < 1e-11 * size, "\(index)")
      }
    }
  }

  @Test func whoLeavesEndsTheOthers() throws {
    struct Mine: Error {}
    let start = ContinuousClock.now
    #expect(throws: ComputationError.peersFailed(reason: "has ended")) {
      _ = try asProcesses(2) { group in
        if group.rank == 1 { throw Mine() }
        for _ in 0..<3 { group.sum([Tensor([1.0])]) }
      }
    }
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  /// In the middle of a backward pass too, which libtorch runs.
  @Test func whoDoesNotComeIsGivenUp() throws {
    let seen = try asProcesses(2, timeout: 1) { group -> String in
      if group.rank == 1 {
        _ = Tensor([1.0]).requiringGradient().summed(over: group)
        usleep(1_800_000)
        return ""
      }
      do {
        try Computation.run {
          Tensor([1.0]).requiringGradient().summed(over: group).sum().backward()
        }
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      seen[0]
        == "another process that takes part does not answer: it hangs, or its machine cannot be reached"
    )
  }

  /// Several fail of one reason: one tells.
  @Test func oneOfThemTells() throws {
    let tells = try asProcesses(3) { group in group.leaveFailing(withReason: group.rank > 0) }
    #expect(!tells[0] && tells[1] != tells[2])
  }

  /// Tensors from one to another, whatever the others do.
  @Test func tensorsAreHandedOver() throws {
    let found = try asProcesses(3) { group -> [[Float]] in
      guard group.isFirst else {
        let x = Tensor([Float](repeating: Float(group.rank), count: 6), shape: [2, 3])
        // Not contiguous in memory.
        group.send(x.transposed(), to: 0)
        return []
      }
      return [2, 1].map { group.receive([3, 2], .float32, from: $0).flattened().array() }
    }
    #expect(found[0] == [[Float](repeating: 2, count: 6), [Float](repeating: 1, count: 6)])
  }

  #if os(Linux)
    /// What `--processes` opens is nothing that other machines reach.
    @Test func aStoreOfThisMachineListensToItAlone() throws {
      let store = try ProcessStore.keep(timeout: 5)
      let port = String(store.port, radix: 16, uppercase: true)
      var listening: [String] = []
      for kind in ["tcp", "tcp6"] {
        let table = try String(contentsOfFile: "/proc/net/\(kind)", encoding: .utf8)
        for line in table.split(separator: "\n").dropFirst() {
          // A number, its own address and port, the other's, and the state: 0A for one that listens.
          let words: [Substring] = line.split(separator: " ")
          if words[1].hasSuffix(":\(port)"), words[3] == "0A" { listening.append(String(words[1])) }
        }
      }
      #expect(listening == ["0100007F:\(port)"])
    }
  #endif

  @Test func portsAndStores() throws {
    let store = try ProcessStore.keep(timeout: 5)
    #expect(throws: ProcessGroupError.portInUse(port: store.port)) {
      _ = try ProcessStore.keep(port: store.port, timeout: 5)
    }
    let place = ProcessPlace(
      rank: 1, worldSize: 2, localRank: 1, localSize: 2, address: "127.0.0.1", port: 1)
    #expect(throws: ProcessGroupError.unreachable(address: "127.0.0.1", port: 1, seconds: 0.5)) {
      _ = try ProcessGroup(joining: place, timeout: 0.5)
    }
    var alone = place
    alone.port = store.port
    #expect(throws: ProcessGroupError.incomplete(rank: 1, worldSize: 2, seconds: 0.5)) {
      _ = try ProcessGroup(joining: alone, timeout: 0.5)
    }
  }

  @Test func differencesAreNamed() throws {
    for different in [1, 2] {
      #expect(throws: ProcessGroupError.self) {
        _ = try asProcesses(3) { group in
          try group.requireSame("data", "the same")
          try group.requireSame("version", group.rank == different ? "2" : "1")
        }
      }
    }
    let error = ProcessGroupError.different(what: "data", values: ["a", "a", "b"])
    #expect("\(error)" == "all processes need the same data: rank 0 has a, rank 2 has b")
  }
}
