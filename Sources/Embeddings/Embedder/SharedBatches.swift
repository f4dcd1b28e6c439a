import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

/// Batches of pictures that one process, or several, read and compute on; rank 0 gets what came of all, in order.
///
/// The batches are those of one process, and each process has every so many-th of them: another batch would change the
/// last bits of a number. All go through the names of all pictures, and read the pixels of their own.
package final class SharedBatches {
  /// What came of one batch.
  package struct Batch {
    /// The places of the pictures that could be read among all, from 0.
    package let items: [Int]
    package let rows: [EmbeddingRow]
    /// What could not be read.
    package let failures: [ImageFailure]
    /// `[n] + shape`, on the CPU.
    package let results: Tensor
    /// The pictures, normalised, `[n, 3, S, S]`; nil where another process had them and does not send them.
    package let pictures: Tensor?
    /// Up to where the batch goes.
    package let positionAfter: ImagePosition
  }

  /// Called where another process, or this one, has failed, before any of them ends: a launcher ends the others at once.
  package var willFail: () -> Void = {}
  /// Whether a signal to any of the processes has ended the reading.
  package private(set) var isInterrupted = false

  private let reader: RoundReader
  private let batches: ImageBatches
  private let shape: [Int]
  private let dtype: DType
  private let group: ProcessGroup?
  private let sendsPictures: Bool
  private let stop: StopSignal?
  private let compute: (Tensor) throws -> Tensor
  private let computation = Computation()
  /// Whose memory is given back after the round.
  private var read: ImageBatch?
  /// What all processes know: the signal that came to one of them, or 0.
  private var agreedSignal: Int32?

  /// - Parameters:
  ///   - entries: the pictures, in order; the same in all processes.
  ///   - position: where they begin.
  ///   - preprocessing: what is made of a picture.
  ///   - batchSize: pictures in a batch.
  ///   - options: how the loader works.
  ///   - shape: of what comes of one picture.
  ///   - dtype: of what comes of one picture.
  ///   - group: the processes; nil for one.
  ///   - sendsPictures: whether rank 0 gets the pictures, too.
  ///   - stop: ends the reading after a round.
  ///   - compute: pictures `[n, 3, S, S]` to `[n] + shape`, on the CPU.
  package init(
    _ entries: some Sequence<ImageEntry>, from position: ImagePosition = ImagePosition(),
    preprocessing: ImagePreprocessing, batchSize: Int, decoder: ImageDecoder,
    options: LoaderOptions, shape: [Int], dtype: DType, group: ProcessGroup?,
    sendsPictures: Bool = false, until stop: StopSignal? = nil,
    compute: @escaping (Tensor) throws -> Tensor
  ) throws {
    reader = RoundReader(
      entries, from: position, batchSize: batchSize, rank: group?.rank ?? 0,
      worldSize: group?.worldSize ?? 1)
    batches = try ImageBatches(
      reader, size: preprocessing.imageSize, batchSize: batchSize, filter: preprocessing.filter,
      normalization: preprocessing.normalization, decoder: decoder, options: options)
    self.shape = shape
    self.dtype = dtype
    self.group = group
    self.sendsPictures = sendsPictures
    self.stop = stop
    self.compute = compute
  }

  /// Reads a batch in each process.
  ///
  /// - Parameter take: is given each batch in rank 0, or in the one process there is.
  /// - Returns: false, after nothing was done, at the end or where a signal came.
  /// - Throws: `ImageError`, and what `compute` and `take` throw; `ToldByAnotherProcess` where another process
  ///   fails, after rank 0 took what comes before; `ProcessGroupError.different`.
  package func nextRound(_ take: (Batch) throws -> Void) throws -> Bool {
    guard let round = reader.rounds.first else { return false }
    isInterrupted = try isAskedToStop()
    if isInterrupted { return false }
    reader.rounds.removeFirst()
    if let group {
      try exchange(round, in: group, take)
    } else {
      try take(try ownBatch(of: round, rank: 0).batch)
    }
    if let read { batches.release(read) }
    read = nil
    return true
  }

  private func isAskedToStop() throws -> Bool {
    guard let group else { return stop?.isRequested == true }
    if agreedSignal == nil {
      agreedSignal = try agreed(group.numbers([Int64(signal)]).map { $0[0] })
    }
    return agreedSignal != 0
  }

  private var signal: Int32 { stop == nil ? 0 : StopSignal.number }

  private func agreed(_ signals: [Int64]) throws -> Int32 {
    let signal = Int32(signals.first { $0 != 0 } ?? 0)
    StopSignal.share(signal)
    return signal
  }

  // MARK: One process's part

  /// What this process read, and what it tells rank 0 beside the results.
  private func ownBatch(of round: Round, rank: Int) throws -> (batch: Batch, note: BatchNote) {
    guard let read = try batches.nextRequested() else {
      preconditionFailure("a round without a batch")
    }
    self.read = read
    let note = BatchNote(places: read.places, failures: batches.takeFailures())
    guard read.count > 0 else { return (emptyBatch(of: round, rank: rank, note), note) }
    let pictures = read.tensor
    let results = try computation.run { [compute] in try compute(pictures) }
    return (round.batch(ofRank: rank, note: note, results: results, pictures: pictures), note)
  }

  private func emptyBatch(of round: Round, rank: Int, _ note: BatchNote) -> Batch {
    round.batch(
      ofRank: rank, note: note, results: Tensor.zeros([0] + shape, dtype: dtype), pictures: nil)
  }

  // MARK: Several

  private func exchange(
    _ round: Round, in group: ProcessGroup, _ take: (Batch) throws -> Void
  ) throws {
    let rank = group.rank
    let own = Result { round.hasBatch(ofRank: rank) ? try ownBatch(of: round, rank: rank) : nil }
    let found = try? own.get()
    let note = found.map { $0.note.failures.isEmpty ? [] : $0.note.bytes } ?? []
    var head = RoundHead(position: round.end, signal: signal)
    head.hasFailed = if case .failure = own { true } else { false }
    head.pictureCount = found?.batch.rows.count ?? 0
    head.noteBytes = note.count
    let heads = group.numbers(head.numbers).map(RoundHead.init)
    try requireSamePictures(heads)
    let failed = heads.firstIndex { $0.hasFailed } ?? group.worldSize
    if group.isFirst {
      for other in 0..<failed where round.hasBatch(ofRank: other) {
        try take(
          try other == 0
            ? own.get()!.batch
            : batch(of: round, from: other, heads[other], in: group))
      }
    } else if rank < failed, let found {
      if !note.isEmpty { group.send(Tensor(note), to: 0) }
      if head.pictureCount > 0 {
        group.send(found.batch.results, to: 0)
        if sendsPictures { group.send(found.batch.pictures!, to: 0) }
      }
    }
    guard failed == group.worldSize else {
      willFail()
      group.waitForAll()
      if rank == failed { _ = try own.get() }
      throw ToldByAnotherProcess()
    }
    agreedSignal = try agreed(heads.map { Int64($0.signal) })
  }

  /// What another process sends.
  private func batch(
    of round: Round, from rank: Int, _ head: RoundHead, in group: ProcessGroup
  ) throws -> Batch {
    var note = BatchNote(places: Array(0..<head.pictureCount), failures: [])
    if head.noteBytes > 0 {
      let bytes: [UInt8] = group.receive([head.noteBytes], .uint8, from: rank).array()
      note = try JSONDecoder().decode(BatchNote.self, from: Data(bytes))
    }
    let count = head.pictureCount
    guard count > 0 else { return emptyBatch(of: round, rank: rank, note) }
    let results = group.receive([count] + shape, dtype, from: rank)
    let side = batches.size
    let pictures =
      sendsPictures ? group.receive([count, 3, side, side], .float32, from: rank) : nil
    return round.batch(ofRank: rank, note: note, results: results, pictures: pictures)
  }

  private func requireSamePictures(_ heads: [RoundHead]) throws {
    let texts = heads.map {
      "\($0.count) so far with checksum \(String($0.fingerprint, radix: 16))"
    }
    guard Set(texts).count == 1 else {
      throw ProcessGroupError.different(what: "pictures", values: texts)
    }
  }
}

