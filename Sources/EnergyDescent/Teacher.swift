import Torch

/// A slow copy of a module: its weights follow the module's as an exponential moving average.
///
/// The target encoder of I-JEPA (Assran et al. 2023, section 3) and BYOL (Grill et al. 2020,
/// arXiv:2006.07733): predicting it, with no gradient through it, avoids collapse without negatives.
public final class Teacher<Student: Module> {
  /// The copy, in inference mode and without gradients.
  public let module: Student

  /// - Parameter copy: a module of the student's structure; its weights are overwritten.
  public init(of student: Student, copy: Student) {
    module = copy
    module.copyState(from: student)
    module.requireGradients(false)
    module.train(false)
  }

  /// `teacher = momentum * teacher + (1 - momentum) * student`; running statistics are taken over.
  public func follow(_ student: Student, momentum: Double) {
    withoutGradient {
      move(
        module.parameters.map(\.tensor), towards: student.parameters.map { $0.tensor.detached() },
        weight: 1 - momentum)
      for (own, theirs) in zip(module.buffers, student.buffers) { own.tensor.assign(theirs.tensor) }
    }
  }
}
