import EnergyDescent
import Foundation
import Learning
import Pictures
import Torch
import TrainingRuns

/// What the encoder computes in; what is trained, losses and the optimizer are always float32.
public enum Precision: String, Codable, Sendable, CaseIterable {
  /// bfloat16 where it is faster: on CUDA, and on CPUs that multiply it.
  case automatic
  case float32
  case bfloat16

  /// The type that products are computed in; nil for float32.
  public func resolved(on device: Device) -> DType? {
    switch (self, device) {
    case (.float32, _), (.automatic, .mps), (.automatic, .meta): nil
    case (.bfloat16, _), (.automatic, .cuda): .bfloat16
    case (.automatic, .cpu): Self.processorMultipliesBFloat16 ? .bfloat16 : nil
    }
  }

  private static let processorMultipliesBFloat16: Bool = {
    let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return flags.contains("avx512_bf16") || flags.contains("amx_bf16")
  }()
}

/// Everything that decides how a model is trained on pictures.
public struct ImageTrainingConfiguration: TrainingConfiguration {
  /// What every random choice is made from.
  public var seed: UInt64 = 0
  public var duration = RunDuration.minutes(20)
  /// Side of a picture in pixels; by default 32, 64 or 96 after the size of the folder's pictures.
  public var imageSize: Int? = nil
  /// Pictures in a step.
  public var batchSize = 64
  /// Batches whose gradients are added up before an update.
  public var accumulation = 1
  public var encoder = EncoderConfiguration()
  public var method = MethodConfiguration()
  /// What each picture becomes; by default what the method needs.
  public var views: ViewPlan? = nil
  public var optimizer = OptimizerConfiguration(
    learningRate: Schedule(peak: 2e-3, end: 0, warmup: 0.05, shape: .cosine), weightDecay: 0.05,
    clipNorm: 5)
  public var precision = Precision.automatic
  /// `cpu`, `cuda`, `cuda:INDEX` or `mps`.
  public var device = "cpu"
  /// Threads of one operation; by default one for each core.
  public var threads: Int? = nil
  public var loader = LoaderOptions()
  public var decoder = ImageDecoder()
  /// Steps between lines of the log.
  public var logEverySteps = 20
  public var checkpoint = CheckpointConfiguration()
  public var collapse = CollapseConfiguration()

  public init() {}

  /// The settings that a resumed run may change.
  public static let changeable: Set<String> = [
    "duration", "threads", "loader", "logEverySteps", "checkpoint", "collapse",
  ]

  public static let divergenceAdvice =
    "Lower optimizer.learningRate.peak, or train in float32 (precision=float32)."

  /// The configuration with everything that depends on the pictures decided.
  public func resolved(for folder: ImageFolder) throws -> ImageTrainingConfiguration {
    var resolved = self
    // Asked only while something is open: a run goes on without the model that it started from.
    let isOpen = imageSize == nil || encoder.patchSize == nil || views == nil
    let initial =
      isOpen ? try encoder.initial.map(ImageModel.initialPreprocessing(from:)) : nil
    let size =
      imageSize ?? initial?.preprocessing.imageSize
      ?? encoder.fitting(Self.typicalSize(of: folder, decoder: decoder))
    resolved.imageSize = size
    resolved.encoder.patchSize =
      encoder.patchSize ?? initial?.patchSize ?? encoder.resolvedPatchSize(imageSize: size)
    if views == nil {
      var plan = method.name.defaultViews(
        imageSize: size, patchSize: max(1, resolved.encoder.patchSize ?? 1))
      if let initial { plan.normalization = initial.preprocessing.normalization }
      resolved.views = plan
    }
    try resolved.validate()
    return resolved
  }

  /// The smallest of 32, 64 and 96 that is not far below the pictures' shorter side.
  private static func typicalSize(of folder: ImageFolder, decoder: ImageDecoder) -> Int {
    let sample = stride(from: 0, to: folder.count, by: max(1, folder.count / 64))
    let sides = sample.compactMap { index -> Int? in
      guard let bytes = FileManager.default.contents(atPath: folder.path(of: index)),
        let header = try? decoder.header(Array(bytes), name: folder.path(of: index))
      else { return nil }
      return min(header.width, header.height)
    }.sorted()
    let median = sides.isEmpty ? 96 : sides[sides.count / 2]
    return median < 48 ? 32 : median < 80 ? 64 : 96
  }

  /// Checks what would otherwise fail, or never end, in the middle of training.
  ///
  /// - Throws: `RunError.invalidValue`, `ImageError.invalidSetting`, `.impossibleMask`.
  public func validate() throws {
    let check = SettingCheck()
    let size = imageSize ?? 0
    try check(size >= 8 && size <= 4096, "imageSize", "8 to 4096 pixels, found \(size)")
    try check(
      (2...65_536).contains(batchSize), "batchSize", "2 to 65536, found \(batchSize)")
    try validateTraining()
    try method.validate()
    let patch = encoder.resolvedPatchSize(imageSize: size)
    try encoder.validate(imageSize: size)
    try loader.validate()
    let grid = TokenGrid(height: size / patch, width: size / patch)
    try views?.validate()
    for view in views?.views ?? [] {
      try check(
        view.size % patch == 0 || !["clean", "masked", "global", "local"].contains(view.name),
        "views", "\(view.name) views of \(view.size) pixels are no multiple of the token's \(patch)"
      )
    }
    try method.name.checkViews(views, imageSize: size, grid: grid)
    if method.name == .masks || method.name == .ijepa { try method.blocks.validate(grid: grid) }
  }
}
