import Files

extension Problem.Code {
  /// Two things are given of which only one can be meant.
  public static let ambiguous = Self("ambiguous")
  /// An answer, verdict or trace is not of the row that it is given with.
  public static let answerMismatch = Self("answer-mismatch")
  /// Two rows have the same id.
  public static let duplicateID = Self("duplicate-id")
  /// A message has a role that is not a single word.
  public static let invalidRole = Self("invalid-role")
  /// Someone else than the assistant has thinking.
  public static let misplacedThinking = Self("misplaced-thinking")
  /// A file has no answers.
  public static let noAnswers = Self("no-answers")
  /// A file has no rows that can be used.
  public static let noRows = Self("no-rows")
  /// Messages are given, and the model has no chat template.
  public static let noTemplate = Self("no-template")
  /// A prompt is given as token ids, and its text is asked for.
  public static let noText = Self("no-text")
  /// A table breaks the rules of CSV: a quote is not closed, or is where none may be.
  public static let notCSV = Self("not-csv")
  /// A text has a NUL character, which not every format can keep.
  public static let nulCharacter = Self("nul-character")
  /// Something belongs to a model with other weights.
  public static let otherModel = Self("other-model", .conflict)
  /// Answers were generated for other prompts.
  public static let otherPrompts = Self("other-prompts", .conflict)
  /// Answers were generated with another chat template or other thinking markers.
  public static let otherTemplate = Self("other-template", .conflict)
  /// A variable of a chat template is not to be set.
  public static let reservedVariable = Self("reserved-variable")
  /// Rows of a file of prompts lack, or have, what this command cannot do with.
  public static let unfitPrompts = Self("unfit-prompts", .usage)
  /// A table has no header, or columns that are not known.
  public static let unknownTable = Self("unknown-table")
  /// A variable does not occur in the chat template.
  public static let unknownVariable = Self("unknown-variable")
  /// A row has an id that none of the prompts or transcripts has.
  public static let unknownID = Self("unknown-id")
}
