import Files

extension Problem.Code {
  /// Two things are given of which only one can be meant.
  public static let ambiguous = Self("ambiguous")
  /// Two rows have the same id.
  public static let duplicateID = Self("duplicate-id")
  /// Two tokens have one id or one text.
  public static let duplicateToken = Self("duplicate-token")
  /// A merge of a tokenizer is not one of two known tokens into a third.
  public static let invalidMerge = Self("invalid-merge")
  /// A message has a role that is not a single word.
  public static let invalidRole = Self("invalid-role")
  /// Someone else than the assistant has thinking.
  public static let misplacedThinking = Self("misplaced-thinking")
  /// A token that a tokenizer needs is not in its vocabulary.
  public static let missingToken = Self("missing-token")
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
  /// A variable of a chat template is not to be set.
  public static let reservedVariable = Self("reserved-variable")
  /// A chat template fails on this conversation.
  public static let templateError = Self("template-error")
  /// A chat template is larger, deeper or slower than one can need to be.
  public static let templateLimit = Self("template-limit")
  /// A chat template refuses the conversation in its own words.
  public static let templateRefuses = Self("template-refuses")
  /// A chat template is not valid Jinja.
  public static let templateSyntax = Self("template-syntax")
  /// A chat template uses a part of Jinja that is not built.
  public static let templateUnsupported = Self("template-unsupported")
  /// A table has no header, or columns that are not known.
  public static let unknownTable = Self("unknown-table")
  /// A token is not in the vocabulary.
  public static let unknownToken = Self("unknown-token")
  /// A tokenizer has a part that is not built; to ignore it would give other ids.
  public static let unknownTokenizer = Self("unknown-tokenizer")
  /// A variable does not occur in the chat template.
  public static let unknownVariable = Self("unknown-variable")
}
