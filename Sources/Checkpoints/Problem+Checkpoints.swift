import Files

extension Problem.Code {
  /// An adapter was made for a model of other names, shapes or vocabulary.
  public static let adapterMismatch = Self("adapter-mismatch")
  /// An adapter can only be applied whole, and another weight is asked for.
  public static let adapterWeight = Self("adapter-weight")
  /// Two adapters cannot be applied together.
  public static let adaptersClash = Self("adapters-clash")
  /// A tensor is there twice.
  public static let duplicateTensor = Self("duplicate-tensor")
  /// A model cannot be fetched.
  public static let fetchFailed = Self("fetch-failed")
  /// A file may hold a Python pickle, which can run code and is never read.
  public static let isPickle = Self("is-pickle")
  /// A tensor that has to be there is missing.
  public static let missingTensor = Self("missing-tensor")
  /// A GGUF file holds something else than a model.
  public static let notAModel = Self("not-a-model")
  /// A named model is not on this machine yet.
  public static let notFetched = Self("not-fetched")
  /// A name is that of no known model.
  public static let unknownModel = Self("unknown-model")
  /// A tensor is no part of what its file claims to be.
  public static let unknownTensor = Self("unknown-tensor")
}

extension Problem {
  /// A field of a file that contradicts its format.
  static func damaged(
    _ code: Code, _ file: String, _ place: String, _ problem: String
  ) -> Problem {
    Problem(
      code, file, place: place, problem: problem,
      remedy: "the file is damaged or was written by a faulty tool: fetch or convert it again")
  }
}
