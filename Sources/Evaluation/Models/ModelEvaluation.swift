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
  /// - Throws: `ImageError`, `RunError`, `EvaluationError`, with what was expected and found.
  public func run(train trainPath: String, test testPath: String) throws -> EvaluationReport {
    let (trainFolder, testFolder) = (try ImageFolder(trainPath), try ImageFolder(testPath))
    for folder in [trainFolder, testFolder] {
      folder.logSkipped(to: logger)
      if isStrict { try folder.requireReadable() }
    }
    let classes = try Classes(train: trainFolder, test: testFolder)
    let progress = WorkProgress()
    progress.begin("comparing the folders")
    let pairs = SharedPictures.pairs(train: trainFolder, test: testFolder)
    let sharedPictures = SharedPictures(pairs, testCount: testFolder.count)
    if let shared = sharedPictures.summary { logger.warning("\(shared)") }
    let model = try ImageModel.load(from: checkpoint, device: device)
    func labelled(_ folder: ImageFolder) -> LabelledPictures {
      LabelledPictures(folder: folder, classes: classes, isStrict: isStrict, decoder: decoder)
    }
    let (train, test) = (labelled(trainFolder), labelled(testFolder))

    func table(
      _ stage: String, _ pictures: LabelledPictures, _ preprocessing: ImagePreprocessing,
      logger: Logger? = nil, embed: (Tensor) -> Tensor
    ) throws -> EmbeddingTable {
      progress.begin(stage, total: pictures.folder.count, of: "pictures")
      return try pictures.table(preprocessing, logger: logger, progress: progress, embed: embed)
    }
    func tables(
      _ stage: String, _ encoder: VisionEncoder, logger: Logger? = nil
    ) throws -> (train: EmbeddingTable, test: EmbeddingTable) {
      let (preprocessing, embed) = (model.preprocessing, embed(with: encoder))
      return (
        try table("\(stage), train", train, preprocessing, logger: logger, embed: embed),
        try table("\(stage), test", test, preprocessing, logger: logger, embed: embed)
      )
    }
    func scores(
      _ stage: String, _ tables: (train: EmbeddingTable, test: EmbeddingTable)
    ) throws -> EmbeddingScores {
      try EmbeddingScores(train: tables.train, test: tables.test, k: k) {
        progress.begin("\(stage), \($0)")
      }
    }
    let embedded = try tables("1/4 trained", model.encoder, logger: logger)
    let leaks = LeakedPictures(train: embedded.train, test: embedded.test, shared: pairs)
    if let near = leaks.summary { logger.warning("\(near)") }
    let trained = try scores("1/4 trained", embedded)
    let random = try scores(
      "2/4 random weights",
      try tables("2/4 random weights", try model.encoderWithRandomWeights(seed: 1)))
    let pixels = ImagePreprocessing(
      imageSize: Self.rawPixelSize, normalization: model.preprocessing.normalization,
      filter: model.preprocessing.filter)
    let (trainPixels, testPixels) = (
      try table("3/4 raw pixels, train", train, pixels) { $0.flattened(1) },
      try table("3/4 raw pixels, test", test, pixels) { $0.flattened(1) }
    )
    let raw = try EmbeddingScores(
      train: trainPixels, test: testPixels, k: k, measuresSpread: false
    ) { progress.begin("3/4 raw pixels, \($0)") }

    let opened = try Checkpoint.open(at: checkpoint, verifying: false)
    return try EvaluationReport(
      trained: trained, randomWeights: random, rawPixels: raw,
      energy: try energy(
        on: testFolder, preprocessing: model.preprocessing, progress: progress),
      train: trainPixels, test: testPixels, classes: trainFolder.labels, k: k,
      checkpoint: EvaluationReport.Checkpoint(
        path: opened.path, encoder: "\(type(of: model.encoder))", step: opened.step),
      sharedPictures: sharedPictures, leaks: leaks)
  }

  private func embed(with encoder: VisionEncoder) -> (Tensor) -> Tensor {
    { pictures in encoder.inferring { encoder.embedding(of: pictures.to(device: device)) } }
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
    let mean = preprocessing.normalization.mean
    let deviation = preprocessing.normalization.standardDeviation
    let shift = Tensor([mean.x, mean.y, mean.z], shape: [1, 3, 1, 1])
    let scale = Tensor([deviation.x, deviation.y, deviation.z], shape: [1, 3, 1, 1])
    func normalized(_ pictures: Tensor) -> Tensor {
      ((pictures - shift) / scale).to(device: device)
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
    progress.begin("4/4 energy", total: pictures.reduce(0) { $0 + $1.size(0) }, of: "pictures")
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

  /// The embeddings of all pictures that can be read.
  ///
  /// - Parameters:
  ///   - logger: names those that cannot.
  ///   - progress: counts those that are embedded.
  ///   - embed: pictures `[B, 3, S, S]` to embeddings `[B, D]`.
  func table(
    _ preprocessing: ImagePreprocessing, logger: Logger? = nil, progress: WorkProgress,
    embed: (Tensor) -> Tensor
  ) throws -> EmbeddingTable {
    let batches = try ImageBatches(
      folder, size: preprocessing.imageSize, batchSize: 256, filter: preprocessing.filter,
      normalization: preprocessing.normalization, decoder: decoder,
      options: LoaderOptions(isStrict: isStrict))
    var rows: [Tensor] = []
    var labels: [Int] = []
    var paths: [String] = []
    while let batch = try batches.next() {
      rows.append(embed(batch.tensor).to(device: .cpu).clone())
      labels += batch.items.map { classes.number(of: folder.label(of: $0)) }
      paths += batch.paths
      progress.update(batches.position.count)
      batches.release(batch)
    }
    if let logger { batches.failures.log(to: logger) }
    guard !rows.isEmpty else {
      throw InputError.tooFewItems(purpose: "an evaluation", needed: 1, found: 0)
    }
    return try EmbeddingTable(
      embeddings: Tensor.concatenate(rows), labels: labels, paths: paths)
  }
}
