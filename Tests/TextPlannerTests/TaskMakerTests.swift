import Foundation
import TestSupport
import Testing
import TrainingRuns

@testable import TextPlanner

/// The files that `jepa make-task` writes.
@Suite struct TaskMakerTests {
  private func examples(
    _ name: TextTaskName, _ count: Int, for split: TaskSplit, size: Int? = nil,
    difficulties: ClosedRange<Int>? = nil, seed: UInt64 = 1
  ) throws -> [TextExample] {
    let task = try name.task(size: size, difficulties: difficulties)
    return try TaskMaker(task, seed: seed).examples(count, for: split)
  }

  @Test(arguments: TextTaskName.allCases.filter { $0 != .sudoku6 })
  func sharesAreEqualAndExamplesDifferent(name: TextTaskName) throws {
    let difficulties = try Array(name.task().difficulties)
    let examples = try examples(name, 20 * difficulties.count + 1, for: .train)
    for (place, difficulty) in difficulties.enumerated() {
      #expect(
        examples.count { $0.difficulty == difficulty } == 20 + (place == 0 ? 1 : 0), "\(difficulty)"
      )
    }
    #expect(Set(examples.map(\.prompt)).count == examples.count)
  }

  @Test(arguments: TextTaskName.allCases.filter { $0 != .sudoku6 })
  func theSeedDecidesAllAndNothingIsInBothFiles(name: TextTaskName) throws {
    let train = try examples(name, 60, for: .train)
    #expect(try examples(name, 60, for: .train) == train)
    #expect(try examples(name, 60, for: .train, seed: 2) != train)
    let test = try examples(name, 60, for: .test, seed: 2)
    #expect(Set(test.map(\.prompt)).isDisjoint(with: train.map(\.prompt)))
  }

  @Test func sumsAreRight() throws {
    for example in try examples(.addition, 90, for: .test) {
      let numbers = example.prompt.split(separator: "+").compactMap { Int($0) }
      #expect(numbers.count == 2 && numbers.allSatisfy { String($0).count == 8 })
      #expect(example.answer == String(numbers[0] + numbers[1]))
    }
  }

  /// 5 + 5 carries once; 999 + 1 three times in a row; 1919 + 1181 in two runs of one and two.
  @Test(arguments: [
    (5, 4, 0), (5, 5, 1), (999, 1, 3), (15, 15, 1), (1919, 1181, 3), (1090, 20, 1), (9909, 91, 4),
  ])
  func carriesByHand(first: Int, second: Int, longest: Int) {
    #expect(AdditionTask.longestCarry(first, second) == longest)
  }

  @Test func sortsAreRight() throws {
    for example in try examples(.sort, 44, for: .test) {
      #expect(example.answer == String(example.prompt.sorted()))
      #expect(example.prompt.count == example.difficulty)
    }
  }

  @Test func pathsAreShortestAndTheOnlyOnes() throws {
    for example in try examples(.path, 50, for: .test) {
      let pairs = example.prompt.split(separator: " ").map { Array($0) }
      let edges = pairs.dropFirst()
      let (start, end) = (pairs[0][0], pairs[0][1])
      // All walks of n edges from the start, by trying.
      var walks: [[Character]] = [[start]]
      var length = 0
      while !walks.contains(where: { $0.last == end }) {
        walks = walks.flatMap { walk in
          edges.compactMap { edge in
            edge[0] == walk.last ? walk + [edge[1]] : edge[1] == walk.last ? walk + [edge[0]] : nil
          }
        }
        length += 1
      }
      #expect(walks.filter { $0.last == end }.map { String($0) } == [example.answer])
      #expect(length == example.difficulty)
    }
  }

  @Test func twoEquallyShortPathsAreNone() {
    let square = TextGraph(nodes: 5, edges: [(0, 1), (1, 2), (2, 3), (3, 0)])
    #expect(square.onlyShortestPath(from: 0, to: 2) == nil)
    #expect(square.onlyShortestPath(from: 0, to: 1) == [0, 1])
    #expect(square.onlyShortestPath(from: 0, to: 4) == nil)
  }

  @Test func filesAreWrittenAndReadBack() throws {
    let folder = TemporaryPath("task")
    let task = try TextTaskName.sort.task()
    try TaskMaker(task, seed: 4).write(to: folder.path, train: 30, test: 20)
    let train = try TextDataset(contentsOf: "\(folder.path)/train.jsonl")
    let test = try TextDataset(contentsOf: "\(folder.path)/test.jsonl")
    #expect(try train.examples == TaskMaker(task, seed: 4).examples(30, for: .train))
    #expect(test.examples.count == 20)

    let error = #expect(throws: TaskError.self) {
      try TaskMaker(task, seed: 4).write(to: folder.path, train: 30, test: 20)
    }
    #expect(error?.description == "\(folder.path) is not empty: name another output folder")
  }

  @Test func moreThanThereAreIsAnErrorAndWritesNothing() throws {
    let folder = TemporaryPath("task")
    // Letters alone: 26, of which some are held out.
    let task = try TextTaskName.addition.task(size: 1, difficulties: 0...0)
    let error = #expect(throws: TaskError.self) {
      try TaskMaker(task, seed: 4).write(to: folder.path, train: 100, test: 1)
    }
    guard case .tooFew(split: "train", difficulty: 0, wanted: 100, let found, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Digits whose sum is below 10: 55 ordered pairs, one in eight of them held out.
    #expect((40...55).contains(found))
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func moreRelativesThanThereAreIsAnError() throws {
    let task = try TextTaskName.addition.task(size: 2, difficulties: 0...0)
    let error = #expect(throws: TaskError.self) {
      _ = try TaskMaker(task, seed: 4).examples(9, for: .train, originals: 3)
    }
    #expect(error == .tooFewRelatives(split: "train", wanted: 9, found: 3, of: 3))
  }

  @Test func settingsOutsideTheirRangeAreNamed() {
    func description(_ body: () throws -> any TextTask) -> String? {
      #expect(throws: TaskError.self) { _ = try body() }?.description
    }
    #expect(
      description { try TextTaskName.sudoku4.task(size: 4) }
        == "--size: expected none, sudoku4 has one size, found 4")
    #expect(
      description { try TextTaskName.addition.task(size: 19) }
        == "--size: expected 1 to 18, found 19")
    #expect(
      description { try TextTaskName.sudoku4.task(difficulties: 2...4) }
        == "--difficulties: expected within 1-3, found 2-4")
  }
}
