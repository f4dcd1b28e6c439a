import Files
import Foundation
import ImageJEPA
import Pictures
import Torch
import TrainingRuns

/// Writes the embedding of every picture, batch by batch, to a file.
///
/// Memory does not grow with the number of pictures. Until the file is complete everything is in
/// `OUTPUT.unfinished`, from which an export that was interrupted goes on. The bytes depend on the weights,
/// the settings, the pictures and the batch size; on the batch size only in the last bits of a number (the
/// products of matrices of another shape are summed in another order).
public struct EmbeddingExport {
  private let embedder: PictureEmbedder
  private let batchSize: Int
  private let workers: Int
  private let isStrict: Bool
  private let hasThumbnails: Bool
  private let decoder: ImageDecoder

  /// How much work an interruption may cost.
  private static let secondsBetweenSaves = 2.0
  /// Skipped pictures that are named on the terminal; of more, all are in a list.
  private static let mostNamed = 10

  /// - Parameters:
  ///   - workers: threads that decode pictures, which processes of one machine share; they change nothing of
  ///     what is written.
  ///   - hasThumbnails: whether each line of a `.jsonl` file holds a small picture, too.
  public init(
    embedder: PictureEmbedder, batchSize: Int = 32, workers: Int = 2, isStrict: Bool = false,
    hasThumbnails: Bool = false, decoder: ImageDecoder = ImageDecoder()
  ) {
    self.embedder = embedder
    self.batchSize = batchSize
    self.workers = workers
    self.isStrict = isStrict
    self.hasThumbnails = hasThumbnails
    self.decoder = decoder
  }

  /// What was written.
  public struct Report: CustomStringConvertible {
    public let path: String
    /// `[N, D]`, or `[N, patches, D]` without pooling.
    public let shape: [Int]
    /// Rows that an earlier process wrote.
    public let continuedRows: Int
    public let imagesPerSecond: Double
    /// The files that are no pictures or could not be read: how many, and what is said of the first.
    public let failureCount: Int
    public let failures: [String]
    /// The list of all of them, where there are more than are named here.
    public let skippedList: String?
    /// What is odd about the names of the inputs.
    public let remarks: [String]
    /// The signal that ended the export before its end, which `--resume` goes on from.
    public let interruption: String?

    public var description: String {
      let skipped =
        failures.map { "skipped: \($0)\n" }.joined() + more
        + remarks.map { "\($0)\n" }.joined()
      let counted = failureCount > 0 ? ", \(failureCount) skipped" : ""
      let rows = shape[0].counted("embedding")
      let size = shape.dropFirst().map(String.init).joined(separator: "x")
      let speed = String(format: "%.0f images/s", imagesPerSecond)
      if let interruption {
        return skipped + "stopped by \(interruption) after \(rows); go on with --resume"
      }
      return skipped + "wrote \(path): \(rows) of width \(size)\(counted), \(speed)"
    }

    private var more: String {
      let count = failureCount - failures.count
      guard count > 0 else { return "" }
      return "skipped: \(count) more"
        + (skippedList.map { "; all \(failureCount) are in \($0)" } ?? "") + "\n"
    }
  }

