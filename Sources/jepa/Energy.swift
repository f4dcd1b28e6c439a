import ArgumentParser
import Foundation
import TextPlanner
import Torch

/// `jepa energy`
struct Energy: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the energies of prompts and answers: the lower, the better they fit.",
    usage: "jepa energy [<options>] <file> --checkpoint <checkpoint>",
    discussion: """
      FILE is JSON Lines of {"prompt": "…", "answer": "…"}; each line gets one line: the energy of \
      its answer and, after tabs, those of its "negatives". With --json each line is printed again \
      with "energy", "negativeEnergies" and "isBelowThreshold" added.
      """)

  @Argument(help: "The file of prompts and answers.", completion: .file(extensions: ["jsonl"]))
  var file: String

  @Option(help: "A run folder or a checkpoint's folder.", completion: .directory)
  var checkpoint: String

  @Flag(help: "Print one line of JSON for each pair.")
  var json = false

  @Option(help: "cpu, cuda, cuda:INDEX or mps.", completion: .devices)
  var device = "cpu"

  @Option(help: "Threads of one operation.")
  var threads = 1

  func validate() throws { try ThreadCount.check(threads) }

  func run() throws {
    Session.threadCount = threads
    let model = try PlannerModel.load(from: checkpoint, device: try Device(device))
    for pair in try PairEnergies(model).energies(ofFile: file) {
      FileHandle.standardOutput.write(Data("\(json ? pair.json : pair.line)\n".utf8))
    }
  }
}
