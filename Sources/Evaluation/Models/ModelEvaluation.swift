import Embeddings
import Files
import Foundation
import ImageJEPA
import Logging
import Pictures
import Torch
import TrainingRuns

/// Measures what a checkpoint's embeddings are worth on labelled folders, beside raw pixels and the
/// same encoder with random weights.
public struct ModelEvaluation {
  /// Side in pixels of the raw pixels that are compared: 3,072 numbers a picture.
  public static let rawPixelSize = 32
  /// Test pictures on which the energy is evaluated.
  public static let energyPictureCount = 500

  private let checkpoint: String
  private let device: Device
  private let k: Int
  private let isStrict: Bool
  private let decoder: ImageDecoder
  private let logger = Logger(label: "jepa")

  public init(
    checkpoint: String, device: Device = .cpu, k: Int = 20, isStrict: Bool = false,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    self.checkpoint = checkpoint
    self.device = device
    self.k = k
    self.isStrict = isStrict
    self.decoder = decoder
  }

  /// Evaluates on two folders whose subfolders are the classes.
  ///
  /// - Parameter group: processes that embed together, of which this is the first: the others call `takePart`. nil for one.
  /// - Throws: `ImageError`, `RunError`, `EvaluationError`, with what was expected and found;
  ///   `ProcessGroupError.different`; `ToldByAnotherProcess` where another process says what went wrong.
  public func run(
    train trainPath: String, test testPath: String, in group: ProcessGroup? = nil
  ) throws -> EvaluationReport {
    precondition(group?.isFirst ?? true, "the first process reports")
    let work = try prepare(train: trainPath, test: testPath, in: group)
    let (trainFolder, testFolder) = (work.train.folder, work.test.folder)
    for folder in [trainFolder, testFolder] { folder.logSkipped(to: logger) }
    let progress = WorkProgress()
    progress.begin("comparing the folders")
    let pairs = SharedPictures.pairs(train: trainFolder, test: testFolder)
    let sharedPictures = SharedPictures(pairs, testCount: testFolder.count)
    if let shared = sharedPictures.summary { logger.warning("\(shared)") }

    var tables: [Embedded: (train: EmbeddingTable, test: EmbeddingTable)] = [:]
    for (number, embedded) in Embedded.allCases.enumerated() {
      let stage = "\(number + 1)/5 \(embedded.rawValue)"
      tables[embedded] = try embed(work, embedded, in: group) { pictures, name in
        progress.begin("\(stage), \(name)", total: pictures.folder.count, of: "pictures")
        return try pictures.table(logger: embedded == .trained ? logger : nil, progress: progress)
      }
    }
    func scores(_ embedded: Embedded) throws -> EmbeddingScores {
      guard let (train, test) = tables.removeValue(forKey: embedded) else {
        preconditionFailure("\(embedded) is scored once")
      }
      return try EmbeddingScores(
        train: train, test: test, k: k, measuresSpread: embedded != .rawPixels
      ) { progress.begin("4/5 \(embedded.rawValue), \($0)") }
    }
    guard let trained = tables[.trained], let pixels = tables[.rawPixels] else {
      preconditionFailure("tables of all")
    }
    let leaks = LeakedPictures(train: trained.train, test: trained.test, shared: pairs)
    if let near = leaks.summary { logger.warning("\(near)") }

    let opened = try Checkpoint.open(at: checkpoint, verifying: false)
    return try EvaluationReport(
      trained: try scores(.trained), randomWeights: try scores(.random),
      rawPixels: try scores(.rawPixels),
      energy: try energy(
        on: testFolder, preprocessing: work.model.preprocessing, progress: progress),
      train: pixels.train, test: pixels.test, classes: trainFolder.labels, k: k,
      checkpoint: EvaluationReport.Checkpoint(
        path: opened.path, encoder: "\(type(of: work.model.encoder))", step: opened.step),
      sharedPictures: sharedPictures, leaks: leaks)
  }

  /// Embeds a part of what another process evaluates, with `run` and the same arguments.
  ///
  /// - Throws: as `run`; where another process is gone, the `Computation` around it ends.
  public func takePart(train: String, test: String, in group: ProcessGroup) throws {
    precondition(!group.isFirst, "the first process reports")
    let work = try prepare(train: train, test: test, in: group)
    for embedded in Embedded.allCases {
      try embed(work, embedded, in: group) { pictures, _ in try pictures.takePart() }
    }
  }

