import Embeddings
import Files
import Foundation
import Pictures
import Torch
import TrainingRuns

/// Pictures looked at beside clean ones, or beside each other.
package struct AnomalyRun {
  /// Where what is usual comes from.
  package enum Reference {
    /// A folder of clean pictures, or one.
    case pictures([String])
    /// A file that an earlier run wrote.
    case calibration(String)
    /// The pictures themselves, each beside the others.
    case none
  }

  private let reader: TokenReader
  private let checkpoint: String
  private let falseAlarmsPer1000: Double
  private let decoder: ImageDecoder
  private let isStrict: Bool
  private let warn: (String) -> Void

  /// Pictures without a reference that can be told what is usual from.
  static let leastPictures = 5
  /// Bytes of tokens that are held at once.
  private static let mostBytes = 2 << 30

  /// - Parameters:
  ///   - checkpoint: what the model was opened by.
  ///   - falseAlarmsPer1000: how many clean pictures in 1000 may be flagged, above 0.
  ///   - isStrict: whether a picture that cannot be read is an error.
  ///   - warn: is told what was left out.
  package init(
    reader: TokenReader, checkpoint: String, falseAlarmsPer1000: Double,
    decoder: ImageDecoder = ImageDecoder(), isStrict: Bool = false,
    warn: @escaping (String) -> Void
  ) {
    self.reader = reader
    self.checkpoint = checkpoint
    self.falseAlarmsPer1000 = falseAlarmsPer1000
    self.decoder = decoder
    self.isStrict = isStrict
    self.warn = warn
  }

  /// Learns what is usual.
  ///
  /// - Returns: nil where there is no reference.
  /// - Throws: `AnomalyError`, `ImageError`; what reading a calibration throws.
  package func calibration(_ reference: Reference) throws -> AnomalyCalibration? {
    switch reference {
    case .none: return nil
    case .calibration(let path):
      return try AnomalyCalibration.read(
        from: path, identity: try AnomalyCalibration.identity(of: reader.model))
    case .pictures(let paths):
      let (entries, skipped) = try entries(paths)
      for failure in skipped { warn("skipped \(failure)") }
      return try self.calibration(entries, name: paths.joined(separator: ", "))
    }
  }

  /// Learns what is usual from clean pictures.
  ///
  /// - Parameter name: what they are called.
  package func calibration(
    _ clean: [ImageEntry], name: String = "clean pictures"
  ) throws -> AnomalyCalibration {
    var entries = clean
    let most = mostPictures
    if entries.count > most {
      let step = (entries.count + most - 1) / most
      warn("warning: one in \(step) of \(entries.count) clean pictures is looked at")
      entries = stride(from: 0, to: entries.count, by: step).map { entries[$0] }
    }
    let (table, failures) = try table(
      entries, "clean pictures", least: AnomalyModel.leastPictures, path: name,
      advice: "name more clean pictures")
    for failure in failures { warn("skipped \(failure)") }
    return AnomalyCalibration(
      identity: try AnomalyCalibration.identity(of: reader.model), reference: name,
      model: fit(table).model)
  }

  /// Looks at pictures; the order in which they are named changes nothing.
  ///
  /// - Parameter calibration: what is usual; nil looks at each picture beside the others.
  /// - Throws: `AnomalyError.tooFewPictures`, `ImageError`; `InputError.invalidSetting` for more pictures than
  ///   can be compared with each other.
  package func report(
    on inputs: [String], beside calibration: AnomalyCalibration?
  ) throws -> AnomalyReport {
    let (entries, skipped) = try entries(inputs)
    return try report(
      on: entries, skipped: skipped, name: inputs.joined(separator: ", "), beside: calibration)
  }

  /// Looks at pictures that were found.
  ///
  /// - Parameters:
  ///   - skipped: why others are left out.
  ///   - name: what they are called.
  package func report(
    on entries: [ImageEntry], skipped: [ImageError] = [], name: String = "pictures",
    beside calibration: AnomalyCalibration?
  ) throws -> AnomalyReport {
    var names: [String] = []
    var maps: [TokenMaps] = []
    var scores: [AnomalyModel.Score] = []
    var failures: [ImageError] = skipped
    let threshold: Double
    let claim: PictureAlarmClaim
    if let model = calibration?.model {
      failures += try reader.read(
        entries, "pictures", decoder: decoder, isStrict: isStrict
      ) { table in
        let found = model.maps(of: table)
        names += table.names
        maps.append(found)
        scores += model.scores(of: found)
      }.map(\.error)
      guard !names.isEmpty else { throw nothingRead(name, failures) }
      threshold = model.surprises.threshold(falseAlarmsPer1000: falseAlarmsPer1000)
      claim = model.claim(falseAlarmsPer1000: falseAlarmsPer1000)
    } else {
      guard entries.count <= mostPictures else {
        throw InputError.invalidSetting(
          name: "pictures", expected: "at most \(mostPictures) without --reference",
          found: "\(entries.count)")
      }
      let read = try table(
        entries, "pictures", least: Self.leastPictures, path: name,
        advice: "name clean pictures to compare with, with --reference")
      failures += read.failures
      let fitted = fit(read.table)
      (names, maps, scores) = (read.table.names, [fitted.maps], fitted.scores)
      threshold = AnomalyModel.ownThreshold(of: names.count)
      claim = PictureAlarmClaim(
        grounds: .folder, pictures: names.count,
        alarms: scores.count { $0.surprise > threshold }, wantedPer1000: falseAlarmsPer1000)
    }
    for failure in failures { warn("skipped \(failure)") }
    let pictures = zip(names, zip(scores, Self.rows(of: maps))).map { name, found in
      picture(name, found.0, energies: found.1.energies, found.1.distances, threshold: threshold)
    }
    return AnomalyReport(
      anomalies: pictures.sorted { ($1.score, $0.path) < ($0.score, $1.path) },
      checkpoint: checkpoint, reference: calibration?.reference, rows: reader.grid.height,
      columns: reader.grid.width, threshold: threshold, claim: claim,
      skipped: failures.map { "\($0)" }, remarks: remarks)
  }

  private var remarks: [String] {
    reader.predicts
      ? []
      : ["this model predicts no tokens: distances alone decide (train images makes one that does)"]
  }

  private func picture(
    _ path: String, _ score: AnomalyModel.Score, energies: [Float]?, _ distances: [Float],
    threshold: Double
  ) -> AnomalyReport.Picture {
    let byEnergy = (score.energy ?? -1) >= score.distance
    let deciding = byEnergy ? energies ?? distances : distances
    let place = deciding.indices.max { deciding[$0] < deciding[$1] } ?? 0
    return AnomalyReport.Picture(
      path: path, score: score.surprise - threshold, isFlagged: score.surprise > threshold,
      energy: score.energy, distance: score.distance, decidedBy: byEnergy ? .energy : .distance,
      row: place / reader.grid.width, column: place % reader.grid.width, energies: energies,
      distances: distances)
  }

  /// Of every picture the values of its tokens.
  private static func rows(of maps: [TokenMaps]) -> [(energies: [Float]?, distances: [Float])] {
    maps.flatMap { maps in
      let places = maps.distances.size(1)
      func rows(_ tensor: Tensor) -> [[Float]] {
        let values = tensor.array(of: Float.self)
        return (0..<tensor.size(0)).map { Array(values[$0 * places..<($0 + 1) * places]) }
      }
      let energies = maps.energies.map(rows)
      return rows(maps.distances).enumerated().map { (energies?[$0], $1) }
    }
  }

  private func fit(_ table: TokenTable) -> AnomalyModel.Fitted {
    let progress = WorkProgress()
    progress.begin("what is usual", total: nil, of: nil)
    return AnomalyModel.fit(table) { done, _ in progress.update(done) }
  }

  /// How many pictures' tokens are held at most.
  private var mostPictures: Int { max(1, Self.mostBytes / reader.bytesOfPicture) }

  private func table(
    _ entries: [ImageEntry], _ task: String, least: Int, path: String, advice: String
  ) throws -> (table: TokenTable, failures: [ImageError]) {
    var parts: [TokenTable] = []
    let failures = try reader.read(entries, task, decoder: decoder, isStrict: isStrict) {
      parts.append($0)
    }
    let count = parts.reduce(0) { $0 + $1.count }
    guard count >= least else {
      throw AnomalyError.tooFewPictures(path: path, needed: least, found: count, advice: advice)
    }
    return (TokenTable(joining: parts), failures.map(\.error))
  }

  private func nothingRead(_ name: String, _ failures: [ImageError]) -> AnomalyError {
    .tooFewPictures(
      path: name, needed: 1, found: 0,
      advice: failures.first.map { "the first is skipped because \($0)" } ?? "name pictures")
  }

  /// The pictures that inputs name, each once, in the order of their paths.
  private func entries(_ inputs: [String]) throws -> (found: [ImageEntry], skipped: [ImageError]) {
    for input in inputs {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder),
        !isFolder.boolValue, !ImageEntry.isPicture(atPath: input)
      else { continue }
      throw ImageError.notAPicture(path: input, found: "another kind of file")
    }
    let pictures = try PictureInputs(inputs)
    if isStrict { try pictures.requireReadable() }
    let found = Array(pictures).sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    return (found, pictures.skipped)
  }
}
