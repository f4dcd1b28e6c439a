import Foundation
import Testing

@testable import TrainingRuns

@Suite struct EpochSamplerTests {
  private func items(_ sampler: inout EpochSampler, batches: Int) -> [SampledItem] {
    (0..<batches).flatMap { _ in sampler.nextBatch().items }
  }

  @Test func everyItemIsDrawnOnceAnEpoch() {
    var sampler = EpochSampler(itemCount: 10, batchSize: 4, seed: 1)
    let drawn = items(&sampler, batches: 5)
    #expect(drawn.count == 20)
    #expect(drawn.prefix(10).map(\.index).sorted() == Array(0..<10))
    #expect(drawn.suffix(10).map(\.index).sorted() == Array(0..<10))
    #expect(drawn.map(\.epoch) == Array(repeating: 0, count: 10) + Array(repeating: 1, count: 10))
    #expect(drawn.prefix(10).map(\.index) != drawn.suffix(10).map(\.index))
    #expect(sampler.state.epochs == 2)
  }

  @Test func theSeedFixesTheOrder() {
    func order(_ seed: UInt64) -> [Int] {
      var sampler = EpochSampler(itemCount: 20, batchSize: 20, seed: seed)
      return sampler.nextBatch().items.map(\.index)
    }
    #expect(order(1) == order(1))
    #expect(order(1) != order(2))
  }

  @Test func aBatchLargerThanTheFolderGoesOnIntoLaterEpochs() {
    var sampler = EpochSampler(itemCount: 3, batchSize: 8, seed: 1)
    let batch = sampler.nextBatch()
    #expect(batch.items.map(\.epoch) == [0, 0, 0, 1, 1, 1, 2, 2])
    #expect(batch.items[3..<6].map(\.index).sorted() == [0, 1, 2])
    #expect(batch.stateAfter == sampler.state)
    var single = EpochSampler(itemCount: 1, batchSize: 2, seed: 1)
    #expect(single.nextBatch().items.map(\.index) == [0, 0])
  }

  @Test(arguments: 0..<12)
  func aResumedSamplerDrawsTheSameRest(after batches: Int) throws {
    var whole = EpochSampler(itemCount: 11, batchSize: 4, seed: 7)
    for _ in 0..<batches { _ = whole.nextBatch() }
    let saved = try JSONEncoder().encode(whole.state)
    let state = try JSONDecoder().decode(EpochSampler.State.self, from: saved)
    var resumed = try EpochSampler(resuming: state, itemCount: 11, batchSize: 4)
    for _ in 0..<6 { #expect(resumed.nextBatch() == whole.nextBatch()) }
  }

  @Test(arguments: [2, 3])
  func ranksTogetherDrawWhatOneProcessWould(worldSize: Int) {
    // 8 items, of which three ranks have 3, 3 and 2.
    var single = EpochSampler(itemCount: 10, batchSize: 8, seed: 3)
    var ranks = (0..<worldSize).map {
      EpochSampler(itemCount: 10, batchSize: 8, seed: 3, rank: $0, worldSize: worldSize)
    }
    for _ in 0..<5 {
      let whole = single.nextBatch()
      for rank in 0..<worldSize {
        let batch = ranks[rank].nextBatch()
        let expected = stride(from: rank, to: 8, by: worldSize).map { whole.items[$0] }
        #expect(batch.items == expected)
        #expect(batch.stateAfter == whole.stateAfter)
      }
    }
  }

  @Test func anotherNumberOfItemsIsRefused() throws {
    let state = EpochSampler.State(seed: 1, itemCount: 10)
    #expect(
      throws: RunError.samplerChanged(
        what: "the number of items", expected: "10", found: "11")
    ) { try EpochSampler(resuming: state, itemCount: 11, batchSize: 2) }
    let broken = #"{"seed": 1, "itemCount": 10, "epoch": 0, "position": 10}"#
    let decoded = try JSONDecoder().decode(EpochSampler.State.self, from: Data(broken.utf8))
    #expect(throws: RunError.self) {
      try EpochSampler(resuming: decoded, itemCount: 10, batchSize: 2)
    }
  }

  @Test func impossibleSettingsStop() async {
    await #expect(processExitsWith: .failure) {
      _ = EpochSampler(itemCount: 0, batchSize: 1, seed: 0)
    }
    await #expect(processExitsWith: .failure) {
      _ = EpochSampler(itemCount: 1, batchSize: 1, seed: 0, rank: 1, worldSize: 1)
    }
  }
}