  /// What is embedded, in this order, before any is scored: other processes are not to wait for figures that the first makes
  /// alone.
  private enum Embedded: String, CaseIterable {
    case trained
    case random = "random weights"
    case rawPixels = "raw pixels"
  }

  /// What all processes open.
  private struct Work {
    let model: ImageModel
    let train: LabelledPictures
    let test: LabelledPictures
  }

  private func prepare(train: String, test: String, in group: ProcessGroup?) throws -> Work {
    let (trainFolder, testFolder) = (try ImageFolder(train), try ImageFolder(test))
    if isStrict { for folder in [trainFolder, testFolder] { try folder.requireReadable() } }
    let classes = try Classes(train: trainFolder, test: testFolder)
    let model = try ImageModel.load(from: checkpoint, device: device)
    try group?.requireSame(
      version: ProgramVersion.current, device: device,
      settings: [
        "model: \(try SHA256.hexadecimal(ofFile: model.path))", "k: \(k)", "strict: \(isStrict)",
      ])
    func labelled(_ folder: ImageFolder) -> LabelledPictures {
      LabelledPictures(folder: folder, classes: classes, isStrict: isStrict, decoder: decoder)
    }
    return Work(model: model, train: labelled(trainFolder), test: labelled(testFolder))
  }

  /// Both folders through one kind of embedding.
  @discardableResult
  private func embed<Result>(
    _ work: Work, _ embedded: Embedded, in group: ProcessGroup?,
    _ body: (LabelledPictures.Embedding, String) throws -> Result
  ) throws -> (train: Result, test: Result) {
    let encoder: VisionEncoder? =
      switch embedded {
      case .trained: work.model.encoder
      case .random: try work.model.encoderWithRandomWeights(seed: 1)
      case .rawPixels: nil
      }
    let preprocessing = work.model.preprocessing
    let pixels = ImagePreprocessing(
      imageSize: Self.rawPixelSize, normalization: preprocessing.normalization,
      filter: preprocessing.filter)
    func embedding(_ pictures: LabelledPictures) -> LabelledPictures.Embedding {
      LabelledPictures.Embedding(
        of: pictures, preprocessing: encoder == nil ? pixels : preprocessing,
        width: encoder?.width ?? 3 * Self.rawPixelSize * Self.rawPixelSize, group: group,
        embed: encoder.map(embed(with:)) ?? { $0.flattened(1).clone() })
    }
    return (
      try body(embedding(work.train), "train"), try body(embedding(work.test), "test")
    )
  }

  private func embed(with encoder: VisionEncoder) -> (Tensor) -> Tensor {
    { pictures in
      encoder.inferring { encoder.embedding(of: pictures.to(device: device)) }.to(device: .cpu)
        .clone()
    }
  }

  /// The energy of the training method on clean and spoiled test pictures; empty where the checkpoint has
  /// none, as an imported one, and where there are fewer than two pictures or three tokens a side to spoil.
  private func energy(
    on folder: ImageFolder, preprocessing: ImagePreprocessing, progress: WorkProgress
  ) throws -> [Corruption: EnergyEvaluation.Figures] {
    let opened = try Checkpoint.open(at: checkpoint, verifying: false)
    guard FileManager.default.fileExists(atPath: opened.file("config.yaml")) else { return [:] }
    let (method, configuration) = try ImageTrainingConfiguration.loadMethod(
      from: checkpoint, device: device)
    func normalized(_ pictures: Tensor) -> Tensor {
      preprocessing.normalization.normalized(pictures).to(device: device)
    }
    let step = max(1, folder.count / Self.energyPictureCount)
    let items = Array(stride(from: 0, to: folder.count, by: step).prefix(Self.energyPictureCount))
    let batches = try ImageBatches(
      folder, size: preprocessing.imageSize, batchSize: 100, filter: preprocessing.filter,
      normalization: .identity, decoder: decoder, items: items)
    var pictures: [Tensor] = []
    while let batch = try batches.next() {
      pictures.append(batch.tensor.clamped(to: 0...1))
      batches.release(batch)
    }
    // A picture alone has none to take a quadrant from.
    if let last = pictures.last, last.size(0) == 1 { pictures.removeLast() }
    let tokenSize = configuration.encoder.patchSize ?? 8
    let side = preprocessing.imageSize / tokenSize
    guard let first = pictures.first, side >= 3,
      method.energies(of: normalized(first.slice(0..<1)), using: RandomGenerator(seed: 0)) != nil
    else { return [:] }
    progress.begin("5/5 energy", total: pictures.reduce(0) { $0 + $1.size(0) }, of: "pictures")
    return try EnergyEvaluation.run(
      batches: pictures.lazy.map { batch in
        defer { progress.advance(by: batch.size(0)) }
        return batch
      }, tokenSize: tokenSize,
      // The same masks for every version of a picture.
      energy: { method.energies(of: normalized($0), using: RandomGenerator(seed: 0))! },
      control: { method.controls(of: normalized($0)) })
  }
}

