import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct PathPartsTests {
  @Test(arguments: [
    ("a/b.txt", "a", "b.txt", "txt", "a/b"), ("p", "", "p", "", "p"), ("/", "/", "/", "", "/"),
    ("/a", "/", "a", "", "/a"), ("a/", "", "a", "", "a"), ("a/b/", "a", "b", "", "a/b"),
    ("", "", "", "", ""), (".", "", ".", "", "."), ("..", "", "..", "", ".."),
    (".npy", "", ".npy", "", ".npy"), ("a/.npy", "a", ".npy", "", "a/.npy"),
    ("x.tar.gz", "", "x.tar.gz", "gz", "x.tar"), ("a.b/c", "a.b", "c", "", "a.b/c"),
    ("x.", "", "x.", "", "x."), ("j.n", "", "j.n", "n", "j"), ("ü/é.ö", "ü", "é.ö", "ö", "ü/é"),
  ])
  func cutsAtTheLastSlashAndDot(
    path: String, folder: String, name: String, ending: String, stem: String
  ) {
    let parts = PathParts(path)
    #expect(parts.folder == folder && parts.name == name)
    #expect(parts.ending == ending && parts.stem == stem)
  }

  @Test func takesPathsOfAnyLength() {
    let long = String(repeating: "folder/", count: 10_000) + "name.npy"
    #expect(PathParts(long).name == "name.npy")
    #expect(PathParts(long).folder.utf8.count == 69_999)
  }
}
