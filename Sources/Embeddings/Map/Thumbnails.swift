import Files
import Foundation
import Pictures

/// Small pictures of rows, as JPEG.
struct Thumbnails {
  /// For each row its picture, where it has one.
  let jpegs: [[UInt8]?]
  /// The side of the square in pixels.
  let size = 64
  /// One row in so many has a picture.
  let step: Int
  let failures: [ImageFailure]

  /// Reads the pictures, on as many threads as there are cores.
  ///
  /// - Parameters:
  ///   - most: how many, at most.
  ///   - progress: is told how far it is.
  /// - Throws: `ImageError.outOfMemory`.
  init(
    of rows: [EmbeddingRow], most: Int, decoder: ImageDecoder, progress: WorkProgress? = nil
  ) throws {
    step = max(1, (rows.count + most - 1) / most)
    let chosen = Array(stride(from: 0, to: rows.count, by: step))
    var jpegs = [[UInt8]?](repeating: nil, count: rows.count)
    let batches = try ImageBatches(
      RowEntries(chosen.map { rows[$0] }, shortSide: size), size: size, batchSize: 64,
      filter: .bilinear, normalization: .identity, decoder: decoder,
      options: LoaderOptions(workers: ProcessInfo.processInfo.activeProcessorCount))
    let count = 3 * size * size
    progress?.begin("thumbnails", total: chosen.count, of: "pictures")
    while let batch = try batches.next() {
      for (row, item) in batch.items.enumerated() {
        let planes = UnsafeBufferPointer(rebasing: batch.pixels[row * count..<(row + 1) * count])
        jpegs[chosen[item]] = try RGBImage(planes: planes, width: size, height: size)
          .jpegBytes(quality: 70)
      }
      batches.release(batch)
      progress?.update(batches.position.count)
    }
    self.jpegs = jpegs
    failures = batches.failures
  }
}
