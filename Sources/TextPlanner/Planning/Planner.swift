import EnergyDescent
import Files
import Torch
import TrainingRuns

/// Answers prompts by descending the energy in latent space, and turns latents into text only when the text
/// satisfies it.
///
///     z_0 ~ N(0, I);   z <- z - a dE(x, z)/dz
///
/// After every update the latents are decoded and read again; an answer whose energy is below the model's
/// threshold is accepted, else the descent goes on, and starts again from fresh noise a bounded number of
/// times. Hard prompts so take more steps than easy ones. What is returned is the answer of lowest energy.
public struct Planner {
  public let model: PlannerModel
  public let options: PlanningOptions

  /// - Precondition: at least one step, one start and one prompt at once.
  public init(_ model: PlannerModel, options: PlanningOptions = PlanningOptions()) {
    precondition(
      options.steps >= 1 && options.starts >= 1 && options.batchSize >= 1,
      "planning with \(options.steps) steps, \(options.starts) starts")
    self.model = model
    self.options = options
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
        Minimizer(
          rule: GradientDescent(), schedule: .constant(options.stepSize),
          maximumSteps: steps.max() ?? 1, halvesStepWhenEnergyRises: true, recordsWaypoints: true
        ).minimize(
          PlannerEnergy(model: model, conditioning: conditioning), from: [noise(part, start: 0)])
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
    var starts = 0
    var steps = 0
    var evaluations = 0
    var verifications = 0
    var reason = ""
    var trace: [PlanStep] = []
  }

  private func planBatch(_ prompts: [String], memory: [[RetrievedEntry]]?) throws -> [Plan] {
    let conditioning = try model.conditioning(ofPrompts: prompts, memory: memory)
    var records = [Record](repeating: Record(), count: prompts.count)
    var pending = Array(prompts.indices)
    for start in 0..<options.starts where !pending.isEmpty {
      let items = Tensor(pending.map(Int64.init)).to(device: model.device)
      descend(
        pending.map { prompts[$0] }, pending, start: start, conditioning.select(items: items),
        into: &records)
      pending = pending.filter { !(options.verifies && records[$0].energy < model.threshold) }
    }
    let guesses = options.recordsTrace ? firstGuesses(prompts, conditioning) : nil
    return prompts.indices.map { index in
      let record = records[index]
      return Plan(
        prompt: prompts[index], answer: model.answers(of: record.symbols!.unsqueezed(0))[0],
        energy: record.energy, isVerified: record.energy < model.threshold, starts: record.starts,
        steps: record.steps, evaluations: record.evaluations,
        verifications: record.verifications, reason: record.reason, firstGuess: guesses?[index],
        trace: options.recordsTrace ? record.trace : nil)
    }
  }

  /// One start of some of the batch's prompts.
  private func descend(
    _ prompts: [String], _ indices: [Int], start: Int, _ conditioning: Conditioning,
    into records: inout [Record]
  ) {
    let verification = AnswerVerification(model, conditioning, accepts: options.verifies)
    let descent = Minimizer(
      rule: GradientDescent(), schedule: .constant(options.stepSize), maximumSteps: options.steps,
      halvesStepWhenEnergyRises: true, recordsWaypoints: options.recordsTrace,
      stopRules: [
        verification,
        Plateau(tolerance: options.plateauTolerance, patience: options.plateauPatience),
      ]
    ).minimize(
      PlannerEnergy(model: model, conditioning: conditioning),
      from: [noise(prompts, start: start)])
    for (row, index) in indices.enumerated() {
      records[index].starts += 1
      records[index].steps += descent.steps[row]
      records[index].evaluations += descent.steps[row] + 1
      records[index].verifications += verification.counts[row]
      records[index].reason = descent.reasons[row]
      if verification.bestEnergies[row] < records[index].energy || records[index].symbols == nil {
        records[index].symbols = verification.bestSymbols[row]
        records[index].energy = verification.bestEnergies[row]
      }
    }
    for waypoint in descent.waypoints {
      let texts = model.answers(of: model.autoencoder.decode(waypoint.variables[0]))
      for (row, item) in waypoint.items.enumerated() {
        records[indices[item]].trace.append(
          PlanStep(
            start: start + 1, step: waypoint.step, energy: waypoint.energies[row],
            text: texts[row]))
      }
    }
  }

  /// What one full step from noise decodes to: what training trains a step to reach.
  private func firstGuesses(_ prompts: [String], _ conditioning: Conditioning) -> [String] {
    let descent = Minimizer(rule: GradientDescent(), schedule: .constant(1), maximumSteps: 1)
      .minimize(
        PlannerEnergy(model: model, conditioning: conditioning), from: [noise(prompts, start: 0)])
    return model.answers(of: model.autoencoder.decode(descent.values[0]))
  }

  /// Where descents start, `[B, A, Z]`: a draw for each prompt that depends on the seed, the prompt and the
  /// start, and not on what else is answered with it.
  private func noise(_ prompts: [String], start: Int) -> Tensor {
    let draws = prompts.map { prompt in
      var fingerprint = Fingerprint()
      fingerprint.add(prompt.utf8)
      var seeds = SeededGenerator(seed: options.seed, fingerprint.value, UInt64(start))
      return Tensor.normal(
        model.latentShape(1), using: RandomGenerator(seed: seeds.next()))
    }
    return Tensor.concatenate(draws).to(device: model.device)
  }
}
