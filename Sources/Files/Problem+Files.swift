extension Problem.Code {
  /// Places within a file overlap, leave gaps or lead out of it.
  public static let badOffset = Self("bad-offset")
  /// Another program cannot be started: it is not there, or the system has no room for it.
  public static let cannotStart = Self("cannot-start")
  /// Two parts of a file or of its folder contradict each other.
  public static let contradictory = Self("contradictory")
  /// A file ends before what it says is in it.
  public static let cutShort = Self("cut-short")
  /// Something that cannot happen did: a defect of Bathyscope.
  public static let defect = Self("defect")
  /// A file is not the one whose SHA-256 digest was written down.
  public static let digestDiffers = Self("digest-differs")
  /// A key or a column is there twice, so that either could be meant.
  public static let duplicateKey = Self("duplicate-key")
  /// Another run is writing the same thing.
  public static let inUse = Self("in-use")
  /// An environment variable is missing or has a value that means nothing.
  public static let invalidEnvironment = Self("invalid-environment")
  /// A name has characters, a length or a form that names of its kind do not have.
  public static let invalidName = Self("invalid-name")
  /// A journal was changed after the run wrote it, or has rows that are not of this run.
  public static let journalDamaged = Self("journal-damaged")
  /// A field that has to be there is missing, empty or not understood.
  public static let missingField = Self("missing-field")
  /// A path names a folder, a pipe or nothing where a file is needed.
  public static let notAFile = Self("not-a-file")
  /// What is in a journal's place is not one.
  public static let notAJournal = Self("not-a-journal")
  /// A number is NaN or infinite.
  public static let notFinite = Self("not-finite")
  /// Text is not strict JSON.
  public static let notJSON = Self("not-json")
  /// A text is not valid UTF-8.
  public static let notUTF8 = Self("not-utf8")
  /// A number or a name is of the right type and not one that is possible there.
  public static let outOfRange = Self("out-of-range")
  /// JSON is nested deeper than any sound file.
  public static let tooDeep = Self("too-deep")
  /// A key that is not read, and that may have been meant to change something.
  public static let unknownKey = Self("unknown-key")
  /// A file has a version of its format that is not known here.
  public static let unknownVersion = Self("unknown-version")
  /// A list has another number of entries than the rest of the file says.
  public static let wrongCount = Self("wrong-count")
  /// A file is of another kind than the one that is read here.
  public static let wrongFormat = Self("wrong-format")
  /// A tensor or matrix has another shape than what it is for.
  public static let wrongShape = Self("wrong-shape")
  /// A value is of another type than its place has: a text for a number, a list for an object.
  public static let wrongType = Self("wrong-type")
  /// An output is there already and is not this run's.
  public static let wouldOverwrite = Self("would-overwrite", .conflict)
  /// An argument of a call means nothing: no threads, no terms, a share of two.
  public static let invalidArgument = Self("invalid-argument", .usage)
  /// An output would be written over an input of the same run.
  public static let isInput = Self("is-input", .usage)
  /// One file is named twice, as output or as input.
  public static let namedTwice = Self("named-twice", .usage)
}
