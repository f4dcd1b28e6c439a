import Torch

/// Momentum whose matrices are made orthogonal: every direction of a layer moves equally far.
///
///     m = mu m + g          u = g + mu m
///     W = W - a d W - s a orthogonal(u),   s = sqrt(max(1, rows / columns))
///
/// with step size a and decay d. `orthogonal` is five steps of a Newton-Schulz iteration, which drives all
/// singular values near 1. Only for matrices inside a network; a convolution's kernel is one of
/// `[out, in * height * width]`. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural
/// networks".
public final class Muon: UpdateRule {
  public let momentum: Double
  public let weightDecay: Double
  private let precision: DType
  private var moments: [Tensor] = []

  /// - Parameter precision: what the iteration computes in: it forgives bfloat16, where that is faster.
  public init(momentum: Double = 0.95, weightDecay: Double = 0, precision: DType = .float32) {
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.precision = precision
  }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    withoutGradient {
      if moments.isEmpty { moments = variables.map { Tensor.zeros(like: $0) } }
      precondition(
        variables.count == moments.count, "Muon serves \(moments.count) variables")
      for (moment, gradient) in zip(moments, gradients) {
        moment.scale(by: momentum)
        moment.accumulate(gradient)
      }
      // Matrices of one shape are made orthogonal together.
      let shapes = variables.map { [$0.size(0), $0.count / $0.size(0)] }
      for shape in Set(shapes) {
        let members = shapes.indices.filter { shapes[$0] == shape }
        let directions = Tensor.stack(
          members.map { (gradients[$0] + moments[$0] * momentum).reshaped(shape) })
        let orthogonal = Self.orthogonalized(directions, precision: precision)
        let scale = (max(1, Double(shape[0]) / Double(shape[1]))).squareRoot()
        for (row, member) in members.enumerated() {
          let variable = variables[member]
          variable.scale(by: 1 - stepSize * weightDecay)
          variable.accumulate(orthogonal[row].reshaped(variable.shape), scale: -stepSize * scale)
        }
      }
    }
  }

  /// The orthogonal matrices nearest to matrices `[n, rows, columns]`, roughly: singular values end
  /// between 0.7 and 1.2.
  static func orthogonalized(_ matrices: Tensor, precision: DType) -> Tensor {
    let isTall = matrices.size(1) > matrices.size(2)
    let wide = isTall ? matrices.transposed() : matrices
    var x = (wide / (wide.norm(1, 2, keepingDimensions: true) + 1e-7)).to(precision)
    for _ in 0..<5 {
      let gram = x.matmul(x.transposed())
      x = x * 3.4445 + (gram * -4.7750 + gram.matmul(gram) * 2.0315).matmul(x)
    }
    let result = x.to(matrices.dtype)
    return isTall ? result.transposed() : result
  }

  public func keep(rows: Tensor) {
    preconditionFailure("Muon moves matrices of weights, which have no items")
  }

  public var state: [(name: String, tensor: Tensor)] {
    moments.enumerated().map { ("\($0).moment", $1) }
  }

  public func restore(_ state: [String: Tensor], for variables: [Tensor]) {
    guard !state.isEmpty else { return }
    moments = variables.indices.map { index in
      guard let moment = state["\(index).moment"] else {
        preconditionFailure("Muon's state lacks \(index).moment")
      }
      return moment.to(device: variables[index].device)
    }
  }
}
