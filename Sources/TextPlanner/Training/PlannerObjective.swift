import EnergyDescent
import Files
import Torch

/// What a step computed before it descends: the loss, its terms, and what is watched.
struct PlannerStep {
  let loss: Tensor
  let terms: [(name: String, value: Tensor)]
  /// What each descent under way is to go against, `[n, A, Z]`, no graph.
  let directions: Tensor
  /// `[B, D]`, no graph.
  let promptEmbeddings: Tensor
}

/// The loss of one step: a single step down the energy must land on the true answer.
///
///     z' = z - dE(x, z)/dz   or   z' = z - r = D(s_x, z)
///     L  = MSE(z', z*) + a CE(dec z', y) + b family + c E(x, z*)
///
/// from latents z that are noised truth, corrupted truth, pure noise, or where the model's own descents
/// stand. Along the gradient nothing is unrolled: a step is trained by itself, wherever it starts. Along
/// residuals, whose graph costs a third, descents under way take a few steps in a row with the graph of
/// all, and every one of them must land.
struct PlannerObjective {
  let model: PlannerModel
  let pairs: TrainingPairs
  let configuration: ObjectiveConfiguration
  let corruption: AnswerCorruption
  let memory: MemoryTraining?
  let generator: RandomGenerator
  /// How the items lie on several processes; nil for one. The family's term is that of all of them.
  var shares: RowShares?
  /// How those of them lie whose descents are under way; nil for one process, or where there are none.
  var rolloutShares: RowShares?
  /// What all processes draw alike; nil for `generator`.
  var sharedGenerator: RandomGenerator?
  private let sigreg = SIGReg()
  private let vicreg = VICReg()

  init(
    _ model: PlannerModel, pairs: TrainingPairs, configuration: ObjectiveConfiguration,
    memory: MemoryTraining?, using generator: RandomGenerator
  ) {
    self.model = model
    self.pairs = pairs
    self.configuration = configuration
    self.memory = memory
    self.generator = generator
    corruption = AnswerCorruption(
      alphabet: pairs.alphabet, symbolCount: model.vocabulary.count, device: model.device,
      using: generator)
  }

  /// The loss of a batch.
  ///
  /// - Parameters:
  ///   - fresh: examples to start from noised or corrupted truth.
  ///   - rollouts: examples whose descents are at `latents`, `[n, A, Z]`.
  ///   - step: counts from 0.
  func callAsFunction(
    fresh: [Int], rollouts: [Int], latents: Tensor?, step: Int, draws: inout SeededGenerator
  ) -> PlannerStep {
    let device = model.device
    let items = fresh + rollouts
    let batch = pairs.batch(
      items, nonces: memory?.nonces(count: fresh.count, draws: &draws) ?? [:], device: device)
    let answers = batch.answers
    let truth = withoutGradient { model.autoencoder.encode(answers) }
    let start = withoutGradient { () -> Tensor in
      let noised = starts(
        answers: answers.slice(0..<fresh.count), truth: truth.slice(0..<fresh.count))
      return latents.map { Tensor.concatenate([noised, $0]) } ?? noised
    }
    let prompts = model.encode(batch.prompts)
    let retrieved = memory?.retrieve(for: batch, encoded: prompts, draws: &draws)
    let conditioning = model.conditioning(prompts, memory: retrieved)

    let landed = landings(from: start, conditioning, underWay: fresh.count..<items.count)
    let (regression, reconstruction) = distances(landed, truth: truth, answers: answers)
    var loss = regression + reconstruction * configuration.reconstructionWeight
    var terms = [("regression", regression), ("reconstruction", reconstruction)]

    if step % configuration.everySteps == 0 {
      let chosen = spread(partCount(of: items.count), over: items.count)
      let part = Part(
        items: chosen.map { batch.items[$0] },
        rows: Tensor(chosen.map(Int64.init)).to(device: device),
        answers: answers, truth: truth, descended: landed[0].detached(),
        conditioning: conditioning)
      let (term, trueEnergies) = family(part, draws: &draws)
      let weight = partShares.weight
      let truthEnergy = trueEnergies.mean() * weight
      loss = loss + truthEnergy * configuration.truthWeight
      terms.append(("trueEnergy", truthEnergy))
      if var term {
        // SIGReg and VICReg are of all processes' items already.
        if ![.sigreg, .vicreg].contains(configuration.family) { term = term * weight }
        loss = loss + term * configuration.resolvedFamilyWeight
        terms.append((configuration.family.rawValue, term))
      }
    }
    return PlannerStep(
      loss: loss, terms: terms.map { ($0.0, $0.1.detached()) },
      directions: withoutGradient {
        let count = rollouts.count
        let last = landed.last!.detached()
        return start.slice(fresh.count..<items.count)
          - last.slice(last.size(0) - count..<last.size(0))
      },
      promptEmbeddings: conditioning.promptEmbeddings.detached())
  }

