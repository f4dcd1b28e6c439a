import Files
import Foundation
import Testing
import TrainingRuns

@Suite struct ShellWordTests {
  @Test func plainWordsStayAsTheyAre() {
    #expect(ShellWord.quoted("checkpoints/photos-2.1_a") == "checkpoints/photos-2.1_a")
    #expect(ShellWord.quoted("") == "''")
    #expect(ShellWord.quoted("my photos") == "'my photos'")
  }

  /// A real shell reads back what was quoted.
  @Test(arguments: ["a b", "it's", "$HOME `x` \\ \"q\"", "*?[a]", "-n", "\ta", "é ü"])
  func aShellReadsThemBack(word: String) throws {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "printf %s \(ShellWord.quoted(word))"]
    let output = Pipe()
    shell.standardOutput = output
    try shell.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    shell.waitUntilExit()
    #expect(String(decoding: data, as: UTF8.self) == word)
  }
}
