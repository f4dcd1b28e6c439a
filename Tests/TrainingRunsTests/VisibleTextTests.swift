import Testing

@testable import Files
@testable import TrainingRuns

@Suite struct VisibleTextTests {
  @Test func controlCharactersAreWrittenOut() {
    for (text, shown) in [
      ("plain", "plain"), ("Bär 猫 👩‍👩‍👧", "Bär 猫 👩‍👩‍👧"), ("a\u{1B}[31mb", #"a\u{1B}[31mb"#),
      ("a\r\nb\tc", #"a\r\nb\tc"#), ("a\u{7F}\u{9B}", #"a\u{7F}\u{9B}"#),
      ("gnp.\u{202E}cat", #"gnp.\u{202E}cat"#),
    ] {
      #expect(text.withVisibleControls() == shown)
    }
  }

  @Test func whatIsKeptStays() {
    #expect("a\nb\u{7}".withVisibleControls(keeping: ["\n"]) == "a\nb\\u{7}")
  }
}
