import ImageJEPA

// train-pictures FOLDER RUN: trains an encoder for 20 minutes.
let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 2 else { fatalError("usage: train-pictures FOLDER RUN") }
let session = ImageTrainingSession(
  folder: arguments[0], output: arguments[1], overrides: ["duration.minutes=20"])
let outcome = try session.run()  // Ctrl-C stops after a step, with a checkpoint
print(outcome.checkpoint.path, outcome.progress.step, outcome.isFinished)
