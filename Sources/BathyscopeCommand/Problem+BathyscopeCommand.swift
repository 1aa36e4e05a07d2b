import Bathyscope

extension Problem.Code {
  /// A probe would be tested on the file that it was trained on.
  static let isTrainingData = Self("is-training-data")
  /// A judge gave no verdict on some answers.
  static let judgeIncomplete = Self("judge-incomplete")
  /// A label has a value that is neither positive nor negative, or no row has the one that is named.
  static let labelValue = Self("label-value")
  /// A row, or every row, lacks the label that is named.
  static let missingLabel = Self("missing-label")
  /// Every prompt is labelled benign, and harmful ones are needed.
  static let allBenign = Self("all-benign", .usage)
  /// An option's words make no sense with this model or these data.
  static let invalidOption = Self("invalid-option", .usage)
  /// Something large is only written when it is said to be wanted.
  static let needsConsent = Self("needs-consent", .usage)
  /// A kernel is asked for that this processor or this build does not have.
  static let unknownKernel = Self("unknown-kernel", .usage)
}

extension Problem {
  /// Prompts none of which can be attacked.
  static var allBenign: Problem {
    Problem(
      .allBenign, "--prompts",
      problem: "every row is labelled benign, so that there is nothing to attack",
      remedy: "give harmful prompts")
  }
}
