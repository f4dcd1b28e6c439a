import EnergyDescent
import Files
import Torch
import TrainingRuns

/// Answers prompts by descending the energy in latent space, and turns latents into text only when the text
/// satisfies it.
///
///     z_0 ~ N(0, I);   z <- z - a dE(x, z)/dz   or   z <- z - a (z - D(s_x, z))
///
/// Before every step the latents are decoded and read again; an answer whose energy is below the model's
/// threshold is accepted, else the descent goes on, and starts again a bounded number of times, or several
/// starts race. Hard prompts so take more steps than easy ones. What is returned is the answer of lowest
/// energy.
public struct Planner {
  public let model: PlannerModel
  public let options: PlanningOptions
  /// What is moved along.
  private let step: PlannerDirection

  /// - Precondition: at least one step, one start and one prompt at once.
  public init(_ model: PlannerModel, options: PlanningOptions = PlanningOptions()) {
    precondition(
      options.steps >= 1 && options.starts >= 1 && options.batchSize >= 1,
      "planning with \(options.steps) steps, \(options.starts) starts")
    self.model = model
    self.options = options
    step = options.step ?? model.step
  }

  /// Answers of prompts, in their order.
  ///
  /// - Parameters:
  ///   - prompts: what is asked.
  ///   - memory: for each prompt what a memory holds for it.
  ///   - progress: counts the prompts that are answered.
  /// - Throws: `PlannerError.promptTooLong`, `.answerTooLong`, `.holdsNUL`.
  public func plan(
    _ prompts: [String], memory: [[RetrievedEntry]]? = nil, progress: WorkProgress? = nil
  ) throws -> [Plan] {
    precondition(memory == nil || memory!.count == prompts.count, "entries for each prompt")
    try model.check(prompts)
    return try stride(from: 0, to: prompts.count, by: options.batchSize).flatMap { start in
      let range = start..<min(start + options.batchSize, prompts.count)
      defer { progress?.update(range.upperBound) }
      return try withoutGradient {
        try planBatch(Array(prompts[range]), memory: memory.map { Array($0[range]) })
      }
    }
  }

  /// What plain descents decode to after given numbers of updates: a start each, no verification, no end
  /// before its time.
  ///
  /// - Parameters:
  ///   - prompts: what is asked.
  ///   - steps: each at least 1.
  ///   - memory: for each prompt what a memory holds for it.
  ///   - progress: counts the prompts that are answered.
  /// - Returns: for each number of steps the answers, in the order of the prompts.
  /// - Throws: as `plan(_:memory:)`.
  public func answers(
    _ prompts: [String], atSteps steps: [Int], memory: [[RetrievedEntry]]? = nil,
    progress: WorkProgress? = nil
  ) throws -> [[String]] {
    precondition(steps.allSatisfy { $0 >= 1 }, "answers after \(steps) steps")
    var found = [[String]](repeating: [], count: steps.count)
    for start in stride(from: 0, to: prompts.count, by: options.batchSize) {
      let range = start..<min(start + options.batchSize, prompts.count)
      let part = Array(prompts[range])
      let conditioning = try model.inferring {
        try model.conditioning(ofPrompts: part, memory: memory.map { Array($0[range]) })
      }
      let descent = withoutGradient {
        minimizer(steps: steps.max() ?? 1, recordsWaypoints: true).minimize(
          PlannerEnergy(model: model, conditioning: conditioning), from: noise(part, start: 0),
          along: step)
      }
      for (index, count) in steps.enumerated() {
        let latents = descent.waypoints[count].variables[0]
        found[index] += withoutGradient { model.answers(of: model.autoencoder.decode(latents)) }
      }
      progress?.update(range.upperBound)
    }
    return found
  }

  /// One item's record over its starts.
  private struct Record {
    var symbols: Tensor?
    var energy = Double.infinity
    /// Where the start of the best answer ended, `[A, Z]`.
    var latents: Tensor?
    var starts = 0
    var steps = 0
    var evaluations = 0
    var gradients = 0
    var decodings = 0
    var verifications = 0
    var reason = ""
    var trace: [PlanStep] = []
  }

  private func planBatch(_ prompts: [String], memory: [[RetrievedEntry]]?) throws -> [Plan] {
    let conditioning = try model.conditioning(ofPrompts: prompts, memory: memory)
    var records = [Record](repeating: Record(), count: prompts.count)
    var pending = Array(prompts.indices)
    let atOnce = options.races ? options.starts : 1
    for start in stride(from: 0, to: options.starts, by: atOnce) where !pending.isEmpty {
      descend(
        pending, of: prompts, starts: start..<start + atOnce, conditioning, into: &records)
      pending = pending.filter { !(options.verifies && records[$0].energy < model.threshold) }
    }
    let guesses = options.recordsTrace ? firstGuesses(prompts, conditioning) : nil
    return prompts.indices.map { index in
      let record = records[index]
      return Plan(
        prompt: prompts[index], answer: model.answers(of: record.symbols!.unsqueezed(0))[0],
        energy: record.energy, isVerified: record.energy < model.threshold, starts: record.starts,
        steps: record.steps, evaluations: record.evaluations, gradients: record.gradients,
        decodings: record.decodings, verifications: record.verifications,
        operations: operations(of: record, prompts[index], memory?[index] ?? []),
        reason: record.reason, firstGuess: guesses?[index],
        trace: options.recordsTrace
          ? record.trace.sorted { ($0.start, $0.step) < ($1.start, $1.step) } : nil)
    }
  }

