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
  /// Something stands where a new folder is to be made.
  case alreadyThere(path: String)
  /// The file is not the float32 matrix in numpy's format that was expected.
  case malformedNPY(path: String, expected: String, found: String)
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
    case .system(let path, let operation, let errorNumber):
      "\(path): could not \(operation): \(String(cString: strerror(errorNumber)))"
    case .notARegularFile(let path):
      "\(path): expected a file to write, found a folder, a device or a pipe"
    case .alreadyThere(let path): "\(path) is there already: name a new folder"
    case .malformedNPY(let path, let expected, let found):
      "\(path): expected \(expected), found \(found)"
    }
  }

  public var errorDescription: String? { description }
}
