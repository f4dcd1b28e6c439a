import Foundation
import TestSupport

/// Data for each kind of training, made for one test, and a command that trains on them in seconds.
struct TinyTraining {
  let data = TemporaryPath("data")
  let pictures: ColouredShapes

  init() throws { pictures = try ColouredShapes(11) }

  /// `jepa train` of a kind, but for the output.
  func command(_ kind: String) throws -> [String] {
    switch kind {
    case "images":
      return ["train", kind, pictures.path] + JepaProcess.tiny
    case "video":
      try MovingShapes.write(MovingShapes.frames(26, cuts: [12], seed: 1), to: data.path)
      return ["train", kind, data.path, "--threads", "1"]
        + [
          "frameSize=32", "batchSize=2", "predictor.width=16", "tokenWidth=12", "loader.workers=1",
        ].flatMap { ["--set", $0] }
    default:
      let lines = (0..<60).map { #"{"prompt": "\#($0)+1", "answer": "\#($0 + 1)"}"# }
      try Data(lines.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: data.path))
      let model = ["batchSize=8", "model.width=16", "model.heads=2", "model.promptDepth=1"]
      let planner = ["autoencoder.steps=20", "autoencoder.neededExact=0", "rollout.capacity=16"]
      return ["train", kind, data.path, "--threads", "1"]
        + (model + (kind == "text" ? planner : [])).flatMap { ["--set", $0] }
    }
  }
}
