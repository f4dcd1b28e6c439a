import Embeddings
import Files
import Foundation
import ImageJEPA
import Torch
import TrainingRuns
import VideoJEPA

/// What a checkpoint is and how it came to be.
public struct ModelCard: Codable, Sendable {
  /// The checkpoint's folder.
  public let checkpoint: String
  /// The encoder's type.
  public let encoder: String
  public let encoderParameters: Int
  /// Parameters beside the encoder's, of predictor and projectors; nil where there are none.
  public let companionParameters: Int?
  /// D
  public let width: Int
  /// The side of the square picture in pixels.
  public let imageSize: Int
  /// The side of a token's square in pixels.
  public let patchSize: Int
  /// Tokens of a picture.
  public let tokens: Int
  /// Bytes of the file of weights.
  public let weightsBytes: Int
  public let modelSHA256: String
  public let step: Int
  public let training: Training?

  /// What a run says of itself; a model from elsewhere has none.
  public struct Training: Codable, Sendable {
    public let method: String?
    public let epochs: Double?
    public let minutes: Double?
    /// The command of the last session.
    public let command: String?
    public let dataFingerprint: String?
    public let started: String?
    public let device: String?
    public let processor: String?
    public let torch: String?
    public let version: String?
    public let gitCommit: String?
    public let seed: UInt64?
    /// The last numbers that were logged up to the checkpoint.
    public let metrics: [String: Double]
  }

  private struct State: Decodable { let progress: RunProgress }

  /// Opens a run folder's latest checkpoint, or a checkpoint's own folder.
  ///
  /// - Throws: what loading a model throws.
  public init(checkpoint path: String) throws {
    let opened = try Checkpoint.open(at: path)
    let parts = try ClipModel.isOne(opened) ? Parts(ofClips: opened) : Parts(ofPictures: opened)
    checkpoint = opened.path
    step = opened.step
    encoder = "\(type(of: parts.encoder))"
    encoderParameters = parts.encoder.parameterCount
    width = parts.encoder.width
    imageSize = parts.imageSize
    patchSize = parts.encoder.stride
    tokens = parts.encoder.grid(imageSize: imageSize).count
    let attributes = try FileManager.default.attributesOfItem(atPath: parts.weights)
    weightsBytes = (attributes[.size] as? NSNumber)?.intValue ?? 0
    modelSHA256 = try SHA256.hexadecimal(ofFile: parts.weights)
    companionParameters = parts.companionCount > 0 ? parts.companionCount : nil
    guard let method = parts.method else {
      training = nil
      return
    }
    let progress = try? JSONFile.read(State.self, from: opened.file("state.json")).progress
    // The run's own files lie around its checkpoints; a checkpoint may have been moved away from them.
    let run = PathParts(opened.path).folder
    let session = (try? JSONFile.read([RunEnvironment].self, from: "\(run)/environment.json"))?.last
    training = Training(
      method: method, epochs: progress?.epoch,
      minutes: progress.map { $0.seconds / 60 },
      command: session?.commandLine.enumerated().map { index, word in
        index == 0 ? PathParts(word).name : word
      }.joined(separator: " "),
      dataFingerprint: session?.dataFingerprint, started: session?.started,
      device: session?.device, processor: session?.processor, torch: session?.torch,
      version: session?.version, gitCommit: session?.gitCommit, seed: session?.seed,
      metrics: Self.metrics(of: run, upTo: opened.step))
  }

  /// What a model is made of, whatever it is a model of.
  private struct Parts {
    let encoder: VisionEncoder
    let imageSize: Int
    /// The encoder's file.
    let weights: String
    /// Parameters beside the encoder's.
    let companionCount: Int
    /// How it was trained; nil for a model from elsewhere.
    let method: String?

    init(ofPictures checkpoint: Checkpoint) throws {
      let model = try ImageModel.load(from: checkpoint.path)
      (encoder, weights) = (model.encoder, model.path)
      imageSize = model.preprocessing.imageSize
      guard FileManager.default.fileExists(atPath: checkpoint.file("config.yaml")) else {
        (companionCount, method) = (0, nil)
        return
      }
      let (training, configuration) = try ImageTrainingConfiguration.loadMethod(
        from: checkpoint.path)
      companionCount = training.companions.reduce(0) { $0 + $1.module.parameterCount }
      method = configuration.method.name.rawValue
    }

    init(ofClips checkpoint: Checkpoint) throws {
      let model = try ClipModel.load(from: checkpoint.path)
      (encoder, imageSize) = (model.encoder, model.frameSize)
      weights = checkpoint.file("model.safetensors")
      companionCount = model.predictor.parameterCount
      method = "frames of clips from their neighbours"
    }
  }

  /// The last line of `metrics.jsonl` whose step is not after the checkpoint's.
  private static func metrics(of run: String, upTo step: Int) -> [String: Double] {
    guard let text = try? String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8) else {
      return [:]
    }
    for line in text.split(separator: "\n").reversed() {
      guard
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      else { continue }
      let numbers = object.compactMapValues { ($0 as? NSNumber)?.doubleValue }
      if let found = numbers["step"], Int(found) <= step { return numbers }
    }
    return [:]
  }

  public func json() throws -> String { try ReportJSON.text(of: self) }

  /// A line for each thing that is known.
  public var table: String {
    var lines: [(String, String?)] = [
      ("checkpoint", checkpoint), ("encoder", encoder),
      ("parameters", Self.grouped(encoderParameters)),
      ("beside it", companionParameters.map { "\(Self.grouped($0)) (predictor, projectors)" }),
      ("embedding", "\(width) numbers"),
      ("pictures", "\(imageSize) pixels, \(tokens) tokens of \(patchSize) pixels"),
      ("weights", "\(Self.grouped(weightsBytes)) bytes"), ("SHA-256", modelSHA256),
    ]
    if let training {
      let epochs = training.epochs.map { String(format: ", epoch %.2f", $0) } ?? ""
      let minutes = training.minutes.map { String(format: ", %.1f minutes", $0) } ?? ""
      lines += [
        ("method", training.method), ("trained", "step \(step)\(epochs)\(minutes)"),
        ("command", training.command), ("data", training.dataFingerprint),
        ("started", training.started),
        ("on", training.processor.map { "\($0), \(training.device ?? "")" }),
        ("with", training.version.map { "swift-jepa \($0), torch \(training.torch ?? "")" }),
        ("commit", training.gitCommit), ("seed", training.seed.map(String.init)),
      ]
      lines += training.metrics.filter { !["step", "epoch", "seconds"].contains($0.key) }
        .sorted { $0.key < $1.key }.map { ($0.key, String(format: "%.4g", $0.value)) }
    }
    let known = lines.compactMap { name, value in value.map { (name, $0) } }
    let longest = known.map(\.0.count).max() ?? 0
    return known.map { name, value in
      name + String(repeating: " ", count: longest + 2 - name.count) + value
    }.joined(separator: "\n")
  }

  /// `1,234,567`
  private static func grouped(_ number: Int) -> String {
    var (digits, groups) = (String(number), [Substring]())
    while digits.count > 3 {
      groups.insert(digits.suffix(3), at: 0)
      digits = String(digits.dropLast(3))
    }
    return ([digits[...]] + groups).joined(separator: ",")
  }
}
