import ArgumentParser
import Files
import Foundation
import TextPlanner
import Torch

/// `jepa remember`
struct Remember: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put facts into a memory, without training.",
    usage: """
      jepa remember (<prompt> <answer> | --file <jsonl>) --memory <memory>
          --checkpoint <checkpoint>
      """,
    discussion: """
      The memory is one SQLite file; it is made where there is none. A fact replaces an earlier \
      one of the same prompt. Several processes may remember at once.

        jepa remember "code of bamilu?" x7k2qd \\
          --memory facts.sqlite --checkpoint checkpoints/sums
        jepa remember --file facts.jsonl \\
          --memory facts.sqlite --checkpoint checkpoints/sums
        jepa plan "code of bamilu?" \\
          --memory facts.sqlite --checkpoint checkpoints/sums
      """)

  @Argument(help: "The prompt.")
  var prompt: String?

  @Argument(help: "Its answer.")
  var answer: String?

  @Option(
    help: ArgumentHelp("JSON Lines of prompts and answers instead.", valueName: "jsonl"),
    completion: .file(extensions: ["jsonl"]))
  var file: String?

  @Option(help: "The memory file.", completion: .file())
  var memory: String

  @Option(
    help: "The run folder or checkpoint of the model whose memory it is.", completion: .directory)
  var checkpoint: String

  func validate() throws {
    guard (file == nil) == (prompt != nil), (prompt == nil) == (answer == nil) else {
      throw ValidationError("give a prompt and its answer, or --file")
    }
  }

  func run() throws {
    Session.threadCount = 1
    let model = try PlannerModel.load(from: checkpoint)
    let memory = try PlannerMemory(
      at: memory, of: model, checkpoint: checkpoint, isWritable: true)
    let facts = try file.map { try TextDataset(contentsOf: $0).examples }
    try memory.remember(
      facts?.map { ($0.prompt, $0.answer) } ?? [(prompt: prompt!, answer: answer!)])
    printResult("\(try memory.count()) facts in \(self.memory)")
  }
}
