import Files
import Foundation
import ImageJEPA
import Torch
import TrainingRuns

/// What clean pictures taught, as a file: it stands for the pictures, which need not be there again.
///
/// A safetensors file whose `__metadata__` says what made it.
package struct AnomalyCalibration {
  /// What names the weights that the pictures were seen with.
  package let identity: String
  /// The clean pictures' folder.
  package let reference: String
  package let model: AnomalyModel

  /// What the metadata holds, which also tells such a file from others.
  static let kind = "jepa anomalies"

  package init(identity: String, reference: String, model: AnomalyModel) {
    self.identity = identity
    self.reference = reference
    self.model = model
  }

  /// What a threshold for a rate of false alarms is worth.
  package func claim(falseAlarmsPer1000 wanted: Double) -> PictureAlarmClaim {
    model.claim(falseAlarmsPer1000: wanted)
  }

  /// Names the weights in a model's folder, the predictor's included: 64 hexadecimal digits.
  ///
  /// - Throws: `FileError.failed`.
  package static func identity(of model: ImageModel) throws -> String {
    let weights = try SHA256.hexadecimal(ofFile: model.path)
    let predictor = URL(fileURLWithPath: model.path).deletingLastPathComponent()
      .appending(path: "predictor.safetensors").path
    guard FileManager.default.fileExists(atPath: predictor) else { return weights }
    var digest = SHA256()
    Array((weights + (try SHA256.hexadecimal(ofFile: predictor))).utf8).withUnsafeBytes {
      digest.add($0)
    }
    return digest.hexadecimal()
  }

  /// Writes the file, which appears whole or not at all.
  ///
  /// - Throws: `SafetensorsError`.
  package func write(to path: String) throws {
    let fit = model.fit
    var tensors: [(String, Tensor)] = []
    func add(_ name: String, _ whitening: TokenWhitening) {
      tensors += [("\(name).mean", whitening.mean), ("\(name).weight", whitening.weight)]
    }
    func add(_ name: String, _ moments: PlaceMoments) {
      tensors += [("\(name).mean", moments.mean), ("\(name).deviation", moments.deviation)]
    }
    add("tokens", fit.whitening)
    tensors.append(("bank", fit.bank.tokens))
    add("distances", model.distanceMoments)
    tensors.append(("distances.scores", Tensor(model.distanceScores.sorted)))
    tensors.append(("surprises", Tensor(model.surprises.sorted)))
    if let readout = fit.readout, let moments = model.energyMoments,
      let scores = model.energyScores
    {
      add("predictions", readout.predictions)
      add("errors", readout.errors)
      tensors.append(("readout", readout.weight))
      add("energies", moments)
      tensors.append(("energies.scores", Tensor(scores.sorted)))
    }
    try SafetensorsWriter.write(
      tensors.map { (name: $0.0, tensor: $0.1.contiguous()) },
      metadata: [
        "kind": Self.kind, "model": identity, "reference": reference,
        "version": ProgramVersion.current,
      ], to: path)
  }

  /// Reads a calibration, and checks that it belongs to these weights and is whole.
  ///
  /// - Throws: `AnomalyError.otherModel`, `.notACalibration`; `SafetensorsError` for a damaged file.
  package static func read(from path: String, identity: String) throws -> AnomalyCalibration {
    let file = try SafetensorsFile(path: path)
    guard file.metadata["kind"] == kind, let found = file.metadata["model"] else {
      throw AnomalyError.notACalibration(
        path: path, reason: "its metadata does not say so")
    }
    guard found == identity else {
      throw AnomalyError.otherModel(path: path, expected: identity, found: found)
    }
    func whitening(_ name: String) throws -> TokenWhitening {
      TokenWhitening(
        mean: try file.tensor("\(name).mean"), weight: try file.tensor("\(name).weight"))
    }
    func moments(_ name: String) throws -> PlaceMoments {
      PlaceMoments(
        mean: try file.tensor("\(name).mean"), deviation: try file.tensor("\(name).deviation"))
    }
    func scores(_ name: String) throws -> CleanScores {
      let scores = try file.tensor(name).array(of: Double.self)
      guard !scores.isEmpty, scores.allSatisfy(\.isFinite) else {
        throw AnomalyError.notACalibration(path: path, reason: "\(name) are no numbers")
      }
      return CleanScores(scores)
    }
    let predicts = file.names.contains("readout")
    try checkShapes(of: file, predicts: predicts)
    let fit = TokenFit(
      whitening: try whitening("tokens"),
      readout: predicts
        ? TokenReadout(
          predictions: try whitening("predictions"), weight: try file.tensor("readout"),
          errors: try whitening("errors")) : nil,
      bank: TokenBank(try file.tensor("bank")))
    return AnomalyCalibration(
      identity: found, reference: file.metadata["reference"] ?? "",
      model: AnomalyModel(
        fit: fit, energyMoments: predicts ? try moments("energies") : nil,
        distanceMoments: try moments("distances"),
        energyScores: predicts ? try scores("energies.scores") : nil,
        distanceScores: try scores("distances.scores"), surprises: try scores("surprises")))
  }

  /// Checks that the tensors fit each other.
  private static func checkShapes(of file: SafetensorsFile, predicts: Bool) throws {
    func check(_ name: String, _ expected: [Int]) throws {
      let found = try file.entry(name).shape
      guard found == expected else {
        throw AnomalyError.notACalibration(
          path: file.path, reason: "\(name) has the shape \(found), not \(expected)")
      }
    }
    let bank = try file.entry("bank").shape
    let places = try file.entry("distances.mean").shape
    guard bank.count == 2, bank[0] > 0, places.count == 1 else {
      throw AnomalyError.notACalibration(path: file.path, reason: "bank has the shape \(bank)")
    }
    let width = bank[1]
    try check("tokens.mean", [1, width])
    try check("tokens.weight", [width, width])
    try check("distances.deviation", places)
    guard predicts else { return }
    let readout = try file.entry("readout").shape
    let inputs = (readout.first ?? 0) - 4 * width - 1
    try check("readout", [4 * width + inputs + 1, width])
    try check("predictions.mean", [1, inputs])
    try check("predictions.weight", [inputs, inputs])
    try check("errors.mean", [1, width])
    try check("errors.weight", [width, width])
    try check("energies.mean", places)
    try check("energies.deviation", places)
  }
}
