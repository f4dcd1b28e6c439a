import Files
import Foundation
import Pictures
import Torch
import TrainingRuns

/// Makes of a published model's folder one that `ImageModel.load` opens.
///
/// Names change, numbers do not: tensors are copied one at a time, in the type that they have, so that any size
/// takes little memory. The result is a folder of the model's Hugging Face class, where there is one, with the
/// manifest of a checkpoint.
public struct ModelImport {
  private let folder: String
  private let layout: ModelLayout?
  private let allowsMissingPredictor: Bool
  private let heads: Int?

  /// - Parameters:
  ///   - folder: with `config.json` and `model.safetensors`, or its shards and their index.
  ///   - layout: whose names the tensors have; by default it is found out.
  ///   - allowsMissingPredictor: whether a `VJEPA2Model` may come without its predictor.
  ///   - heads: for layouts whose files do not say.
  public init(
    folder: String, layout: ModelLayout? = nil, allowsMissingPredictor: Bool = false,
    heads: Int? = nil
  ) {
    self.folder = folder
    self.layout = layout
    self.allowsMissingPredictor = allowsMissingPredictor
    self.heads = heads
  }

  /// Writes the imported model.
  ///
  /// - Parameter output: the folder to make.
  /// - Throws: `ModelError`, `SafetensorsError`, `RunError`; nothing is made then.
  public func run(to output: String) throws -> ImportReport {
    let plan = try plan()
    let checkpoint = try Checkpoint.publish(at: output) { temporary in
      try plan.writeTensors(to: "\(temporary)/\(ImageModel.weightsName)")
      try JSONFile.write(
        plan.description, to: "\(temporary)/\(ImageModel.configurationName)")
      try JSONFile.write(
        PreprocessorDescription(plan.preprocessing),
        to: "\(temporary)/\(ImageModel.preprocessorName)")
      let video = "\(folder)/\(Self.videoPreprocessorName)"
      if plan.layout == .vjepa2, FileManager.default.fileExists(atPath: video) {
        try FileManager.default.copyItem(
          atPath: video, toPath: "\(temporary)/\(Self.videoPreprocessorName)")
      }
    }
    return ImportReport(plan: plan, path: checkpoint.path)
  }

  private static let videoPreprocessorName = "video_preprocessor_config.json"

  /// What will be written, all of it checked, nothing of it read.
  func plan() throws -> ImportPlan {
    let published = try PublishedModelFolder(folder)
    let kind = try published.kind(isGiven: self.layout != nil)
    let tensors = try published.tensors()
    let configuration = "\(folder)/\(ImageModel.configurationName)"
    let (isDescribed, type) = (kind != nil, kind?.modelType)
    var layout = try self.layout ?? ModelLayout.detect(modelType: type, tensors: tensors)
    // The original DINOv2 files are a `dinov2` model with timm's names.
    if layout == .dinov2, tensors[ModelLayout.timmProjection] != nil { layout = .timm }
    // A class that shares a layout, such as another trainer's, is taken at the user's word.
    if let type, ModelDescription.known.contains(type), !layout.modelTypes.contains(type) {
      throw ModelError.contradiction(
        path: configuration, differences: ["model_type \(type), asked for \(layout.rawValue)"])
    }
    let facts = try TensorFacts(tensors, layout: layout)

    let description: ModelDescription
    var preprocessing: ImagePreprocessing
    if layout == .timm {
      let timm =
        isDescribed
        ? try JSONFile.read(TimmDescription.self, from: configuration) : TimmDescription()
      let shape = try timm.shape(facts, heads: heads, path: isDescribed ? configuration : folder)
      description = ModelDescription(shape)
      preprocessing = timm.preprocessing(
        imageSize: shape.imageSize, patchSize: shape.patchSize)
    } else {
      description = try described(by: configuration, as: layout, facts)
      preprocessing = ImagePreprocessing(imageSize: description.side)
      if layout == .vit {
        preprocessing.normalization = Normalization(
          mean: SIMD3(repeating: 0.5), standardDeviation: SIMD3(repeating: 0.5))
      }
    }
    let preprocessor = [ImageModel.preprocessorName, Self.videoPreprocessorName]
      .map { "\(folder)/\($0)" }.first { FileManager.default.fileExists(atPath: $0) }
    if let preprocessor {
      preprocessing = try JSONFile.read(PreprocessorDescription.self, from: preprocessor)
        .preprocessing(
          standard: preprocessing, patchSize: description.patchSize.pixels, path: preprocessor)
    }
    return try ImportPlan(
      tensors, layout: layout, facts: facts, description: description,
      configuration: isDescribed ? configuration : folder, preprocessing: preprocessing,
      allowsMissingPredictor: allowsMissingPredictor)
  }

  /// A Hugging Face configuration, which must be of the layout and of these tensors.
  private func described(
    by path: String, as layout: ModelLayout, _ facts: TensorFacts
  ) throws -> ModelDescription {
    var description = try JSONFile.read(ModelDescription.self, from: path)
    if !layout.modelTypes.contains(description.modelType) {
      description.modelType =
        layout.modelTypes[layout == .dinov2 && facts.registerCount > 0 ? 1 : 0]
    }
    try facts.check(description, path: path)
    return description
  }
}