  /// Where a step from `start` leads, `[B, A, Z]`; then, along residuals, where further ones lead the items
  /// `underWay`, `[n, A, Z]` each.
  private func landings(
    from start: Tensor, _ conditioning: Conditioning, underWay: Range<Int>
  ) -> [Tensor] {
    switch configuration.step {
    case .gradient:
      // One step down, with the graph of the gradient.
      let z = start.requiringGradient()
      let energies = model.energies(of: z, conditioning)
      return [z - gradients(of: [energies.sum()], withRespectTo: [z], createGraph: true)[0]!]
    case .residual:
      var landed = [model.prediction(start, conditioning)]
      guard !underWay.isEmpty, configuration.unroll > 1 else { return landed }
      let part = conditioning.select(
        items: Tensor(underWay.map(Int64.init)).to(device: model.device))
      landed.append(model.prediction(landed[0].slice(underWay), part))
      for _ in 2..<max(2, configuration.unroll) {
        landed.append(model.prediction(landed.last!, part))
      }
      return landed
    }
  }

  /// The squared error of all landings, and the cross-entropy of what they decode to: scalars. Landings after
  /// the first are of the last items. Of several processes each has its own, and their means are those of all landings.
  func distances(
    _ landed: [Tensor], truth: Tensor, answers: Tensor
  ) -> (regression: Tensor, reconstruction: Tensor) {
    func ofLast(_ tensor: Tensor) -> Tensor {
      let count = tensor.size(0)
      return Tensor.concatenate(landed.map { tensor.slice(count - $0.size(0)..<count) })
    }
    let all = Tensor.concatenate(landed)
    let weight = landingShares(landed.count).weight
    return (
      all.meanSquaredError(ofLast(truth)) * weight,
      model.autoencoder.reconstructionLoss(all, ofLast(answers)) * weight
    )
  }

  /// How landings lie on the processes: one for each item, and `count` for those under way.
  private func landingShares(_ count: Int) -> RowShares? {
    shares.map { shares in
      RowShares(
        shares.counts.enumerated().map { rank, items in
          items + (count - 1) * (rolloutShares?.counts[rank] ?? 0)
        }, on: shares.group)
    }
  }

  /// How the items lie on the processes that the family's term is of.
  private var partShares: RowShares? {
    shares.map { shares in
      RowShares(shares.counts.map { min($0, partCount(of: $0)) }, on: shares.group)
    }
  }

  /// Some of the batch, for the terms that not all of it is needed for.
  private struct Part {
    /// nil for nonce facts.
    let items: [Int?]
    let rows: Tensor
    let answers: Tensor
    let truth: Tensor
    let conditioning: Conditioning
    let descended: Tensor

    init(
      items: [Int?], rows: Tensor, answers: Tensor, truth: Tensor, descended: Tensor,
      conditioning: Conditioning
    ) {
      self.items = items
      self.rows = rows
      self.answers = answers.select(indices: rows)
      self.truth = truth.select(indices: rows)
      self.descended = descended.select(indices: rows)
      self.conditioning = conditioning.select(items: rows)
    }
  }

  /// How many of a batch's items the family's term is of.
  private func partCount(of itemCount: Int) -> Int {
    max(1, Int((configuration.share * Double(itemCount)).rounded()))
  }

  /// `count` rows at equal distances.
  private func spread(_ count: Int, over total: Int) -> [Int] {
    (0..<min(count, total)).map { $0 * total / min(count, total) }
  }

  /// Latents near the truth, or not: noise of any strength on the truth or, for half of the items, on a
  /// corrupted answer; a quarter are nothing but noise.
  private func starts(answers: Tensor, truth: Tensor) -> Tensor {
    let (count, device) = (answers.size(0), model.device)
    func uniform() -> Tensor {
      Tensor.uniform([count, 1, 1], using: generator).to(device: device)
    }
    let wrong = model.autoencoder.encode(
      corruption.corrupted(answers, share: configuration.corruption))
    let clean = wrong.choose(where: uniform() .< 0.5, else: truth)
    let strength = uniform().filled(with: 1, where: uniform() .< 0.25)
    let noise = Tensor.normal(truth.shape, using: generator).to(device: device)
    return clean * (1 - strength.squared()).sqrt() + noise * strength
  }

  // MARK: The families

