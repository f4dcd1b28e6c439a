import Torch

/// A number for each item that says how badly things fit: 0 or little for a good fit.
///
/// The same idea carries all of the program: over weights it is learned, over latents it is inferred and
/// planned with (LeCun 2022, "A path towards autonomous machine intelligence", section 4).
public protocol Energy {
  /// The energies of some items of a batch.
  ///
  /// - Parameters:
  ///   - variables: the tensors to be found, each `[n, …]`: only the rows of `items`.
  ///   - items: int64 `[n]`, which items of the batch these are; what the energy is conditioned on is
  ///     gathered by it.
  /// - Returns: `[n]`, differentiable by the variables.
  func energies(of variables: [Tensor], items: Tensor) -> Tensor
}

/// An energy that is half of the squared distance between variables and what is predicted of them:
///
///     E(z) = 1/2 |r|^2,   r = z - F(z)
///
/// It is 0 where F gives back what it was given. Its gradient is (I - J)^T r, with J the derivative of F.
/// The residual r is had without a derivative, and leads down the energy too where the symmetric part of J
/// is below 1; there a full step along it lands on F(z).
public protocol ResidualEnergy: Energy {
  /// F(z) of some items: for each variable a tensor of its shape, differentiable by the variables.
  func predictions(of variables: [Tensor], items: Tensor) -> [Tensor]
}

extension ResidualEnergy {
  public func energies(of variables: [Tensor], items: Tensor) -> Tensor {
    Self.energies(of: residuals(of: variables, items: items).residuals)
  }

  /// r = z - F(z), and F(z).
  func residuals(
    of variables: [Tensor], items: Tensor
  ) -> (residuals: [Tensor], predictions: [Tensor]) {
    let predictions = predictions(of: variables, items: items)
    precondition(
      predictions.map(\.shape) == variables.map(\.shape),
      "predictions of shapes \(predictions.map(\.shape)) for variables of \(variables.map(\.shape))"
    )
    return (zip(variables, predictions).map { $0 - $1 }, predictions)
  }

  /// 1/2 |r|^2, `[n]`.
  static func energies(of residuals: [Tensor]) -> Tensor {
    let parts = residuals.map { $0.flattened(1).squared().sum(1) * 0.5 }
    return parts.dropFirst().reduce(parts[0], +)
  }
}
