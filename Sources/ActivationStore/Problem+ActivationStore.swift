import Files

extension Problem.Code {
  /// An HDF5 file leads to another file.
  public static let externalLink = Self("external-link")
  /// libhdf5 refuses a file, or cannot write one.
  public static let hdf5Failed = Self("hdf5-failed")
  /// The process that inspects files ended before it read one.
  public static let inspectionFailed = Self("inspection-failed")
  /// The journal beside an activation file is of another file.
  public static let otherJournal = Self("other-journal")
  /// Captures did not arrive once each and in the order that was described.
  public static let outOfOrder = Self("out-of-order")
  /// Activations are larger than the number format in which they are stored.
  public static let overflows = Self("overflows")
}

extension Problem {
  /// What is wrong with a file that was given to be read.
  static func damaged(
    _ code: Code, _ file: String, _ place: String, _ problem: String
  ) -> Problem {
    Problem(
      code, file, place: place, problem: problem,
      remedy: "it is no whole activation file of Bathyscope: capture or fetch it again")
  }
}