  /// Writes `output` and what belongs beside it.
  ///
  /// - Parameters:
  ///   - read: files and folders that are read: they are never written over.
  ///   - isForced: whether files that this program did not make may be overwritten.
  ///   - isResuming: go on from what an interrupted export of the same pictures, settings and weights
  ///     left; without such it begins anew.
  ///   - stop: ends the export after a batch, to be gone on from.
  ///   - group: processes that embed together, of which this is the first: the others call `takePart`. nil for one.
  /// - Throws: `ImageError`, `FileError`, `InputError`, `EmbeddingError`; `.exportStopped` where a disk, memory, a
  ///   device or another process gives out; `ProcessGroupError.different`; `ToldByAnotherProcess` where another one says what
  ///   went wrong. An unfinished file never stands under its name.
  public func run(
    _ inputs: PictureInputs, to output: String, reading read: [String] = [],
    isResuming: Bool = false, isForced: Bool = false, until stop: StopSignal? = nil,
    in group: ProcessGroup? = nil
  ) throws -> Report {
    precondition(group?.isFirst ?? true, "the first process writes")
    if isStrict { try inputs.requireReadable() }
    let paths = EmbeddingPaths(output: output)
    let format = try EmbeddingFormat(path: output)
    guard format.holdsTokens || embedder.settings.pooling != .none else {
      throw InputError.invalidSetting(
        name: "pool", expected: "mean, max or attention for \(output)", found: "none")
    }
    guard format.holdsThumbnails || !hasThumbnails else {
      let endings = EmbeddingFormat.all.filter(\.holdsThumbnails).compactMap(\.ending)
      throw InputError.invalidSetting(
        name: "thumbnails", expected: "a .\(endings.joined(with: "or .")) file", found: output)
    }
    guard format.holdsHalves || embedder.settings.dtype == .float32 else {
      throw InputError.invalidSetting(
        name: "dtype", expected: "float32 for \(output)", found: "\(embedder.settings.dtype)")
    }
    try check(paths, format: format, against: read, isForced: isForced)
    var description = try embedder.description()
    let settings = settings(description)
    let export = try UnfinishedExport(
      paths.unfinished, settings: settings, isResuming: isResuming)
    let continuedRows = export.state.rowCount
    try group.map { group in
      try requireSame(settings, in: group)
      _ = try SharedStart(of: export.state).agreed(in: group)
    }

    func report(_ outcome: Outcome) -> Report {
      let failures =
        export.state.failures + inputs.skipped.prefix(Self.mostNamed).map { "\($0)" }
      let hasList = export.state.publications?.contains { $0.path == paths.skipped } == true
      return Report(
        path: paths.output, shape: description.shape, continuedRows: continuedRows,
        imagesPerSecond: outcome.imagesPerSecond,
        failureCount: export.state.failureCount + inputs.skipped.count,
        failures: Array(failures.prefix(Self.mostNamed)),
        skippedList: hasList ? paths.skipped : nil, remarks: outcome.remarks,
        interruption: outcome.interruption)
    }

    do {
      if export.state.publications == nil {
        let writer = try format.makeWriter(
          export, paths: paths, description: description, hasThumbnails: hasThumbnails)
        let skipped = try SkippedList(export, path: paths.skipped)
        let outcome = try write(
          inputs, with: writer, skipped: skipped, to: export, until: stop, in: group)
        description.shape[0] = export.state.rowCount
        if outcome.interruption != nil { return report(outcome) }
        var publications = try writer.finish(description)
        if export.state.failureCount + inputs.skipped.count > Self.mostNamed {
          try skipped.append(inputs.skipped)
          publications.insert(skipped.publication, at: 0)
        } else {
          SkippedList.removeEarlier(at: paths.skipped)
        }
        try export.publish(publications)
        return report(outcome)
      }
      description.shape[0] = export.state.rowCount
      try export.publishRest()
      return report(Outcome())
    } catch let error where [ENOSPC, EDQUOT, EFBIG].contains(error.errorNumber) {
      // A full disk says so itself.
      var advice: String? = "make room"
      if case .diskFull = error as? FileError { advice = nil }
      throw EmbeddingError.exportStopped(
        reason: "\(error)", advice: advice, rows: export.state.rowCount)
    } catch let error where error is ComputationError || error.isForWantOfMemory {
      let rows = export.state.rowCount
      // The bytes depend on the size of a batch: what is embedded has decided it.
      let less = rows == 0 ? "take a smaller --batch or free memory" : "free memory"
      let advice =
        error.isForWantOfMemory
        ? less : error.isOfPeers ? "see why it has" : "see that the device works"
      throw EmbeddingError.exportStopped(reason: "\(error)", advice: advice, rows: rows)
    }
  }

  private struct Outcome {
    var imagesPerSecond = 0.0
    var interruption: String?
    var remarks: [String] = []
  }

