import Torch

/// What one step wants to make smaller, and what is reported of it.
public struct StepEnergy {
  /// The loss: a scalar with a graph.
  public let total: Tensor
  /// The terms by name, scalars without a graph.
  public let terms: [(name: String, value: Tensor)]
  /// Embeddings of the step's items, `[B, D]`, without a graph: collapse is watched on them. Nil where
  /// nothing is embedded.
  public let embeddings: Tensor?
  /// How much of full collapse each of SIGReg's statistics shows, 0 to about 1; empty without SIGReg.
  public var collapseShares: [Tensor]
  /// How the embeddings lie on several processes; nil for one.
  public var embeddingShares: RowShares?

  /// Of several processes each has its own numbers: their means over the processes are those of all items.
  public init(
    total: Tensor, terms: [(name: String, value: Tensor)], embeddings: Tensor? = nil,
    collapseShares: [Tensor] = [], embeddingShares: RowShares? = nil
  ) {
    self.embeddingShares = embeddingShares
    self.total = total
    self.terms = terms
    self.embeddings = embeddings
    self.collapseShares = collapseShares
  }

  /// The same numbers without a graph, whose memory can go.
  var withoutGraph: StepEnergy {
    StepEnergy(
      total: total.detached(), terms: terms, embeddings: embeddings,
      collapseShares: collapseShares.map { $0.detached() })
  }

  /// The loss, its terms and the collapse shares, `[n]`, in memory of their own.
  var numbers: Tensor {
    Tensor.stack(([total] + terms.map(\.value) + collapseShares).map { $0.detached() })
  }

  /// The same with other `numbers`.
  func replacing(numbers: Tensor) -> StepEnergy {
    StepEnergy(
      total: numbers[0],
      terms: terms.enumerated().map { ($1.name, numbers[$0 + 1]) }, embeddings: embeddings,
      collapseShares: collapseShares.indices.map { numbers[$0 + 1 + terms.count] })
  }

  /// The embeddings of all processes.
  var allEmbeddings: Tensor? {
    guard let embeddingShares else { return embeddings }
    return withoutGradient { embeddings?.gathered(embeddingShares) }
  }

  /// The mean of the energies of a step's batches; the embeddings are the last one's.
  static func mean(of energies: [StepEnergy]) -> StepEnergy {
    guard let last = energies.last else { preconditionFailure("the mean of no energies") }
    guard energies.count > 1 else { return last }
    func mean(_ value: (StepEnergy) -> Tensor) -> Tensor {
      Tensor.stack(energies.map(value)).mean(0)
    }
    return StepEnergy(
      total: mean(\.total),
      terms: last.terms.enumerated().map { index, term in
        (term.name, mean { $0.terms[index].value })
      },
      embeddings: last.embeddings,
      collapseShares: last.collapseShares.indices.map { index in
        mean { $0.collapseShares[index] }
      })
  }
}
