import Embeddings
import Evaluation
import Foundation
import ImageJEPA
import TestSupport
import Testing
import TrainingRuns

/// `jepa import`, and what takes its result, as a user runs them.
@Suite struct ImportCommandTests {
  private func imported(_ name: String, _ more: String...) throws -> TemporaryPath {
    let model = TemporaryPath(name)
    let result = try JepaProcess.run(
      ["import", Fixtures.path("models/\(name)"), "--output", model.path] + more)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.hasSuffix("wrote \(model.path)\n"))
    return model
  }

  @Test(arguments: ["ijepa", "dinov2-registers", "vjepa2"])
  func importedModelsAreEvaluatedAndEmbed(name: String) throws {
    let (train, test) = (try ColouredShapes(12), try ColouredShapes(6, seed: 2))
    let model = try imported(name)
    let json = try JepaProcess.run([
      "evaluate", train.path, test.path, "--checkpoint", model.path, "--k", "3", "--json",
    ])
    #expect(json.status == 0, "\(json.errors)")
    let report = try JSONDecoder().decode(EvaluationReport.self, from: Data(json.output.utf8))
    #expect(report.counts.train == 12 && report.energy.isEmpty)

    let output = test.path + "/embeddings.npy"
    let embedded = try JepaProcess.run([
      "embed", test.path, "--checkpoint", model.path, "--output", output,
    ])
    #expect(embedded.status == 0, "\(embedded.errors)")
    #expect(try EmbeddingFile(path: output).description.shape == [6, name == "vjepa2" ? 32 : 24])
  }

  /// Fine-tuning starts from the imported weights, writes a model of the same class, and goes on when the model
  /// that it started from is gone.
  @Test(arguments: [
    ("ijepa", MethodName.ijepa, "IJepaModel"), ("dinov2", .views, "Dinov2Model"),
    ("vjepa2", .masks, "VJEPA2Model"),
  ])
  func importedModelsAreTrainedOn(name: String, method: MethodName, type: String) throws {
    let pictures = try ColouredShapes(8)
    let model = try imported(name)
    let run = TemporaryPath("run")
    let arguments = ["train", "images", pictures.path, "--output", run.path]
    let result = try JepaProcess.run(
      arguments + [
        "--initial", model.path, "--method", method.rawValue, "--steps", "3", "--threads", "1",
        "--set", "batchSize=4", "--set", "imageSize=32", "--set",
        "optimizer.learningRate.peak=1e-6",
      ])
    #expect(result.status == 0, "\(result.errors)")
    let side = name == "vjepa2" ? 4 : 8
    #expect(
      result.errors.contains("at 32 pixels, \(model.path) with \(side)x\(side) tokens"),
      "\(result.errors)")

    let (before, after) = (
      try ImageModel.initialEncoder(from: model.path, imageSize: 32),
      try ImageModel.load(from: run.path).encoder
    )
    var largest = 0.0
    for (old, new) in zip(before.state, after.state) {
      #expect(old.name == new.name && old.tensor.shape == new.tensor.shape)
      largest = max(largest, relativeDifference(new.tensor, from: old.tensor))
    }
    #expect(largest > 0 && largest < 1e-2, "\(largest)")
    let text = try String(contentsOfFile: "\(run.path)/latest/config.json", encoding: .utf8)
    #expect(text.contains("\"\(type)\""))
    // The checkpoint is a published model itself.
    let again = TemporaryPath("again")
    let back = try JepaProcess.run(
      ["import", run.path + "/latest", "--output", again.path]
        + (name == "vjepa2" ? ["--allow-missing", "predictor"] : []))
    #expect(back.status == 0, "\(back.errors)")

    try FileManager.default.removeItem(atPath: model.path)
    let resumed = try JepaProcess.run(arguments + ["--resume", "--steps", "5"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try Checkpoint.open(at: run.path).step == 5)
  }

  @Test func badImportsAreOneLine() throws {
    let output = TemporaryPath("output")
    let nowhere = output.path + "-nowhere"
    for (arguments, message) in [
      (
        [nowhere], "\(nowhere): no such folder"
      ),
      (
        [Fixtures.path("models/vjepa2"), "--layout", "ijepa"],
        "\(Fixtures.path("models/vjepa2"))/config.json contradicts the tensors: "
          + "model_type vjepa2, asked for ijepa"
      ),
    ] {
      let result = try JepaProcess.run(["import"] + arguments + ["--output", output.path])
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(result.errors == "jepa: error: \(message)\n")
    }
    let usage = try JepaProcess.run([
      "import", nowhere, "--output", output.path, "--layout", "resnet",
    ])
    #expect(usage.status == 1 && usage.errors.contains("resnet"))
    let both = try JepaProcess.run([
      "train", "images", nowhere, "--output", output.path, "--initial", "x", "--encoder",
      "conv-tiny",
    ])
    #expect(both.status == 1)
    #expect(both.errors.contains("give one of --encoder and --initial"))
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }

  /// A published model where a checkpoint is wanted: what makes one of it is said.
  @Test(arguments: ["embed", "evaluate", "inspect"])
  func publishedModelsAreNoCheckpoints(command: String) throws {
    let pictures = try ColouredShapes(4)
    let model = Fixtures.path("models/ijepa")
    let arguments = [
      "embed": [
        "embed", pictures.path, "--checkpoint", model, "--output", "\(pictures.path)/e.npy",
      ],
      "evaluate": ["evaluate", pictures.path, pictures.path, "--checkpoint", model],
      "inspect": ["inspect", model],
    ]
    let result = try JepaProcess.run(arguments[command]!)
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(
      result.errorLines.last
        == "jepa: error: \(model) is a published model and no checkpoint: take it over with "
        + "jepa import \(model) --output FOLDER, and name that")
  }

  @Test func initialModelsThatAreNoneLeaveNoRun() throws {
    let pictures = try ColouredShapes(4)
    let run = TemporaryPath("run")
    let result = try JepaProcess.run([
      "train", "images", pictures.path, "--output", run.path, "--initial", pictures.path,
    ])
    #expect(result.status == 1)
    #expect(
      result.errors
        == "jepa: error: \(pictures.path) is neither a run nor a checkpoint: it has no manifest.json\n"
    )
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }
}
