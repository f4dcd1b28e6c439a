import Testing

@testable import TrainingRuns

@Suite struct RunDurationTests {
  @Test func fractionsRunFromZeroToOne() {
    let progress = RunProgress(step: 50, epoch: 1.5, seconds: 90)
    #expect(RunDuration.steps(200).fraction(at: progress) == 0.25)
    #expect(RunDuration.epochs(3).fraction(at: progress) == 0.5)
    #expect(RunDuration.minutes(2).fraction(at: progress) == 0.75)
    #expect(RunDuration.steps(10).fraction(at: progress) == 1)
    #expect(RunDuration.steps(10).fraction(at: RunProgress()) == 0)
    #expect(RunDuration.steps(50).isOver(at: progress))
    #expect(!RunDuration.steps(51).isOver(at: progress))
  }
}
