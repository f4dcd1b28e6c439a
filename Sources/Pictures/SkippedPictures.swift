import Files
import Logging

extension ImageFolder {
  /// Names in the log what was left out of the index: the first few, and how many more.
  public func logSkipped(to logger: Logger) {
    for skipped in skipped.prefix(5) { logger.warning("\(skipped.error)") }
    if skipped.count > 5 {
      logger.warning("\(skipped.count - 5) more were left out")
    }
  }

  /// What strictness asks of a folder: everything in it can be read. Files of another kind are no
  /// mistake, since notes and lists lie beside pictures, unless they are named like a picture.
  ///
  /// - Throws: the error of the first file or folder that was left out for another reason.
  public func requireReadable() throws(ImageError) {
    for skipped in skipped {
      switch skipped.error {
      case .repeatedFolder: continue
      case .notAPicture(let path, _) where !PictureFormat.isNamedLikeOne(path): continue
      default: throw skipped.error
      }
    }
  }
}

extension Collection<ImageFailure> {
  /// Lists in the log the pictures that could not be read: the first ten, and how many more.
  public func log(to logger: Logger) {
    for failure in prefix(10) { logger.warning("skipped: \(failure.error)") }
    if count > 10 {
      logger.warning("\((count - 10).counted("more picture")) could not be read")
    }
  }
}