  /// Refuses to put a file in the place of something else.
  private func check(
    _ paths: EmbeddingPaths, format: EmbeddingFormat, against read: [String], isForced: Bool
  ) throws {
    guard !EmbeddingFormat.endings.contains(PathParts(paths.output).name) else {
      throw InputError.invalidSetting(
        name: "--output", expected: "a name before the ending", found: "\"\(paths.output)\"")
    }
    if format.isOwnFolder != nil {
      try OutputFolder.check(paths.output, inAFolderThatIsThere: true)
    }
    try OutputFiles(paths.files(of: format), isForced: isForced).check(against: read)
    guard let isOwn = format.isOwnFolder else {
      if !isForced, let other = paths.neighbour(of: format) {
        throw EmbeddingError.sharedStem(path: paths.output, other: other)
      }
      return
    }
    guard FileIdentity(path: paths.output) != nil, !isForced else { return }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: paths.output)) ?? ["?"]
    let isContinued = FileIdentity(path: paths.unfinished) != nil
    guard names.isEmpty || isContinued || isOwn(paths.output) else {
      throw EmbeddingError.outputNotEmpty(path: paths.output)
    }
  }

  /// Embeds a part of what another process writes, with `run` and the same arguments.
  ///
  /// - Throws: as `run`; where another process is gone, `ComputationError.peersFailed`.
  public func takePart(
    _ inputs: PictureInputs, until stop: StopSignal? = nil, in group: ProcessGroup
  ) throws {
    precondition(!group.isFirst, "the first process writes")
    if isStrict { try inputs.requireReadable() }
    try requireSame(settings(try embedder.description()), in: group)
    let start = try SharedStart().agreed(in: group)
    guard !start.isDone else { return }
    let rest = inputs.makeIterator()
    try Self.skip(start.position, of: rest, inputs: "the unfinished export")
    let batches = try batches(rest, from: start.position, until: stop, in: group)
    while try batches.nextRound({ _ in }) {}
    group.waitForAll()
  }

  /// What the bytes depend on.
  private func settings(_ description: EmbeddingDescription) -> [String: String] {
    var choices = ["batch": "\(batchSize)"]
    if hasThumbnails { choices["thumbnails"] = "true" }
    return description.fields.merging(choices) { $1 }
  }

  private func requireSame(_ settings: [String: String], in group: ProcessGroup) throws {
    try group.requireSame(
      version: ProgramVersion.current, device: embedder.model.device,
      settings: settings.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" })
  }

  private func batches(
    _ rest: PictureInputs.Iterator, from position: ImagePosition, until stop: StopSignal?,
    in group: ProcessGroup?
  ) throws -> SharedBatches {
    try SharedBatches(
      IteratorSequence(rest), from: position, preprocessing: embedder.model.preprocessing,
      batchSize: batchSize, decoder: decoder,
      options: LoaderOptions(workers: workers, prefetchedBatches: 1, isStrict: isStrict)
        .shared(among: group?.place.localSize),
      shape: embedder.shape, dtype: embedder.settings.dtype.tensorType, group: group,
      sendsPictures: hasThumbnails, until: stop
    ) { [embedder] in embedder($0) }
  }

  /// Embeds what is left of the inputs.
  private func write(
    _ inputs: PictureInputs, with writer: any EmbeddingFormatWriter, skipped: SkippedList,
    to export: UnfinishedExport, until stop: StopSignal?, in group: ProcessGroup?
  ) throws -> Outcome {
    let rest = inputs.makeIterator()
    let begun = export.state
    try Self.skip(begun.position, of: rest, inputs: export.folder)
    if export.isContinued {
      StatusLine.standardError.print("going on from row \(begun.rowCount)")
    }
    let batches = try batches(rest, from: begun.position, until: stop, in: group)
    let normalization = embedder.model.preprocessing.normalization
    let progress = WorkProgress(writesLines: true)
    progress.begin("", total: inputs.count, of: "images", from: begun.position.count)
    let start = ContinuousClock.now
    var (lastSave, savedRowCount, rowCount) = (start, begun.rowCount, begun.rowCount)
    // As of the last batch that was written whole: what an error interrupts is done again.
    var (position, failureCount) = (begun.position, 0)
    var named = begun.failures

    func save() throws {
      try export.save { state in
        state.position = position
        state.rowCount = rowCount
        state.failureCount = begun.failureCount + failureCount
        state.failures = named
      }
      (lastSave, savedRowCount) = (.now, rowCount)
    }

    let check = Computation()
    func take(_ batch: SharedBatches.Batch) throws {
      if !batch.rows.isEmpty {
        try check.run { [rowCount] in
          try Self.requireNumbers(batch.results, rows: batch.rows, first: rowCount)
        }
        try writer.append(batch.results, rows: batch.rows, first: rowCount) {
          normalization.undone(in: batch.pictures!)
        }
      }
      let errors = batch.failures.map(\.error)
      try skipped.append(errors)
      named += errors.prefix(Self.mostNamed - named.count).map { "\($0)" }
      rowCount += batch.rows.count
      (position, failureCount) = (batch.positionAfter, failureCount + errors.count)
      export.mark()
      progress.update(position.count)
      if (ContinuousClock.now - lastSave) / .seconds(1) >= Self.secondsBetweenSaves { try save() }
    }

    defer {
      // What an error interrupts can be continued too.
      if rowCount > savedRowCount { try? save() }
    }
    batches.willFail = { if rowCount > savedRowCount { try? save() } }
    if let group {
      // One that is gone ends this where something of it is waited for, which is never within a batch.
      try Computation.run {
        while try batches.nextRound(take) {}
        group.waitForAll()
      }
    } else {
      while try batches.nextRound(take) {}
    }
    let isInterrupted = batches.isInterrupted
    guard rowCount > 0 || isInterrupted else {
      throw EmbeddingError.nothingEmbedded(failureCount: failureCount, first: named.first)
    }
    if rowCount > 0 { try save() }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Outcome(
      imagesPerSecond: Double(rowCount - begun.rowCount) / max(seconds, 1e-9),
      interruption: isInterrupted ? stop?.name : nil, remarks: rest.remarks)
  }

  /// Goes past the pictures that are done, and checks that they are those that were done.
  private static func skip(
    _ position: ImagePosition, of entries: PictureInputs.Iterator, inputs: String
  ) throws {
    var passed = ImagePosition()
    while passed.count < position.count, let entry = entries.next() { passed.pass(entry) }
    guard passed == position else {
      throw EmbeddingError.inputsChanged(
        path: inputs, expected: position.count, found: passed.count)
    }
  }

  /// No format has a good place for NaN, and none of what comes after could use it.
  private static func requireNumbers(
    _ embeddings: Tensor, rows: [EmbeddingRow], first: Int
  ) throws {
    let finite = embeddings.flattened(1).isFinite().all(1).array(of: Bool.self)
    guard let bad = finite.firstIndex(of: false) else { return }
    throw EmbeddingError.nonFiniteEmbedding(row: first + bad, path: rows[bad].path)
  }
}

/// Where processes that embed together begin, as the first one's unfinished export says.
private struct SharedStart: Codable {
  var position = ImagePosition()
  /// Whether all is embedded, and only the files' names are missing.
  var isDone = false

  init() {}

  init(of state: UnfinishedExport.State) {
    position = state.position
    isDone = state.publications != nil
  }

  /// The first process's.
  func agreed(in group: ProcessGroup) throws -> SharedStart {
    let text = String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
    return try JSONDecoder().decode(SharedStart.self, from: Data(group.texts(text)[0].utf8))
  }
}

extension Error {
  /// Whether another process that takes part is gone.
  fileprivate var isOfPeers: Bool {
    if case .peersFailed = self as? ComputationError { true } else { false }
  }

  fileprivate var isForWantOfMemory: Bool {
    switch self as? ImageError {
    case .noRoomForBatch, .noRoomForThreads: true
    default: (self as? ComputationError)?.isOfMemory == true
    }
  }
}
