import Files

extension Problem.Code {
  /// A head is named twice.
  public static let duplicateHead = Self("duplicate-head")
  /// A hook is named twice.
  public static let duplicateHook = Self("duplicate-hook")
  /// A rule for tokens has an empty sequence, or a bias that is not finite.
  public static let emptySequence = Self("empty-sequence")
  /// A hook exists and is not offered for this.
  public static let hookNotOffered = Self("hook-not-offered")
  /// An intervention changes a head whose hook it does not name.
  public static let incompleteHooks = Self("incomplete-hooks")
  /// No derivative is taken through an intervention.
  public static let noDerivative = Self("no-derivative")
  /// An intervention touches nothing that is read, so that its result would be the clean run.
  public static let noEffect = Self("no-effect")
  /// There are no prompts, transcripts or texts to compute on.
  public static let noPrompts = Self("no-prompts")
  /// The model has no such head, or a factor for it is not finite.
  public static let noSuchHead = Self("no-such-head")
  /// A hook is not one of this model, this file or this probe.
  public static let noSuchHook = Self("no-such-hook")
  /// The model has fewer layers.
  public static let noSuchLayer = Self("no-such-layer")
  /// A batch has no such sequence.
  public static let noSuchSequence = Self("no-such-sequence")
  /// A prompt has no token at the positions that are named.
  public static let noSuchPosition = Self("no-such-position")
  /// Rules for the choice of tokens rule out every one.
  public static let noTokenLeft = Self("no-token-left")
  /// A model or adapter has no tokenizer.
  public static let noTokenizer = Self("no-tokenizer")
  /// Activations that are needed were not captured.
  public static let notCaptured = Self("not-captured")
  /// A computation needs more memory than it may take.
  public static let notEnoughMemory = Self("not-enough-memory")
  /// A position is known only when what comes after it has been generated.
  public static let notYetKnown = Self("not-yet-known")
  /// A prompt is too short for what is asked, or longer than the model's context.
  public static let promptLength = Self("prompt-length")
  /// An intervention changes a hook that can only be read.
  public static let readOnlyHook = Self("read-only-hook")
  /// A capture reads nothing: no prompt has such positions.
  public static let readsNothing = Self("reads-nothing")
  /// A vector has another width than the model, no length, or a value that is not finite.
  public static let unfitVector = Self("unfit-vector")
  /// A model's architecture is not built.
  public static let unknownArchitecture = Self("unknown-architecture")
  /// A hook is not one at which this can be done.
  public static let wrongHook = Self("wrong-hook")
  /// Rows of another run do not go with the tokens that they are to be put at.
  public static let misalignedPatch = Self("misaligned-patch", .usage)
  /// Words for layers are not layers of this model.
  public static let invalidLayers = Self("invalid-layers", .usage)
  /// A pattern matches no hook of this model.
  public static let noMatchingHook = Self("no-matching-hook", .usage)
}
