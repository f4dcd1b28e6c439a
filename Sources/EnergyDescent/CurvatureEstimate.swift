import Torch

/// The inverse of softmax regression's Hessian, near enough to make a fit take ten steps instead of
/// thousands.
///
/// With a the mean of p (1 - p), the Hessian of each class is near `H = a / N X^T X + strength I`. It is
/// inverted whole where D is small enough. Otherwise m rows Z of X stand for all, and by Woodbury
/// `H^-1 = (I - Z^T (Z Z^T + c I)^-1 Z) / strength` with `c = strength m / a`. A fit's minimum does not
/// depend on this estimate, only the number of its steps does.
///
/// Reference: Böhning 1992, "Multinomial logistic regression algorithm", on such a bound of the Hessian.
package struct CurvatureEstimate {
  private let gram: Tensor
  private let rows: Tensor?
  private let rowCount: Int

  // An inverse of this size takes half a second on two cores, and every strength needs one.
  private static let greatestWidth = 3072
  private static let greatestRowCount = 2048

  /// - Parameter x: standardized embeddings `[N, D]`.
  package init(of x: Tensor) {
    let (count, width) = (x.size(0), x.size(1))
    if width <= Self.greatestWidth, width <= count {
      rows = nil
      rowCount = count
      gram = x.transposed().matmul(x)
    } else {
      // Files come class by class: evenly spaced rows are of all classes.
      let step = (count + Self.greatestRowCount - 1) / Self.greatestRowCount
      let rows = x.slice(0..<count, by: step).contiguous()
      self.rows = rows
      rowCount = rows.size(0)
      gram = rows.matmul(rows.transposed())
    }
  }

  /// A function that multiplies `[D + 1, K]` in float64, the last row the biases', by H's inverse.
  package func inverse(meanVariance a: Double, strength: Double) -> (Tensor) -> Tensor {
    let side = gram.size(0)
    let precision = gram.dtype == .float64 ? 1e-12 : 1e-6
    // Standardized: the trace of X^T X / N is at most D, which bounds the greatest eigenvalue. Below
    // this part of it, rounding would decide about the inverse, or that there is none.
    let width = rows?.size(1) ?? side
    let ridge = max(strength, precision * a * Double(width))
    let shift = ridge * Double(rowCount) / a
    let inverse = (gram + Tensor.identity(side, dtype: gram.dtype) * shift)
      .positiveDefiniteInverse()
    return { [rows, rowCount] x in
      let weights = x.slice(0..<x.size(0) - 1).to(inverse.dtype)
      let bias = x.slice(x.size(0) - 1..<x.size(0)) / a
      let result: Tensor
      if let rows {
        let seen = inverse.matmul(rows.matmul(weights))
        result = (weights - seen.transposed().matmul(rows).transposed()) / ridge
      } else {
        result = inverse.matmul(weights) * (Double(rowCount) / a)
      }
      return Tensor.concatenate([result.to(.float64), bias])
    }
  }
}
