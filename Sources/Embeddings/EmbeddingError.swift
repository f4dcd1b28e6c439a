import Files
import Foundation

/// What can be wrong with embeddings, or with the files made of them.
public enum EmbeddingError: Error, Equatable, Sendable {
  /// Embeddings are a matrix `[N, D]`; this was something else.
  case notAMatrix(shape: [Int])
  /// Every item has one embedding, one label and one path.
  case countMismatch(embeddings: Int, labels: Int, paths: Int)
  /// A label below zero.
  case invalidLabel(row: Int, found: Int)
  /// An embedding holds NaN or infinity.
  case nonFiniteEmbedding(row: Int, path: String)
  /// Two sets of embeddings, or an embedding and a writer, differ in width.
  case widthMismatch(expected: Int, found: Int)
  /// Nothing can be classified where all items are of one class.
  case tooFewClasses(found: Int)
  /// The ending of an output names none of the formats.
  case unknownFormat(path: String, found: String)
  /// The folder for the embedding projector holds something else.
  case outputNotEmpty(path: String)
  /// An earlier export of the same name was interrupted.
  case unfinishedExport(path: String, rows: Int)
  /// An export could not go on, for `reason`; `advice` is what to do, where the reason does not say it, and `rows` of
  /// it are kept.
  case exportStopped(reason: String, advice: String?, rows: Int)
  /// An export that was interrupted was begun with other settings or weights.
  case cannotResume(path: String, differences: [String])
  /// An export that was interrupted was begun with other pictures.
  case inputsChanged(path: String, expected: Int, found: Int)
  /// Another process is writing the same export.
  case exportInUse(path: String)
  /// A part of an unfinished export is not what its state says.
  case damagedExport(path: String, expectedBytes: Int, foundBytes: Int, folder: String)
  /// Not one picture could be embedded.
  case nothingEmbedded(failureCount: Int, first: String?)
  /// A file of embeddings does not say what made it: it is not from `jepa embed`, or was moved alone.
  case foreignEmbeddings(path: String, missing: String)
  /// What neighbours are asked of is neither a row of the file nor a picture.
  case unknownQuery(query: String, path: String)
  /// The model that made a file is not where it was.
  case missingModel(path: String, checkpoint: String)
  /// A query's model is not the one that made the file.
  case otherModel(path: String, expected: String, model: String, found: String)
  /// A file of embeddings is damaged, or not what its ending says.
  case malformedEmbeddings(path: String, expected: String, found: String)
  /// Two exports would share the files that stand beside them.
  case sharedStem(path: String, other: String)
  /// More pairs of pictures are near each other than can be held.
  case tooManyPairs(threshold: Float, found: Int, limit: Int)
  /// A file of embeddings has no picture of a folder.
  case noRowsInFolder(path: String, folder: String)
}

extension EmbeddingError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .notAMatrix(let shape):
      "expected embeddings of shape [N, D], found \(shape)"
    case .countMismatch(let embeddings, let labels, let paths):
      "expected as many labels and paths as embeddings, found \(embeddings) embeddings, "
        + "\(labels) labels and \(paths) paths"
    case .invalidLabel(let row, let found):
      "row \(row): expected a label of 0 or more, found \(found)"
    case .nonFiniteEmbedding(let row, let path):
      "row \(row)\(path.isEmpty ? "" : " (\(path))"): the embedding holds NaN or infinity"
    case .widthMismatch(let expected, let found):
      "expected embeddings of width \(expected), found \(found)"
    case .tooFewClasses(let found):
      "expected items of at least two classes, found \(found): one folder for each class?"
    case .unknownFormat(let path, let found):
      "\(path): expected an ending of \(EmbeddingFormat.endings.joined(with: "or")), or a folder for the "
        + "embedding projector, found .\(found)"
    case .outputNotEmpty(let path):
      "\(path) is not empty and was not made by jepa embed: name another folder for the embedding projector, or write into it with --force"
    case .unfinishedExport(let path, let rows):
      "\(path) holds \(rows.counted("row")) of an export that was interrupted: go on with --resume, or remove it"
    case .exportStopped(let reason, let advice, let rows):
      reason + (advice.map { ": \($0)" } ?? "") + ", then go on with --resume: "
        + "\(rows.counted("embedding")) \(rows == 1 ? "is" : "are") kept"
    case .cannotResume(let path, let differences):
      "\(path) cannot be resumed with other settings: \(differences.joined(separator: "; "))"
    case .inputsChanged(let path, let expected, let found):
      found < expected
        ? "\(path) cannot be resumed: it holds \(expected.counted("picture")), the inputs now are \(found)"
        : "\(path) cannot be resumed: its first \(expected) pictures are not those of the inputs now"
    case .exportInUse(let path):
      "\(path) is in use by another process"
    case .damagedExport(let path, let expectedBytes, let foundBytes, let folder):
      "\(path): expected \(expectedBytes) bytes, found \(foundBytes): remove \(folder) and begin anew"
    case .nothingEmbedded(let failureCount, let first):
      failureCount == 0
        ? "there is no picture to embed"
        : "not one of \(failureCount.counted("picture")) could be read, the first because \(first ?? "")"
    case .foreignEmbeddings(let path, let missing):
      "\(path): expected embeddings written by jepa embed, found a file without \(missing)"
    case .unknownQuery(let query, let path):
      "\(query): expected a row of \(path) or a picture, found neither"
    case .missingModel(let path, let checkpoint):
      "\(path) was made by \(checkpoint), which is not there: name the model with --checkpoint"
    case .otherModel(let path, let expected, let model, let found):
      "\(path) was made by the model \(expected.prefix(12)), \(model) is \(found.prefix(12)): "
        + "their embeddings cannot be compared"
    case .malformedEmbeddings(let path, let expected, let found):
      "\(path): expected \(expected), found \(found)"
    case .sharedStem(let path, let other):
      "\(path) would overwrite what stands beside \(other): give it another name, not only another ending"
    case .tooManyPairs(let threshold, let found, let limit):
      "\(found) pairs of pictures are near each other at \(threshold), more than \(limit): this model does not tell these "
        + "pictures apart; raise --threshold, or leave --link and --keep out"
    case .noRowsInFolder(let path, let folder):
      "\(path) holds no picture of \(folder): paths are those that jepa embed was given"
    }
  }

  public var errorDescription: String? { description }
}
