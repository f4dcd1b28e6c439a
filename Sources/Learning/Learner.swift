import EnergyDescent
import Files
import Foundation
import Torch
import TrainingRuns

/// What a run trains: networks, the data that they learn from, and the energy that they are to make
/// smaller. `TrainingLoop` does the rest, so that a new kind of training is one learner.
package protocol Learner: AnyObject {
  associatedtype Configuration: TrainingConfiguration
  /// The data as they were read.
  associatedtype Dataset
  associatedtype Batch: LearningBatch
  /// What `state.json` keeps beside the loop's own state.
  associatedtype Memory: Codable = NoMemory

  /// Networks on `device` with weights drawn from `generator`, ready for the first step.
  ///
  /// - Parameters:
  ///   - configuration: resolved for the data.
  ///   - generator: makes all draws of tensors; the loop saves where it stands.
  ///   - checkpoint: what a resumed run goes on from. The loop restores it after this.
  init(
    _ configuration: Configuration, dataset: Dataset, device: Device, generator: RandomGenerator,
    continuing checkpoint: Checkpoint?
  ) throws

  /// Called before anything else where several processes train together: each computes its part of a step, and together
  /// they compute what one process would.
  func compute(with group: ProcessGroup)

  // MARK: Data

  /// What is drawn, once a pass.
  var items: LearningItems { get }
  /// Items that one batch takes from the sampler, those of all processes.
  var batchSize: Int { get }
  /// Gets ready to draw batches, and does what comes before the first step of a new run.
  func begin(drawing sampler: EpochSampler, isNew: Bool) throws
  /// The next batch: there always is one.
  func nextBatch() throws -> Batch
  /// Takes a batch back whose energy is done with.
  func release(_ batch: Batch)
  /// Seconds that `nextBatch` waited in this session; nil where nothing is loaded ahead.
  var waitingSeconds: Double? { get }
  /// Called when a session ends, also where it fails.
  func end()

  // MARK: One step

  /// What the loop descends on, with the names that their weights start with.
  var trained: [(name: String, module: Module)] { get }
  /// What else all processes need alike, such as a teacher; none by default.
  var companions: [Module] { get }
  /// The energy of a batch.
  ///
  /// - Parameter step: how many steps were taken before.
  func energy(of batch: Batch, step: Int) -> StepEnergy
  /// What follows an update of the weights, such as a teacher; `progress` is that of the run, 0…1.
  func didStep(progress: Double)

  // MARK: What is reported

  /// Watches the embeddings of the steps; nil where there are none.
  var collapse: CollapseMonitor? { get }
  /// Figures of a logged step beside the loss and its terms.
  func figures() -> [Metric]
  /// Another kind of collapse, judged at every `logEverySteps`-th step.
  func verdict(step: Int) -> CollapseVerdict?
  /// Whether that may come: then nothing is saved.
  var isSuspected: Bool { get }

  // MARK: Checkpoints

  var memory: Memory { get }
  /// Writes networks, and tensors that the energy needs, into the folder of a checkpoint.
  func save(to folder: String) throws
  /// Goes on from a checkpoint.
  ///
  /// - Throws: `RunError`, `SafetensorsError`, `TorchError.stateMismatch`.
  func restore(from checkpoint: Checkpoint, memory: Memory) throws
}

/// A batch as the loop sees it.
package protocol LearningBatch {
  /// How many of what is counted per second it holds, in this process.
  var itemCount: Int { get }
  /// What a loss that is no number is blamed on: paths, or the beginnings of texts.
  var names: [String] { get }
  /// Where the sampler stood after this batch, however far was loaded ahead.
  var samplerAfter: EpochSampler.State { get }
}

/// The items of a run's data.
package struct LearningItems {
  package var count: Int
  /// Such as `the number of pictures`; nil where only the fingerprint is compared.
  package var countName: String?
  /// Such as `the folder of pictures`.
  package var name: String
  /// What changes when the data do.
  package var fingerprint: String
  /// What a new run on other data can start from, up to the path of this run; nil where there is nothing.
  package var successor: String?

  package init(
    count: Int, countName: String? = nil, name: String, fingerprint: String,
    successor: String? = nil
  ) {
    self.count = count
    self.countName = countName
    self.name = name
    self.fingerprint = fingerprint
    self.successor = successor
  }

  /// Checks that these are the items that the checkpoint of a run learned from.
  ///
  /// - Throws: `RunError.samplerChanged`.
  func check(sampler: EpochSampler.State, fingerprint: String, ofRun path: String) throws {
    func check(_ what: String, _ expected: String, _ found: String) throws {
      guard expected != found else { return }
      throw RunError.samplerChanged(
        what: what, expected: expected, found: found,
        advice: successor.map { "\($0) \(ShellWord.quoted(path))" })
    }
    if let countName { try check(countName, "\(sampler.itemCount)", "\(count)") }
    try check(name, fingerprint, self.fingerprint)
  }
}

/// The memory of a learner that needs none.
package struct NoMemory: Codable {
  package init() {}
}

extension Learner {
  package func release(_ batch: Batch) {}
  package var waitingSeconds: Double? { nil }
  package func end() {}
  package func didStep(progress: Double) {}
  package var companions: [Module] { [] }
  package func figures() -> [Metric] { [] }
  package func verdict(step: Int) -> CollapseVerdict? { nil }
  package var isSuspected: Bool { false }

  /// The number of weights that training changes.
  package var parameterCount: Int { trained.reduce(0) { $0 + $1.module.parameterCount } }
}

extension Learner where Memory == NoMemory {
  package var memory: NoMemory { NoMemory() }
}