/// Which pictures of a batch could be read, and why the others could not.
private struct BatchNote: Codable {
  let places: [Int]
  let failures: [ImageFailure]

  var bytes: [UInt8] {
    guard let data = try? JSONEncoder().encode(self) else {
      preconditionFailure("a note of numbers and texts")
    }
    return Array(data)
  }
}

/// What a process tells all others of its part of a round.
private struct RoundHead {
  let count: Int
  let fingerprint: UInt64
  let signal: Int32
  var hasFailed = false
  var pictureCount = 0
  var noteBytes = 0

  init(position: ImagePosition, signal: Int32) {
    count = position.count
    fingerprint = position.fingerprint
    self.signal = signal
  }

  var numbers: [Int64] {
    [
      Int64(count), Int64(bitPattern: fingerprint), Int64(signal), hasFailed ? 1 : 0,
      Int64(pictureCount), Int64(noteBytes),
    ]
  }

  init(_ numbers: [Int64]) {
    count = Int(numbers[0])
    fingerprint = UInt64(bitPattern: numbers[1])
    signal = Int32(numbers[2])
    hasFailed = numbers[3] != 0
    pictureCount = Int(numbers[4])
    noteBytes = Int(numbers[5])
  }
}

/// A batch of each process, without pixels; of the last round some have none.
private struct Round {
  var batches: [(first: Int, rows: [EmbeddingRow], after: ImagePosition)] = []
  var end: ImagePosition { batches.last!.after }