  /// The family's term, where it has one, and the energies of the true pairs, `[n]`.
  private func family(
    _ part: Part, draws: inout SeededGenerator
  ) -> (term: Tensor?, trueEnergies: Tensor) {
    switch configuration.family {
    case .contrastive:
      let (nearMisses, others) = negatives(part, draws: &draws)
      let count = part.items.count
      let energies = model.energies(
        of: Tensor.concatenate([
          part.truth, model.autoencoder.encode(nearMisses), model.autoencoder.encode(others),
        ]).detached(), part.conditioning.repeated(3))
      let table = energies.reshaped(3, count).transposed()
      let labels = Tensor.zeros([count], dtype: .int64, device: model.device)
      return ((-table).crossEntropy(labels), energies.slice(0..<count))
    case .hinge:
      let deviation = configuration.hingeDeviation
      let noise = Tensor.normal(part.truth.shape, using: generator).to(device: model.device)
      let energies = model.energies(
        of: Tensor.concatenate([part.truth, part.truth + noise * deviation]),
        part.conditioning.repeated(2))
      let count = part.items.count
      // Half of what the noise would cost if the prediction stayed at the truth.
      let size = part.truth.count / count
      let margin = deviation * deviation * Double(size) / 4
      let shortfall = (margin - energies.slice(count..<2 * count)).relu() / margin
      return (shortfall.mean(), energies.slice(0..<count))
    case .sigreg, .vicreg:
      let prediction = model.prediction(part.truth, part.conditioning)
      let energies = (part.truth - prediction).squared().sum(1, 2) * 0.5
      let term = penalty(part.conditioning.promptEmbeddings) + penalty(prediction.mean(1))
      return (term, energies)
    case .none:
      return (nil, model.energies(of: part.truth, part.conditioning))
    }
  }

  private func penalty(_ embeddings: Tensor) -> Tensor {
    let shares = partShares
    if configuration.family == .vicreg {
      return vicreg.regularizer(ofSets: embeddings.unsqueezed(0), shares: shares)
        / vicreg.invarianceWeight
    }
    let directions = SIGReg.directions(
      configuration.directions, width: embeddings.size(1), using: sharedGenerator ?? generator,
      device: embeddings.device)
    return sigreg(embeddings, directions: directions, shares: shares)
  }

  /// For each of the part's items an answer with one mistake (its own negative where it has one, every
  /// other time), and one that is wrong as a whole: what the model itself made of it where that is wrong,
  /// else another prompt's answer.
  private func negatives(
    _ part: Part, draws: inout SeededGenerator
  ) -> (nearMisses: Tensor, others: Tensor) {
    withoutGradient {
      let device = model.device
      var nearMisses = corruption.nearMisses(part.answers)
      if pairs.hasNegatives {
        let (given, isGiven) = pairs.drawnNegatives(part.items, draws: &draws, device: device)
        let uses = isGiven.map { $0 && draws.uniform() < 0.5 }
        nearMisses = given.choose(
          where: Tensor(uses).to(device: device).unsqueezed(1), else: nearMisses)
      }
      let strangers = pairs.others(than: part.items, draws: &draws)
      let shuffled = pairs.answers(strangers.map { $0 ?? pairs.trained[0] }, device: device)
      let decoded = model.autoencoder.decode(part.descended)
      let isSame = (decoded .== part.answers).all(1).array(of: Bool.self)
      let isWrong = zip(model.answers(of: decoded), part.items).enumerated().map { row, pair in
        !isSame[row] && !(pair.1.map { pairs.isRight(pair.0, for: $0) } ?? false)
      }
      // Where no other answer is wrong for the prompt, a mistake stands in.
      let hasStranger = Tensor(strangers.map { $0 != nil }).to(device: device)
      let whole = shuffled.choose(where: hasStranger.unsqueezed(1), else: nearMisses)
      let usesDecoded = isWrong.map { $0 && draws.uniform() < 0.5 }
      return (
        nearMisses,
        decoded.choose(where: Tensor(usesDecoded).to(device: device).unsqueezed(1), else: whole)
      )
    }
  }
}

extension RowShares? {
  /// What a process's mean over its rows is multiplied with, so that the mean over the processes is the mean over all rows.
  fileprivate var weight: Double {
    map { Double($0.own * $0.group.worldSize) / Double($0.total) } ?? 1
  }
}

extension Conditioning {
  /// The whole batch `count` times, one after the other.
  func repeated(_ count: Int) -> Conditioning {
    func repeated(_ tensor: Tensor) -> Tensor {
      Tensor.concatenate([Tensor](repeating: tensor, count: count))
    }
    return Conditioning(
      parts: parts.map { KeysAndValues(keys: repeated($0.keys), values: repeated($0.values)) },
      mask: mask.map(repeated), promptEmbeddings: repeated(promptEmbeddings))
  }
}
