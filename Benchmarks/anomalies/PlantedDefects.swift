import Evaluation
import Files
import Foundation
import ImageJEPA
import Pictures
import Torch

/// Local defects put into pictures of which the clean ones are at hand.
struct PlantedDefects {
  let checkpoint: String
  let reference: [ImageEntry]
  let pictures: [ImageEntry]

  private struct Row {
    let name: String
    let clean: [Double]
    let spoiled: [PlantedDefect: [Double]]
  }

  /// The middle squares of pictures.
  private static func squares(_ pictures: [ImageEntry], side: Int) -> [RGBImage] {
    pictures.compactMap { entry in
      (try? ImageDecoder().square(contentsOf: entry.path, size: side, normalization: .identity))
        .map { RGBImage(planes: $0, width: side, height: side) }
    }
  }

  /// Writes pictures as PNG files, every second one with a defect that its name says.
  static func write(_ pictures: [ImageEntry], size: Int, to folder: String) throws {
    try DurableFile.makeFolder(folder)
    let clean = squares(pictures, side: size)
    let kinds = PlantedDefect.allCases
    for (place, image) in clean.enumerated() {
      let number = String(format: "%04d", place)
      guard place % 2 == 1 else {
        try image.write(toPNG: "\(folder)/\(number).png")
        continue
      }
      let defect = kinds[place / 2 % kinds.count]
      try defect(image, donor: clean[(place + 1) % clean.count], seed: UInt64(1000 + place))
        .image.write(toPNG: "\(folder)/\(number)-\(defect.rawValue).png")
    }
  }

  func run() throws {
    let reader = try TokenReader(checkpoint: checkpoint)
    let size = reader.model.preprocessing.imageSize
    // Defects are put in at twice the encoder's resolution.
    let side = 2 * size
    let clean = Self.squares(pictures, side: side)
    var spoiled: [PlantedDefect: [(image: RGBImage, box: PixelBox)]] = [:]
    for defect in PlantedDefect.allCases {
      spoiled[defect] = clean.indices.map { place in
        defect(clean[place], donor: clean[(place + 1) % clean.count], seed: UInt64(1000 + place))
      }
    }
    print(
      "\(checkpoint): \(reference.count) clean pictures of reference, \(clean.count) clean and "
        + "\(clean.count) of each defect")

    func entries(_ images: [RGBImage]) -> [ImageEntry] {
      images.map { ImageEntry(.decoded($0), path: "") }
    }
    // What is usual has gone the same way: pictures that are resized twice are softer.
    let reference = entries(Self.squares(self.reference, side: side))
    func rows(_ contenders: [Contender], _ table: ([ImageEntry]) throws -> TokenTable) throws
      -> [Row]
    {
      let usual = try table(reference)
      let cleanTable = try table(entries(clean))
      let tables = try spoiled.mapValues { try table(entries($0.map(\.image))) }
      return contenders.flatMap { contender in
        let scores = contender.fit(usual)
        let clean = scores(cleanTable)
        let spoiled = tables.mapValues(scores)
        return contender.names.enumerated().map { place, name in
          Row(name: name, clean: clean[place], spoiled: spoiled.mapValues { $0[place] })
        }
      }
    }
    var all: [Row] = []
    func batches(_ entries: [ImageEntry], _ body: (Tensor) -> Void) throws {
      let loader = try ImageBatches(
        entries, size: size, batchSize: 32, filter: reader.model.preprocessing.filter,
        normalization: reader.model.preprocessing.normalization)
      while let batch = try loader.next() {
        body(batch.tensor)
        loader.release(batch)
      }
    }
    all += try rows([.pixels]) { entries in
      var parts: [TokenTable] = []
      try batches(entries) { parts.append(pixelTable($0.clone(), side: reader.grid.height)) }
      return TokenTable(joining: parts)
    }
    let method = try ImageTrainingConfiguration.loadMethod(from: checkpoint).method
    func control(_ images: [RGBImage]) throws -> [Double] {
      var values: [Double] = []
      try batches(entries(images)) { pictures in
        values += method.controls(of: pictures).to(.float64).array(of: Double.self)
      }
      return values
    }
    all.append(
      Row(
        name: "control -z^2", clean: try control(clean),
        spoiled: try spoiled.mapValues { try control($0.map(\.image)) }))
    let untrained = try TokenReader.untrained(checkpoint: checkpoint, seed: 1)
    all += try rows([.rules("untrained: ")], untrained.table)
    all += try rows([.padim, .rules()], reader.table)
    try show(all)
    try compare(all, "both", "energy alone")
    try compare(all, "both", "distances alone (PatchCore)")
    try compare(all, "energy alone", "distances alone (PatchCore)")
    let parts: [PlantedDefect] = [.swapped, .replaced]
    try compare(all, "energy alone", "untrained: energy alone", parts)
    try compare(all, "energy alone", "control -z^2", parts)
    try found(
      reader, reference: reference, clean: entries(clean), spoiled: spoiled, side: side)
  }