/// The classes of two folders, by name.
private struct Classes {
  private let numbers: [String: Int]

  init(train: ImageFolder, test: ImageFolder) throws {
    for folder in [train, test] {
      let without = (0..<folder.count).filter { folder.label(of: $0) == nil }
      if let first = without.first {
        throw EvaluationError.picturesWithoutClass(
          folder: folder.path, count: without.count, of: folder.count,
          example: folder.path(of: first))
      }
    }
    guard train.labels.count >= 2 else {
      throw EvaluationError.tooFewClassFolders(folder: train.path, found: train.labels)
    }
    numbers = Dictionary(uniqueKeysWithValues: train.labels.enumerated().map { ($1, $0) })
    for label in test.labels where numbers[label] == nil {
      throw EvaluationError.unknownClass(
        name: label, folder: test.path, known: train.labels.sorted())
    }
  }

  /// The number of a class.
  ///
  /// - Precondition: it is that of a picture of one of the folders.
  func number(of label: String?) -> Int { numbers[label!]! }
}

/// A folder's pictures and their classes, for one embedding after another.
private struct LabelledPictures {
  let folder: ImageFolder
  let classes: Classes
  let isStrict: Bool
  let decoder: ImageDecoder

  /// One way to embed them.
  struct Embedding {
    private let pictures: LabelledPictures
    private let preprocessing: ImagePreprocessing
    private let width: Int
    private let group: ProcessGroup?
    private let embed: (Tensor) -> Tensor

    /// - Parameters:
    ///   - width: D.
    ///   - group: processes that embed together; nil for one.
    ///   - embed: pictures `[B, 3, S, S]` to embeddings `[B, D]` on the CPU.
    init(
      of pictures: LabelledPictures, preprocessing: ImagePreprocessing, width: Int,
      group: ProcessGroup?, embed: @escaping (Tensor) -> Tensor
    ) {
      self.pictures = pictures
      self.preprocessing = preprocessing
      self.width = width
      self.group = group
      self.embed = embed
    }

    var folder: ImageFolder { pictures.folder }

    private var batches: SharedBatches {
      get throws {
        try SharedBatches(
          (0..<folder.count).lazy.map(folder.entry(of:)), preprocessing: preprocessing,
          batchSize: 256, decoder: pictures.decoder,
          options: LoaderOptions(isStrict: pictures.isStrict).shared(among: group?.place.localSize),
          shape: [width], dtype: .float32, group: group, compute: embed)
      }
    }

    /// The embeddings of all pictures that can be read, in the first process.
    ///
    /// - Parameters:
    ///   - logger: names those that cannot.
    ///   - progress: counts those that are embedded.
    func table(logger: Logger?, progress: WorkProgress) throws -> EmbeddingTable {
      let batches = try batches
      var rows: [Tensor] = []
      var labels: [Int] = []
      var paths: [String] = []
      var failures: [ImageFailure] = []
      func take(_ batch: SharedBatches.Batch) {
        if !batch.rows.isEmpty { rows.append(batch.results) }
        labels += batch.items.map { pictures.classes.number(of: folder.label(of: $0)) }
        paths += batch.rows.map(\.path)
        failures += batch.failures
        progress.update(batch.positionAfter.count)
      }
      while try batches.nextRound(take) {}
      group?.waitForAll()
      if let logger { failures.log(to: logger) }
      guard !rows.isEmpty else {
        throw InputError.tooFewItems(purpose: "an evaluation", needed: 1, found: 0)
      }
      return try EmbeddingTable(
        embeddings: Tensor.concatenate(rows), labels: labels, paths: paths)
    }

    /// Embeds a part of what the first process makes a table of.
    func takePart() throws {
      let batches = try batches
      while try batches.nextRound({ _ in }) {}
      group?.waitForAll()
    }
  }
}
