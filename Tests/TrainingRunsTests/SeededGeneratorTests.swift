import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct SeededGeneratorTests {
  @Test func countersMakeStreamsOfTheirOwn() {
    var streams = [
      SeededGenerator(seed: 1), SeededGenerator(seed: 2), SeededGenerator(seed: 1, 0),
      SeededGenerator(seed: 1, 0, 1), SeededGenerator(seed: 1, 1, 0),
    ]
    let first = streams.indices.map { streams[$0].next() }
    #expect(Set(first).count == first.count)
    var again = SeededGenerator(seed: 1, 0, 1)
    #expect(again.next() == first[3])
  }

  @Test func drawsStayInTheirBounds() {
    var generator = SeededGenerator(seed: 5)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 {
      counts[generator.index(below: 7)] += 1
      #expect((0..<1).contains(generator.uniform()))
      #expect((-2...3).contains(generator.uniform(in: -2...3)))
    }
    #expect(counts.allSatisfy { (850...1150).contains($0) })
  }

  @Test func shufflingKeepsEveryElement() {
    var generator = SeededGenerator(seed: 5)
    var elements = Array(0..<100)
    generator.shuffle(&elements)
    #expect(elements != Array(0..<100))
    #expect(elements.sorted() == Array(0..<100))
  }
}