  /// Some starts of some of the batch's prompts, all together.
  private func descend(
    _ indices: [Int], of prompts: [String], starts: Range<Int>, _ conditioning: Conditioning,
    into records: inout [Record]
  ) {
    // The starts of one prompt lie side by side.
    let owners = indices.flatMap { [Int](repeating: $0, count: starts.count) }
    let part = conditioning.gather(
      items: Tensor(owners.map(Int64.init)).to(device: model.device))
    let verification = AnswerVerification(
      model, part, accepts: options.verifies, roundingSlack: options.roundingSlack)
    let descent = minimizer(
      steps: options.steps, recordsWaypoints: options.recordsTrace,
      stopRules: [
        verification,
        Plateau(tolerance: options.plateauTolerance, patience: options.plateauPatience),
      ]
    ).minimize(
      PlannerEnergy(model: model, conditioning: part),
      from: start(indices, of: prompts, starts: starts, records), along: step, races: owners)
    verification.lookAtGuesses(of: owners.indices.filter { descent.reasons[$0] != "lost" })

    for (row, index) in owners.enumerated() {
      records[index].starts += 1
      records[index].steps += descent.steps[row]
      records[index].evaluations += descent.evaluations[row]
      records[index].gradients += descent.gradients[row]
      records[index].decodings += verification.decodings[row]
      records[index].verifications += verification.counts[row]
      if records[index].reason != verification.reason {
        records[index].reason = descent.reasons[row]
      }
      let isBetter =
        verification.counts[row] > 0
        && (records[index].symbols == nil || verification.bestEnergies[row] < records[index].energy)
      if isBetter {
        records[index].symbols = verification.bestSymbols[row]
        records[index].energy = verification.bestEnergies[row]
        records[index].latents = descent.values[0][row]
      }
    }
    for waypoint in descent.waypoints {
      let texts = model.answers(of: model.autoencoder.decode(waypoint.variables[0]))
      for (row, item) in waypoint.items.enumerated() {
        records[owners[item]].trace.append(
          PlanStep(
            start: starts.lowerBound + item % starts.count + 1, step: waypoint.step,
            energy: waypoint.energies[row], text: texts[row]))
      }
    }
  }

  private func minimizer(
    steps: Int, recordsWaypoints: Bool, stopRules: @escaping @autoclosure () -> [any StopRule] = []
  ) -> Minimizer {
    step.minimizer(
      steps: steps, stepSize: options.stepSize, window: options.window,
      recordsWaypoints: recordsWaypoints, stopRules: stopRules())
  }

  /// Where starts begin, `[n, A, Z]`: noise, or the latents that came nearest with noise in them.
  private func start(
    _ indices: [Int], of prompts: [String], starts: Range<Int>, _ records: [Record]
  ) -> Tensor {
    let strength = options.restartNoise
    return Tensor.stack(
      indices.flatMap { index in
        starts.map { start in
          let noise = noise([prompts[index]], start: start)[0]
          guard strength < 1, let best = records[index].latents else { return noise }
          return best * (1 - strength * strength).squareRoot() + noise * strength
        }
      })
  }

  private func operations(
    of record: Record, _ prompt: String, _ entries: [RetrievedEntry]
  ) -> Double {
    let costs = model.operationCosts(ofPrompt: prompt, entries: entries)
    return costs.prompt + Double(record.evaluations) * costs.evaluation
      + Double(record.gradients) * costs.gradient
      + Double(record.decodings)
      * (costs.decoding + (options.roundingSlack.isFinite ? costs.encoding : 0))
      + Double(record.verifications) * costs.verification
  }

  /// What one full step from noise decodes to: what training trains a step to reach.
  private func firstGuesses(_ prompts: [String], _ conditioning: Conditioning) -> [String] {
    let descent = step.minimizer(steps: 1, stepSize: 1).minimize(
      PlannerEnergy(model: model, conditioning: conditioning), from: noise(prompts, start: 0),
      along: step)
    return model.answers(of: model.autoencoder.decode(descent.values[0]))
  }

  /// Where descents start, `[B, A, Z]`: a draw for each prompt that depends on the seed, the prompt and the
  /// start, and not on what else is answered with it.
  private func noise(_ prompts: [String], start: Int) -> Tensor {
    let draws = prompts.map { prompt in
      Tensor.normal(
        model.latentShape(1),
        using: RandomGenerator(seed: options.seed, prompt: prompt, number: start))
    }
    return Tensor.concatenate(draws).to(device: model.device)
  }
}
