import Logging

extension ImageFolder {
  /// Names in the log what was left out of the index: the first few, and how many more.
  public func logSkipped(to logger: Logger) {
    for skipped in skipped.prefix(5) { logger.warning("\(skipped.error)") }
    if skippedCount > 5 {
      logger.warning("\(skippedCount - 5) more files and folders were left out")
    }
  }

  /// What strictness asks of a folder: everything in it can be read. Files of another kind are no
  /// mistake: notes and lists lie beside pictures.
  ///
  /// - Throws: the error of the first file or folder that was left out for another reason.
  public func requireReadable() throws(ImageError) {
    for skipped in skipped {
      if case .notAPicture = skipped.error { continue }
      throw skipped.error
    }
  }
}

extension Collection<ImageFailure> {
  /// Lists in the log the pictures that could not be read: the first ten, and how many more.
  public func log(to logger: Logger) {
    for failure in prefix(10) { logger.warning("skipped: \(failure.error)") }
    if count > 10 { logger.warning("\(count - 10) more pictures could not be read") }
  }
}
