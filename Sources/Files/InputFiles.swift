/// Files and folders that are read.
package enum InputFiles {
  /// - Throws: `InputError.invalidSetting` for one that is named twice, by whatever names: it would count as twice
  ///   the evidence.
  package static func checkEachOnce(_ paths: [String], called name: String) throws(InputError) {
    var known: Set<FileIdentity> = []
    // What is not there is said when it is opened.
    for path in paths {
      guard FileIdentity(path: path).map({ known.insert($0).inserted }) ?? true else {
        throw .invalidSetting(name: name, expected: "each clip once", found: "\(path) twice")
      }
    }
  }
}
