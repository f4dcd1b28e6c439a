import Files
import Foundation

/// What can be wrong with the items to be evaluated, or with the files made of them.
public enum EvaluationError: Error, Equatable, Sendable {
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
  /// A figure needs more items than there are.
  case tooFewItems(purpose: String, needed: Int, found: Int)
  /// Nothing can be classified where all items are of one class.
  case tooFewClasses(found: Int)
  /// Pictures of a labelled folder lie in it, and not in a folder of a class.
  case picturesWithoutClass(folder: String, count: Int, of: Int, example: String)
  /// A labelled folder holds the folder of one class.
  case tooFewClassFolders(folder: String, found: [String])
  /// A test picture's class has no training pictures.
  case unknownClass(name: String, folder: String, known: [String])
  /// A setting outside its range.
  case invalidSetting(name: String, expected: String, found: String)
  /// A score or an energy is NaN.
  case notANumber(purpose: String, item: Int)
  /// A function that gives one number for each picture gave another shape.
  case wrongShape(purpose: String, expected: [Int], found: [Int])
  /// A corruption cannot be applied to pictures of this shape.
  case unsuitablePictures(corruption: String, needed: String, shape: [Int])
  /// A system call failed, for instance because the disk is full.
  case system(path: String, operation: String, errorNumber: Int32)
  /// A folder, a device or a pipe stands where a file is to be written.
  case notARegularFile(path: String)
  /// The ending of an output names none of the formats.
  case unknownFormat(path: String, found: String)
  /// The folder for the embedding projector holds something else.
  case outputNotEmpty(path: String)
  /// An earlier export of the same name was interrupted.
  case unfinishedExport(path: String, rows: Int)
  /// An export could not go on, for `reason`; `advice` is what to do, and `rows` of it are kept.
  case exportStopped(reason: String, advice: String, rows: Int)
  /// Memory or a device gave out while a clip was scored.
  case clipFailed(path: String, reason: String)
  /// An export that was interrupted was begun with other settings or weights.
  case cannotResume(path: String, differences: [String])
  /// An export that was interrupted was begun with other pictures.
  case inputsChanged(path: String, expected: Int, found: Int)
  /// Another process is writing the same export.
  case exportInUse(path: String)
  /// A part of an unfinished export is not what its state says.
  case damagedExport(path: String, expectedBytes: Int, foundBytes: Int, folder: String)
  /// The archive of the demo's pictures is not the one that its checksum is of.
  case damagedArchive(path: String, expected: String, found: String)
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
  /// A list of paths is written in an encoding whose bytes are no paths.
  case listNotUTF8(path: String, found: String)
  /// Something stands where a new folder is to be made.
  case alreadyThere(path: String)
  /// A file that this program did not make stands where it is to write.
  case foreignFile(path: String, option: String)
  /// Two exports would share the files that stand beside them.
  case sharedStem(path: String, other: String)
}

extension EvaluationError: CustomStringConvertible, LocalizedError {
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
    case .tooFewItems(let purpose, let needed, let found):
      "\(purpose) needs at least \(needed) items, found \(found)"
    case .tooFewClasses(let found):
      "expected items of at least two classes, found \(found): one folder for each class?"
    case .picturesWithoutClass(let folder, let count, let all, let example):
      "\(folder): expected every picture in a folder of its class, such as \(folder)/cats/1.jpg; "
        + (count == all ? "there is no such folder" : "\(count) of \(all) pictures are in none")
        + ", found \(example)"
    case .tooFewClassFolders(let folder, let found):
      "\(folder): expected folders of pictures of at least two classes, found one: "
        + found.joined()
    case .unknownClass(let name, let folder, let known):
      "\(folder): expected the classes of the training folder (\(known.joined(separator: ", "))), "
        + "found \(name)"
    case .invalidSetting(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    case .notANumber(let purpose, let item):
      "\(purpose): item \(item) is not a number"
    case .wrongShape(let purpose, let expected, let found):
      "\(purpose): expected shape \(expected), found \(found)"
    case .unsuitablePictures(let corruption, let needed, let shape):
      "\(corruption): needs \(needed), found pictures of shape \(shape)"
    case .exportStopped(let reason, let advice, let rows):
      "\(reason): \(advice), then go on with --resume: \(rows.counted("embedding")) "
        + (rows == 1 ? "is kept" : "are kept")
    case .clipFailed(let path, let reason):
      "\(path): \(reason)"
    case .system(let path, let operation, let errorNumber):
      "\(path): could not \(operation): \(String(cString: strerror(errorNumber)))"
    case .notARegularFile(let path):
      "\(path): expected a file to write, found a folder, a device or a pipe"
    case .unknownFormat(let path, let found):
      "\(path): expected an ending of .npy, .npz, .safetensors, .csv or .jsonl, or a folder for the "
        + "embedding projector, found .\(found)"
    case .outputNotEmpty(let path):
      "\(path) is not empty and was not made by jepa embed: name another folder for the embedding projector, or write into it with --force"
    case .unfinishedExport(let path, let rows):
      "\(path) holds \(rows.counted("row")) of an export that was interrupted: go on with --resume, or remove it"
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
    case .damagedArchive(let path, let expected, let found):
      "\(path) is damaged: its SHA-256 is \(found), expected \(expected); git checkout \(path) restores it"
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
    case .listNotUTF8(let path, let found):
      "\(path): expected paths in UTF-8, found \(found): convert the list with "
        + "iconv -f \(found) -t UTF-8"
    case .alreadyThere(let path): "\(path) is there already: name a new folder"
    case .foreignFile(let path, let option):
      "\(path) is there already and was not made by jepa (\(option)): name another file, or overwrite it with --force"
    case .sharedStem(let path, let other):
      "\(path) would overwrite what stands beside \(other): give it another name, not only another ending"
    case .malformedEmbeddings(let path, let expected, let found):
      "\(path): expected \(expected), found \(found)"
    }
  }

  public var errorDescription: String? { description }
}
