import ImageJEPA
import Torch

// encode-tensors MODEL INPUT OUTPUT: what a model makes of the tensors in a safetensors file, as tensors.
//
//   pictures [B, 3, H, W]                          -> tokens [B, prefix + N, D]
//   clips [B, T, 3, H, W]                          -> tokens [B, N, D], of a V-JEPA 2 model
//   besides, context [B, n] and targets [B, m]     -> predictions [B, m, D]: tokens at `targets` from those at
//                                                     `context`
let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3 else { fatalError("usage: encode-tensors MODEL INPUT OUTPUT") }
let input = try SafetensorsFile(path: arguments[1])
var results: [(name: String, tensor: Tensor)] = []
if input.names.contains("clips") {
  let model = try VJEPA2Model.load(from: arguments[0])
  let clips = try input.tensor("clips")
  let tokens = model.encoder.inferring { model.encoder.tokens(ofClips: clips) }
  results.append(("tokens", tokens))
  if let predictor = model.predictor, input.names.contains("context") {
    let (context, targets) = (try input.tensor("context"), try input.tensor("targets"))
    let predictions = predictor.inferring {
      predictor.predict(targets, from: tokens.gatherTokens(context), at: context)
    }
    results.append(("predictions", predictions))
  }
} else {
  let encoder = try ImageModel.load(from: arguments[0]).encoder
  let pictures = try input.tensor("pictures")
  results.append(("tokens", encoder.inferring { encoder.allTokens(of: pictures) }))
}
try SafetensorsWriter.write(results, to: arguments[2])
