import Foundation

/// Fixed sine and cosine codes of where a token is.
public enum PositionTable {
  /// Codes of one coordinate: `[n, width]`, sines first, then cosines, of frequencies 10000^(-2i/width).
  ///
  /// - Precondition: `width` is even.
  public static func sineCosine(_ coordinates: [Float], width: Int) -> Tensor {
    precondition(width % 2 == 0, "a position code of odd width \(width)")
    let half = width / 2
    var values = [Float](repeating: 0, count: coordinates.count * width)
    for (row, coordinate) in coordinates.enumerated() {
      for i in 0..<half {
        let angle = Double(coordinate) / pow(10_000, Double(i) / Double(half))
        values[row * width + i] = Float(sin(angle))
        values[row * width + half + i] = Float(cos(angle))
      }
    }
    return Tensor(values, shape: [coordinates.count, width])
  }

  /// Codes of places on a grid, row by row: `[rows * columns, width]`.
  ///
  /// The first half of the width encodes the column, the second the row: the order of MAE's and I-JEPA's
  /// published weights (Assran et al. 2023, arXiv:2301.08243).
  ///
  /// - Precondition: `width` is a multiple of 4.
  public static func grid(rows: Int, columns: Int, width: Int) -> Tensor {
    precondition(width % 4 == 0, "grid position codes of width \(width), not a multiple of 4")
    let places = (0..<rows).flatMap { row in (0..<columns).map { (row, $0) } }
    return Tensor.concatenate(
      [
        sineCosine(places.map { Float($0.1) }, width: width / 2),
        sineCosine(places.map { Float($0.0) }, width: width / 2),
      ], along: 1)
  }

  /// Codes of places in space and time, frame by frame: `[frames * rows * columns, width]`.
  ///
  /// One frame has the codes of `grid`; later ones add how the code of their time differs from the
  /// first frame's. So a model of pictures is a model of clips of length one.
  public static func spaceTime(frames: Int, rows: Int, columns: Int, width: Int) -> Tensor {
    let space = grid(rows: rows, columns: columns, width: width)
    let time = sineCosine((0..<frames).map(Float.init), width: width)
    let offsets = time - time.slice(0..<1)
    return (offsets.unsqueezed(1) + space.unsqueezed(0)).reshaped(-1, width)
  }
}
