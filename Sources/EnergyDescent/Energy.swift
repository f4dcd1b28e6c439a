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
