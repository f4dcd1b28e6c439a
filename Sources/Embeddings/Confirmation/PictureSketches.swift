import Files
import Foundation
import Pictures

/// The sketches of pictures, and how well two of them agree.
///
/// Every picture is decoded once, small, by threads that read ahead a few batches; its sketch is kept.
struct PictureSketches: Sendable {
  private struct Sketch {
    let luma: LumaSketch
    let colours: ColourGrid

    init(_ pixels: UnsafePointer<Float>) {
      luma = LumaSketch(pixels)
      colours = ColourGrid(pixels)
    }
  }

  /// By the number that each picture was given.
  private let sketches: [Int: Sketch]

  private static let batchSize = 64
  /// Pairs that one thread compares before it takes more.
  private static let pairsAtOnce = 64

  /// Reads pictures.
  ///
  /// - Parameters:
  ///   - pictures: for each its number and its path. One that cannot be read has no sketch.
  ///   - progress: is told how many are read.
  /// - Throws: `ImageError.noRoomForThreads`, `.noRoomForBatch`.
  init(
    of pictures: [(number: Int, path: String)], decoder: ImageDecoder,
    progress: WorkProgress? = nil
  ) throws(ImageError) {
    let batches = try ImageBatches(
      pictures.lazy.map { ImageEntry(file: $0.path) }, size: LumaSketch.side,
      batchSize: Self.batchSize, fit: .squash, normalization: .identity, decoder: decoder)
    progress?.begin("looking at the pictures", total: pictures.count, of: "pictures")
    var sketches: [Int: Sketch] = [:]
    sketches.reserveCapacity(pictures.count)
    while let batch = try batches.next() {
      for (number, sketch) in zip(batch.items, Self.sketches(of: batch)) {
        sketches[pictures[number].number] = sketch
      }
      progress?.advance(by: batch.count)
      batches.release(batch)
    }
    self.sketches = sketches
  }

  private static func sketches(of batch: ImageBatch) -> [Sketch] {
    let pixelCount = 3 * LumaSketch.side * LumaSketch.side
    var sketches = [Sketch?](repeating: nil, count: batch.count)
    sketches.withUnsafeMutableBufferPointer { sketches in
      nonisolated(unsafe) let (sketches, pixels) = (sketches, batch.pixels.baseAddress!)
      DispatchQueue.concurrentPerform(iterations: sketches.count) { row in
        sketches[row] = Sketch(pixels + row * pixelCount)
      }
    }
    return sketches.map { $0! }
  }

  /// The pictures that could be read, in the order of their numbers.
  var numbers: [Int] { sketches.keys.sorted() }

  /// A picture at its coarsest, 16 rows of 16 values.
  ///
  /// - Precondition: there is a sketch of it.
  func coarsest(_ number: Int, mirrored: Bool) -> [Float] {
    sketches[number]!.luma.coarsest(mirrored: mirrored)
  }

  /// Whether a picture could be read.
  func has(_ number: Int) -> Bool { sketches[number] != nil }

  /// How well the pictures of each pair agree, 0...1, and 0 where their colours contradict each other; whichever threads compare them. Of each pair the first is what the
  /// other is looked for in: pairs that share it come faster one after the other.
  ///
  /// - Precondition: there are sketches of both.
  func agreements(
    of pairs: [(first: Int, second: Int)], progress: WorkProgress? = nil
  ) -> [Float] {
    progress?.begin("comparing pixels", total: pairs.count, of: "pairs")
    var agreements = [Float](repeating: 0, count: pairs.count)
    let pieceCount = (pairs.count + Self.pairsAtOnce - 1) / Self.pairsAtOnce
    // So that a terminal is told now and then, and each thread makes a comparer but seldom.
    let piecesAtOnce = 64
    for start in stride(from: 0, to: pieceCount, by: piecesAtOnce) {
      let pieces = start..<min(start + piecesAtOnce, pieceCount)
      agreements.withUnsafeMutableBufferPointer { agreements in
        nonisolated(unsafe) let agreements = agreements
        DispatchQueue.concurrentPerform(iterations: pieces.count) { number in
          let begin = (pieces.lowerBound + number) * Self.pairsAtOnce
          let comparer = SketchComparer()
          var reference: Int?
          for place in begin..<min(begin + Self.pairsAtOnce, pairs.count) {
            let pair = pairs[place]
            let (first, second) = (sketches[pair.first]!, sketches[pair.second]!)
            if reference != pair.first {
              comparer.setReference(first.luma)
              reference = pair.first
            }
            let agreement = comparer.agreement(with: second.luma)
            let isOther = comparer.placement.map {
              first.colours.contradicts(second.colours, at: $0)
            }
            agreements[place] = isOther ?? true ? 0 : agreement
          }
        }
      }
      progress?.update(min(pieces.upperBound * Self.pairsAtOnce, pairs.count))
    }
    return agreements
  }
}