  func hasBatch(ofRank rank: Int) -> Bool { rank < batches.count }

  func batch(
    ofRank rank: Int, note: BatchNote, results: Tensor, pictures: Tensor?
  ) -> SharedBatches.Batch {
    let (first, rows, after) = batches[rank]
    return SharedBatches.Batch(
      items: note.places.map { first + $0 }, rows: note.places.map { rows[$0] },
      failures: note.failures, results: results, pictures: pictures, positionAfter: after)
  }
}

/// Goes through all pictures, hands out those of one process's batches, and keeps what the rounds hold.
private final class RoundReader: Sequence, IteratorProtocol {
  var rounds: [Round] = []
  private let nextEntry: () -> ImageEntry?
  private let batchSize: Int
  private let rank: Int
  private let worldSize: Int
  private var position: ImagePosition
  private var own: ArraySlice<ImageEntry> = []
  private var isAtEnd = false

  init(
    _ entries: some Sequence<ImageEntry>, from position: ImagePosition, batchSize: Int, rank: Int,
    worldSize: Int
  ) {
    var rest = entries.makeIterator()
    nextEntry = { rest.next() }
    self.position = position
    self.batchSize = batchSize
    self.rank = rank
    self.worldSize = worldSize
  }

  func next() -> ImageEntry? {
    while own.isEmpty, !isAtEnd { readRound() }
    return own.popFirst()
  }

  private func readRound() {
    var round = Round()
    while !isAtEnd, round.batches.count < worldSize {
      let first = position.count
      var rows: [EmbeddingRow] = []
      while rows.count < batchSize, let entry = nextEntry() {
        position.pass(entry)
        rows.append(EmbeddingRow(entry))
        if round.batches.count == rank { own.append(entry) }
      }
      isAtEnd = rows.count < batchSize
      if !rows.isEmpty { round.batches.append((first, rows, position)) }
    }
    if !round.batches.isEmpty { rounds.append(round) }
  }
}

extension ProcessGroup {
  /// The numbers of each process, by rank; all have as many.
  fileprivate func numbers(_ own: [Int64]) -> [[Int64]] {
    let all: [Int64] = Tensor(own).gathered(over: self).flattened().array()
    return stride(from: 0, to: all.count, by: own.count).map { Array(all[$0..<$0 + own.count]) }
  }
}
