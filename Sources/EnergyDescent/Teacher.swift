import Torch

/// A slow copy of a module: its weights follow the module's as an exponential moving average.
///
/// The target encoder of I-JEPA (Assran et al. 2023, section 3) and BYOL (Grill et al. 2020,
/// arXiv:2006.07733): predicting it, with no gradient through it, avoids collapse without negatives.
public final class Teacher<Student: Module> {
  /// The copy, without gradients. In training mode: where it normalizes by batch, its running statistics
  /// are those of the whole pictures it sees, not of the masked ones that the student sees.
  public let module: Student

  /// - Parameters:
  ///   - student: whose weights are averaged.
  ///   - copy: a module of the student's structure; its weights are overwritten.
  public init(of student: Student, copy: Student) {
    module = copy
    module.copyState(from: student)
    module.requireGradients(false)
  }

  /// `teacher = momentum * teacher + (1 - momentum) * student`, for all weights.
  public func follow(_ student: Student, momentum: Double) {
    withoutGradient {
      move(
        module.parameters.map(\.tensor), towards: student.parameters.map { $0.tensor.detached() },
        weight: 1 - momentum)
    }
  }
}
