import Foundation
import TestSupport
import Testing
import Torch
import TrainingRuns

@testable import ImageJEPA

/// Models that transformers and timm made, imported, against what they computed (Tests/Fixtures/models).
@Suite struct PublishedModelParityTests {
  /// Imports a frozen model and returns the folder that was made.
  static func imported(_ name: String, layout: ModelLayout? = nil) throws -> TemporaryPath {
    let output = TemporaryPath(name)
    _ = try ModelImport(folder: Fixtures.path("models/\(name)"), layout: layout).run(
      to: output.path)
    return output
  }

  @Test(arguments: [
    ("ijepa", TokenKinds()), ("ijepa-sharded", TokenKinds()),
    ("vit", TokenKinds(hasClassToken: true)), ("dinov2", TokenKinds(hasClassToken: true)),
    ("dinov2-registers", TokenKinds(hasClassToken: true, registerCount: 3)),
    ("timm", TokenKinds(hasClassToken: true)),
    ("timm-registers", TokenKinds(hasClassToken: true, registerCount: 2)),
    ("timm-patches", TokenKinds()),
  ])
  func tokensAreTheirs(name: String, kinds: TokenKinds) throws {
    let folder = try Self.imported(name)
    let encoder = try ImageModel.load(from: folder.path).encoder
    let reference = try Reference("models/\(name)/reference.safetensors")
    #expect(encoder.tokenKinds == kinds)
    for prefix in ["", "larger."] where reference.names.contains(prefix + "pictures") {
      let (pictures, expected) = (reference[prefix + "pictures"], reference[prefix + "tokens"])
      let tokens = encoder.inferring { encoder.allTokens(of: pictures) }
      #expect(relativeDifference(tokens, from: expected) < 1e-5, "\(prefix)pictures")
      // Patches come last; the embedding is their mean.
      let patches = expected.slice(kinds.prefixCount..<expected.size(1), along: 1)
      let own = encoder.inferring { encoder.tokens(of: pictures) }
      #expect(relativeDifference(own, from: patches) < 1e-5)
      let embedding = encoder.inferring { encoder.embedding(of: pictures) }
      #expect(relativeDifference(embedding, from: patches.mean(1)) < 1e-5)
    }
  }

  @Test func clipsAndPredictionsAreTheirs() throws {
    let folder = try Self.imported("vjepa2")
    let model = try VJEPA2Model.load(from: folder.path)
    let reference = try Reference("models/vjepa2/reference.safetensors")
    let tokens = model.encoder.inferring { model.encoder.tokens(ofClips: reference["clips"]) }
    #expect(relativeDifference(tokens, from: reference["tokens"]) < 1e-5)
    let predictor = try #require(model.predictor)
    let (context, targets) = (reference["context"], reference["targets"])
    let predictions = predictor.inferring {
      predictor.predict(targets, from: reference["tokens"].gatherTokens(context), at: context)
    }
    #expect(relativeDifference(predictions, from: reference["predictions"]) < 1e-5)

    // As a model of pictures it shows each for the length of a tubelet.
    let encoder = try ImageModel.load(from: folder.path).encoder
    let pictures = encoder.inferring { encoder.tokens(of: reference["pictures"]) }
    #expect(relativeDifference(pictures, from: reference["pictures.tokens"]) < 1e-5)
  }

