import Foundation
import TestSupport
import Testing
import Torch

@testable import ImageJEPA

/// Folders that are no model, or not the one that they say: one clear error each, and nothing made.
@Suite struct ImportBadInputTests {
  let folder = TemporaryPath("model")
  let output = TemporaryPath("output")

  /// Checks that importing `folder` fails with one line that says all of `messages`.
  private func expectFailure(
    _ messages: String..., layout: ModelLayout? = nil, heads: Int? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(sourceLocation: sourceLocation) {
      _ = try ModelImport(folder: folder.path, layout: layout, heads: heads).run(to: output.path)
    } throws: { error in
      let text = "\(error)"
      return !text.contains("\n") && text.contains(folder.path)
        && messages.allSatisfy(text.contains)
    }
    #expect(
      !FileManager.default.fileExists(atPath: output.path), sourceLocation: sourceLocation)
  }

  @Test func everyDifferenceIsListed() throws {
    try PublishedFolder.copy(
      "ijepa", to: folder.path,
      renamed: { name in
        switch name {
        case "layernorm.weight": "layernorm.gain"
        case "encoder.layer.1.output.dense.bias": nil
        default: name
        }
      },
      changed: { name, tensor in
        switch name {
        case "layernorm.bias": tensor.slice(0..<23)
        case "encoder.layer.0.layernorm_before.bias": tensor.to(.int64)
        default: tensor
        }
      })
    expectFailure(
      "model.safetensors is no ijepa model: "
        + "missing: encoder.layer.1.output.dense.bias, layernorm.weight; "
        + "unexpected: layernorm.gain; of another shape: layernorm.bias (expected [24], found [23]); "
        + "of another type: encoder.layer.0.layernorm_before.bias (expected F32, F16 or BF16, found I64)"
    )
  }

  @Test(arguments: [
    ("\"hidden_size\": 24", "\"hidden_size\": 48", "hidden_size 48, found 24"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "num_hidden_layers 3, found 2"),
    ("\"patch_size\": 4", "\"patch_size\": 8", "patch_size 8, found 4"),
    ("\"image_size\": 16", "\"image_size\": 32", "image_size 32, found 16"),
    ("\"intermediate_size\": 48", "\"intermediate_size\": 96", "intermediate_size 96, found 48"),
    ("\"num_channels\": 3", "\"num_channels\": 1", "num_channels 1, found 3"),
    ("\"qkv_bias\": true", "\"qkv_bias\": false", "qkv_bias false, found biases"),
    ("\"model_type\": \"ijepa\"", "\"model_type\": \"vit\"", "cls_token"),
    (
      "\"model_type\": \"ijepa\"", "\"model_type\": \"\"",
      "expected a model_type of ijepa, vjepa2, "
    ),
    (
      "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"", "expected hidden_act gelu, found relu"
    ),
    ("\"num_attention_heads\": 2", "\"num_attention_heads\": 5", "no transformer has width 24"),
    ("\"num_attention_heads\": 2", "\"num_attention_heads\": 0", "no transformer has width 24"),
    (
      "\"num_attention_heads\": 2", "\"num_attention_head\": 2",
      "needs the field num_attention_heads"
    ),
    ("\"image_size\": 16", "\"image_size\": [16, 32]", "image_size: expected the side of a square"),
    ("\"hidden_size\": 24", "\"hidden_size\": \"24\"", "hidden_size: expected Int"),
    ("{", "[", "not JSON"),
  ])
  func configurationsThatContradictTheTensors(text: String, other: String, message: String) throws {
    try PublishedFolder.copy(
      "ijepa", to: folder.path,
      configuration: { original in
        let changed = original.replacing(text, with: other)
        #expect(changed != original)
        return changed
      })
    expectFailure(message)
  }

  @Test func everyContradictionIsListed() throws {
    try PublishedFolder.copy(
      "ijepa", to: folder.path,
      configuration: {
        $0.replacing("\"hidden_size\": 24", with: "\"hidden_size\": 64")
          .replacing("\"patch_size\": 4", with: "\"patch_size\": 16")
      })
    expectFailure(
      "config.json contradicts the tensors: hidden_size 64, found 24; patch_size 16, found 4")
    let other = TemporaryPath("video")
    try PublishedFolder.copy(
      "vjepa2", to: other.path,
      configuration: { $0.replacing("\"tubelet_size\": 2", with: "\"tubelet_size\": 4") })
    #expect {
      _ = try ModelImport(folder: other.path).run(to: output.path)
    } throws: { "\($0)".contains("tubelet_size 4, found 2") }
  }

  @Test func hostileNumbersAreRefusedBeforeMemoryIsTaken() throws {
    for (field, value) in [
      ("\"mlp_ratio\": 2", "\"mlp_ratio\": 1e300"), ("\"mlp_ratio\": 2", "\"mlp_ratio\": \"NaN\""),
      ("\"mlp_ratio\": 2", "\"mlp_ratio\": -1"),
      ("\"pred_mlp_ratio\": 2", "\"pred_mlp_ratio\": 1e18"),
      ("\"pred_num_mask_tokens\": 3", "\"pred_num_mask_tokens\": 9223372036854775807"),
      ("\"pred_hidden_size\": 24", "\"pred_hidden_size\": 9223372036854775807"),
      ("\"pred_num_hidden_layers\": 2", "\"pred_num_hidden_layers\": 1000000"),
      ("\"frames_per_clip\": 4", "\"frames_per_clip\": -4"),
      ("\"crop_size\": 16", "\"crop_size\": 4611686018427387904"),
      ("\"layer_norm_eps\": 1e-06", "\"layer_norm_eps\": -1"),
    ] {
      try? FileManager.default.removeItem(atPath: folder.path)
      try PublishedFolder.copy(
        "vjepa2", to: folder.path,
        configuration: { original in
          let changed = original.replacing(field, with: value)
          #expect(changed != original, "\(field)")
          return changed
        })
      expectFailure()
    }
  }

  private func write(_ text: String, to name: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
  }

  /// Weights of another kind come with the way to safetensors.
  @Test func foldersWithoutWeights() throws {
    try write("text", to: "README.md")
    expectFailure("\(folder.path): expected model.safetensors or model.safetensors.index.json")
    for (name, advice) in [
      (
        "weights.pth",
        "torch.load(\"\(folder.path)/weights.pth\", map_location=\"cpu\"), "
          + "\"\(folder.path)/model.safetensors\")"
      ),
      (
        "pytorch_model.bin",
        "found pytorch_model.bin, weights.pth: convert it in Python: "
          + "transformers.AutoModel.from_pretrained(\"\(folder.path)\").save_pretrained("
      ),
    ] {
      try write("pickle", to: name)
      expectFailure(advice)
    }
    try FileManager.default.removeItem(atPath: folder.path)
    try write("x", to: "open_clip_model.safetensors")
    expectFailure("found open_clip_model.safetensors: rename open_clip_model.safetensors to model")
  }

  /// What the file says it is, and what import takes, before its weights are looked for.
  @Test(arguments: [
    (
      #"{"model_type": "dinov3_vit", "architectures": ["DINOv3ViTModel"]}"#,
      "model_type dinov3_vit (DINOv3ViTModel)"
    ),
    (#"{"model_type": "siglip"}"#, "model_type siglip"),
    (#"{"model_type": "clip", "vision_config": {}}"#, "model_type clip"),
    (#"{"model_type": "bert"}"#, "model_type bert"),
    (#"{"architecture": "convnext_tiny.fb_in1k"}"#, "the architecture convnext_tiny.fb_in1k"),
    (#"{"architecture": "swin_base_patch4"}"#, "the architecture swin_base_patch4"),
  ])
  func modelsOfOtherKindsAreNamed(configuration: String, found: String) throws {
    try write(configuration, to: "config.json")
    try write("pickle", to: "pytorch_model.bin")
    expectFailure(
      "\(folder.path)/config.json: expected a model_type of ijepa, vjepa2, dinov2, "
        + "dinov2_with_registers, vit, or timm's vit_…, found \(found)")
  }

  @Test func foldersThatAreNotThere() throws {
    func message(_ path: String) -> String {
      do {
        return "\(try ModelImport(folder: path).run(to: output.path))"
      } catch { return "\(error)" }
    }
    #expect(message(folder.path) == "\(folder.path): no such folder")
    let download = "hf download facebook/ijepa_vith14_1k --local-dir ijepa_vith14_1k"
    for name in [
      "facebook/ijepa_vith14_1k", "https://huggingface.co/facebook/ijepa_vith14_1k/tree/main",
    ] {
      #expect(
        message(name)
          == "\(name): no such folder; to download the model from Hugging Face: \(download)")
    }
    #expect(message("./none/there") == "./none/there: no such folder")
    try write("{}", to: "config.json")
    #expect(
      message("\(folder.path)/config.json")
        == "\(folder.path)/config.json: expected the folder of a model, found a file: "
        + "name \(folder.path)")
  }

  @Test func pointersOfLargeFilesAreNamed() throws {
    try PublishedFolder.copy("ijepa", to: folder.path)
    try write(
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 2535000000\n",
      to: "model.safetensors")
    expectFailure(
      "model.safetensors: a pointer of Git LFS, not the weights: fetch them with git lfs pull")
  }

  @Test(arguments: [DType.float32, .float16, .bfloat16], [Double.nan, -.infinity])
  func weightsThatAreNoNumbersAreNamed(dtype: DType, number: Double) throws {
    try PublishedFolder.copy(
      "ijepa", to: folder.path,
      changed: { name, tensor in
        guard name == "layernorm.weight" else { return tensor.to(dtype) }
        return Tensor.concatenate([tensor.slice(0..<22), Tensor.full([2], number)]).to(dtype)
      })
    expectFailure(
      "tensor \"layernorm.weight\": 2 of 24 numbers are NaN or infinite")
  }

  /// The same of a folder that was imported, or trained, and changed since.
  @Test func modelsWithNumbersThatAreNoneAreNotOpened() throws {
    try PublishedFolder.copy("ijepa", to: folder.path)
    _ = try ModelImport(folder: folder.path).run(to: output.path)
    let weights = "\(output.path)/model.safetensors"
    var tensors = try SafetensorsFile(path: weights).names.map {
      ($0, try SafetensorsFile(path: weights).tensor($0))
    }
    let place = try #require(tensors.firstIndex { $0.0 == "layernorm.bias" })
    tensors[place].1 = tensors[place].1 * Double.nan
    try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: weights)
    #expect {
      _ = try ModelFolder(at: output.path, verifying: false).loadEncoder()
    } throws: {
      "\($0)"
        == "\(weights): tensor \"layernorm.bias\": 24 of 24 numbers are NaN or infinite: "
        + "no weights of a trained model"
    }
  }

  @Test func layoutsThatAreNotThatOfTheFile() throws {
    try PublishedFolder.copy("ijepa", to: folder.path)
    expectFailure("model_type ijepa, asked for vjepa2", layout: .vjepa2)
    expectFailure("model_type ijepa, asked for timm", layout: .timm)
    try FileManager.default.removeItem(atPath: "\(folder.path)/config.json")
    expectFailure("expected tensors named as by ijepa, vjepa2, timm, dinov2, vit, found ")
    expectFailure("config.json", "No such file", layout: .ijepa)
    expectFailure("is no timm model: missing: patch_embed.proj.weight", layout: .timm)
  }

  @Test func headsThatNothingNames() throws {
    try PublishedFolder.copy(
      "timm", to: folder.path,
      configuration: { $0.replacing("\"num_heads\": 2", with: "\"depth\": 2") })
    expectFailure(
      "nothing says how many attention heads the width of 24 is for: give --heads")
    expectFailure("5 heads", heads: 5)
    _ = try ModelImport(folder: folder.path, heads: 2).run(to: output.path)
  }

  @Test func gatesAreNotSupported() throws {
    try PublishedFolder.copy(
      "dinov2", to: folder.path,
      configuration: {
        $0.replacing("\"use_swiglu_ffn\": false", with: "\"use_swiglu_ffn\": true")
      })
    expectFailure("an MLP with gates (use_swiglu_ffn) is not supported")
  }

  @Test func preprocessorsThatMakeNoSense() throws {
    for (text, other, message) in [
      ("\"height\": 16", "\"height\": 18, \"width\": 18, \"x\": 1", "18 pixels in tokens of 4"),
      ("0.229", "0", "a deviation of 0"), ("0.00392156862745098", "1", "pixels scaled by 1.0"),
    ] {
      try? FileManager.default.removeItem(atPath: folder.path)
      try PublishedFolder.copy("ijepa", to: folder.path)
      let path = "\(folder.path)/preprocessor_config.json"
      var original = try String(contentsOfFile: path, encoding: .utf8)
      if text.contains("height") {
        original = original.replacing("\"width\": 16", with: "\"y\": 1")
      }
      let changed = original.replacing(text, with: other)
      #expect(changed != original, "\(original)")
      try changed.write(toFile: path, atomically: false, encoding: .utf8)
      expectFailure(message)
    }
  }

  @Test func outputsThatAreThereAlready() throws {
    try FileManager.default.createDirectory(
      atPath: output.path, withIntermediateDirectories: true)
    _ = try ModelImport(folder: Fixtures.path("models/ijepa")).run(to: output.path)
    let before = FileManager.default.contents(atPath: "\(output.path)/model.safetensors")
    #expect {
      _ = try ModelImport(folder: Fixtures.path("models/vit")).run(to: output.path)
    } throws: {
      "\($0)" == "\(output.path) is there already: name another output folder"
    }
    #expect(FileManager.default.contents(atPath: "\(output.path)/model.safetensors") == before)
  }

  // MARK: A description that does not belong to its weights, in a folder that is opened

  @Test func descriptionsOfLargerNetworksTakeNoMemory() throws {
    let description = try JSONDecoder().decode(
      ModelDescription.self,
      from: Data(
        """
        {"model_type": "swift-jepa-conv", "image_size": 64, "patch_size": 8, "hidden_size": 16384,
         "stem_width": 4096, "blocks": [64, 64, 64]}
        """.utf8))
    #expect {
      try description.check(weightCount: 1_000_000, path: "config.json")
    } throws: {
      "\($0)"
        == "config.json contradicts the tensors: a network of at least 202937204736 weights is "
        + "described, 1000000 are there"
    }
  }
}