  // MARK: AUROC

  private func show(_ rows: [Row]) throws {
    let defects = PlantedDefect.allCases
    print("\n| AUROC | " + defects.map(\.rawValue).joined(separator: " | ") + " | mean |")
    print("|---" + String(repeating: "|---", count: defects.count + 1) + "|")
    for row in rows {
      let figures = try defects.map {
        try RankStatistics.auroc(positives: row.spoiled[$0]!, negatives: row.clean)
      }
      let (low, high) = try interval { places in
        try mean(row, defects, places)
      }
      let cells = figures.map { String(format: "%.3f", $0) }
      let average = figures.reduce(0, +) / Double(figures.count)
      print(
        "| \(row.name) | " + cells.joined(separator: " | ")
          + String(format: " | %.3f (%.3f-%.3f) |", average, low, high))
    }
    print("")
  }

  private func mean(_ row: Row, _ defects: [PlantedDefect], _ places: [Int]) throws -> Double {
    let clean = places.map { row.clean[$0] }
    let sum = try defects.reduce(0.0) { sum, defect in
      let found = row.spoiled[defect]!
      return try sum
        + RankStatistics.auroc(positives: places.map { found[$0] }, negatives: clean)
    }
    return sum / Double(defects.count)
  }

  /// The middle 95 % of a figure over pictures drawn with replacement: a picture and its defects together.
  private func interval(_ figure: ([Int]) throws -> Double) throws -> (Double, Double) {
    var generator = SeededGenerator(seed: 5)
    let count = pictures.count
    let draws = try (0..<400).map { _ in
      try figure((0..<count).map { _ in generator.index(below: count) })
    }.sorted()
    return (draws[9], draws[389])
  }

  private func compare(
    _ rows: [Row], _ first: String, _ second: String,
    _ defects: [PlantedDefect] = PlantedDefect.allCases
  ) throws {
    guard let left = rows.first(where: { $0.name == first }),
      let right = rows.first(where: { $0.name == second })
    else { return }
    let all = Array(pictures.indices)
    let difference = try mean(left, defects, all) - mean(right, defects, all)
    let (low, high) = try interval { try mean(left, defects, $0) - mean(right, defects, $0) }
    let of =
      defects.count == PlantedDefect.allCases.count
      ? "" : " on " + defects.map(\.rawValue).joined(separator: " and ")
    print(
      String(
        format: "%@ less %@%@: %+.3f (%+.3f to %+.3f)", first, second, of, difference, low, high))
  }

  // MARK: Alarms and places

  /// How many are flagged, and how often the token that stands out most touches the defect.
  private func found(
    _ reader: TokenReader, reference: [ImageEntry], clean: [ImageEntry],
    spoiled: [PlantedDefect: [(image: RGBImage, box: PixelBox)]], side: Int
  ) throws {
    let run = AnomalyRun(
      reader: reader, checkpoint: checkpoint, falseAlarmsPer1000: 50, warn: { _ in })
    let usual = try run.calibration(reference)
    print("\nthreshold: \(usual.claim(falseAlarmsPer1000: 50))")
    func flagged(_ entries: [ImageEntry]) throws -> [AnomalyReport.Picture] {
      try run.report(on: entries, beside: usual).anomalies
    }
    let alarms = try flagged(clean).count(where: \.isFlagged)
    print("clean: \(alarms) of \(clean.count) flagged")
    let cell = Double(side) / Double(reader.grid.height)
    for defect in PlantedDefect.allCases {
      let planted = spoiled[defect]!
      let pictures = try flagged(
        planted.enumerated().map { ImageEntry(.decoded($1.image), path: "\($0)") })
      let hits = pictures.count { picture in
        let box = planted[Int(picture.path)!].box
        let (left, top) = (Double(picture.column) * cell, Double(picture.row) * cell)
        return Double(box.x) < left + cell && left < Double(box.x + box.width)
          && Double(box.y) < top + cell && top < Double(box.y + box.height)
      }
      print(
        "\(defect.rawValue): \(pictures.count(where: \.isFlagged)) of \(pictures.count) flagged, "
          + "the token that stands out most touches the defect in \(hits)")
    }
  }
}