  /// What is hidden is removed before the encoder sees it, unlike in `VJEPA2Model`: the context's tokens, and the
  /// prediction from them, do not move by one bit when only the targets' pixels change.
  @Test func hiddenTubeletsDoNotLeak() throws {
    let folder = try Self.imported("vjepa2")
    let model = try VJEPA2Model.load(from: folder.path)
    let predictor = try #require(model.predictor)
    let clip = try Reference("models/vjepa2/reference.safetensors")["clips"].slice(0..<1)
    // Tokens 4 to 7 are the second tubelet: the last two frames.
    let context = Tensor([0, 1, 2, 3] as [Int64], shape: [1, 4])
    let targets = Tensor([4, 5, 6, 7] as [Int64], shape: [1, 4])
    func predicted(_ clip: Tensor) -> Tensor {
      withoutGradient {
        predictor.predict(
          targets, from: model.encoder.tokens(ofClips: clip, keeping: context), at: context)
      }
    }
    let edited = Tensor.concatenate(
      [clip.slice(0..<2, along: 1), clip.slice(2..<4, along: 1) * -3 + 1], along: 1)
    #expect(
      predicted(edited).array(of: Float.self) == predicted(clip).array(of: Float.self))
    let other = model.encoder.inferring { model.encoder.tokens(ofClips: edited) }
    let all = model.encoder.inferring { model.encoder.tokens(ofClips: clip) }
    #expect(relativeDifference(other, from: all) > 1e-3, "the whole clip is another")
  }

  @Test func keptTubeletsTravelWithTheirPlaces() throws {
    let folder = try Self.imported("vjepa2")
    let encoder = try VJEPA2Model.load(from: folder.path).encoder
    let clips = try Reference("models/vjepa2/reference.safetensors")["clips"]
    let order = Tensor([5, 2, 7, 0, 1, 6, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7] as [Int64], shape: [2, 8])
    let (all, kept) = encoder.inferring {
      (encoder.tokens(ofClips: clips), encoder.tokens(ofClips: clips, keeping: order))
    }
    #expect(relativeDifference(kept, from: all.gatherTokens(order)) < 1e-5)
  }

  // MARK: What is written

  /// The imported folder is one of the model's own class, down to the bytes of its tensors.
  @Test(arguments: ["ijepa", "vit", "dinov2", "dinov2-registers", "vjepa2"])
  func importingAgainChangesNothing(name: String) throws {
    let folder = try Self.imported(name)
    let original = try SafetensorsFile(path: Fixtures.path("models/\(name)/model.safetensors"))
    let copy = try SafetensorsFile(path: "\(folder.path)/model.safetensors")
    #expect(Set(copy.names) == Set(original.names))
    for name in original.names {
      let bytes = try original.withBytes(of: name) { Array($0) }
      #expect(try copy.withBytes(of: name) { Array($0) } == bytes, "\(name)")
    }
    let again = TemporaryPath(name)
    _ = try ModelImport(folder: folder.path).run(to: again.path)
    for file in ["model.safetensors", "config.json", "preprocessor_config.json"] {
      #expect(
        FileManager.default.contents(atPath: "\(again.path)/\(file)")
          == FileManager.default.contents(atPath: "\(folder.path)/\(file)"), "\(file)")
    }
  }

  @Test func typesAreKept() throws {
    for (name, dtype) in [("ijepa-sharded", SafetensorsDType.bfloat16), ("timm", .float16)] {
      let folder = try Self.imported(name)
      let file = try SafetensorsFile(path: "\(folder.path)/model.safetensors")
      #expect(file.entries.allSatisfy { $0.dtype == dtype })
      let text = try String(contentsOfFile: "\(folder.path)/config.json", encoding: .utf8)
      #expect(text.contains("\"torch_dtype\" : \"\(dtype == .float16 ? "float16" : "bfloat16")\""))
    }
  }

  @Test func timmModelsBecomeTheClassThatFits() throws {
    for (name, type) in [
      ("timm", "Dinov2Model"), ("timm-registers", "Dinov2WithRegistersModel"),
      ("timm-patches", "IJepaModel"),
    ] {
      let folder = try Self.imported(name)
      let text = try String(contentsOfFile: "\(folder.path)/config.json", encoding: .utf8)
      #expect(text.contains("\"\(type)\""), "\(text)")
      #expect(
        try ImageModel.load(from: folder.path).preprocessing.normalization.mean == [0.5, 0.5, 0.5])
    }
  }

  /// Classifiers put their encoder's class before every name.
  @Test(arguments: [("ijepa", "ijepa."), ("vit", "vit."), ("vjepa2", "vjepa2.")])
  func encodersOfClassifiersAreTaken(name: String, prefix: String) throws {
    let folder = TemporaryPath("classifier")
    try PublishedFolder.copy(name, to: folder.path) { tensor in
      // As the classifier's own, so that something is left out.
      tensor == "pooler.dense.bias" ? "classifier.bias" : prefix + tensor
    }
    let (output, plain) = (TemporaryPath("output"), try Self.imported(name))
    let report = try ModelImport(folder: folder.path).run(to: output.path)
    #expect(report.leftOut == (name == "vit" ? ["classifier.bias"] : []))
    let (own, other) = (
      try ImageModel.load(from: output.path).encoder, try ImageModel.load(from: plain.path).encoder
    )
    for (one, same) in zip(own.state, other.state) {
      #expect(one.name == same.name && relativeDifference(one.tensor, from: same.tensor) == 0)
    }
  }

  /// The original DINOv2 files: timm's names but for the registers, and no configuration.
  @Test func originalDINOv2FilesAreTaken() throws {
    let folder = TemporaryPath("dinov2")
    try PublishedFolder.copy("timm-registers", to: folder.path) { name in
      name == "reg_token" ? "register_tokens" : name
    }
    try FileManager.default.removeItem(atPath: "\(folder.path)/config.json")
    let output = TemporaryPath("output")
    let report = try ModelImport(folder: folder.path, layout: .dinov2, heads: 2).run(
      to: output.path)
    #expect(report.layout == .timm)
    let reference = try Reference("models/timm-registers/reference.safetensors")
    let encoder = try ImageModel.load(from: output.path).encoder
    let tokens = encoder.inferring { encoder.allTokens(of: reference["pictures"]) }
    #expect(relativeDifference(tokens, from: reference["tokens"]) < 1e-5)
  }

  @Test func theReportSaysWhatWasDone() throws {
    let output = TemporaryPath("report")
    let report = try ModelImport(folder: Fixtures.path("models/timm")).run(to: output.path)
    #expect(
      "\(report)" == """
        timm: Dinov2Model of width 24, 2 layers, 2 heads, 4x4 tokens of 4 pixels
        43 tensors, 0.01 million weights in float16
        left out: head.bias, head.weight
        wrote \(output.path)
        """)
    #expect(!report.hasPredictor && report.leftOut == ["head.bias", "head.weight"])
  }

  @Test func aPredictorMayBeLeftOut() throws {
    let bare = TemporaryPath("bare")
    try PublishedFolder.copy("vjepa2", to: bare.path) { name in
      name.hasPrefix("predictor.") ? nil : name
    }
    #expect {
      _ = try ModelImport(folder: bare.path).run(to: bare.path + "-out")
    } throws: { error in
      "\(error)".contains("missing: predictor.embeddings.mask_tokens, ")
        && "\(error)".hasSuffix("; --allow-missing predictor goes on without it")
    }
    let output = TemporaryPath("out")
    let report = try ModelImport(folder: bare.path, allowsMissingPredictor: true)
      .run(to: output.path)
    #expect(!report.hasPredictor)
    let model = try VJEPA2Model.load(from: output.path)
    #expect(model.predictor == nil && model.encoder.width == 32)
  }
}

/// Copies of frozen models with something changed.
enum PublishedFolder {
  /// Copies a model; its tensors under the names that `renamed` gives them, or not at all.
  static func copy(
    _ name: String, to folder: String, renamed: (String) -> String? = { $0 },
    changed: (String, Tensor) -> Tensor = { $1 }, configuration: (String) -> String = { $0 }
  ) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let source = Fixtures.path("models/\(name)")
    for file in ["config.json", "preprocessor_config.json"]
    where FileManager.default.fileExists(atPath: "\(source)/\(file)") {
      let text = try String(contentsOfFile: "\(source)/\(file)", encoding: .utf8)
      try (file == "config.json" ? configuration(text) : text)
        .write(toFile: "\(folder)/\(file)", atomically: false, encoding: .utf8)
    }
    let tensors = try SafetensorsFile(path: "\(source)/model.safetensors")
    try SafetensorsWriter.write(
      try tensors.names.compactMap { name in
        try renamed(name).map { ($0, changed(name, try tensors.tensor(name))) }
      }, to: "\(folder)/model.safetensors")
  }
}
