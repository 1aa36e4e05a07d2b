import Prompts
import Statistics
import Tensors
import Transformer

/// What a stored probe is, what it was made from, what it reached and what it must not be used for.
public struct ProbeCard: Sendable, Equatable, Codable {
  /// One data set that rows came from.
  public struct DataSource: Sendable, Equatable, Codable {
    /// The name of the file.
    public var name: String
    /// As whoever trained stated it.
    public var licence: String
    /// Of the file as it was read.
    public var sha256: String
    /// Rows of the class that scores high.
    public var positives: Int
    /// Rows of the other class.
    public var negatives: Int
    /// The model that the rows are of, where it is not the card's.
    public var otherModel: String?
    /// True where the file was not compared with its digest.
    public var isUnverified: Bool?

    /// A file of the card's own model that was compared with its digest, unless told otherwise.
    public init(
      name: String, licence: String, sha256: String, positives: Int, negatives: Int,
      otherModel: String? = nil, isUnverified: Bool? = nil
    ) {
      self.name = name
      self.licence = licence
      self.sha256 = sha256
      self.positives = positives
      self.negatives = negatives
      self.otherModel = otherModel
      self.isUnverified = isUnverified
    }
  }

  /// What the chosen probe reached on data of another origin.
  public struct ExternalTest: Sendable, Equatable, Codable {
    /// What it was tested on, with its digest.
    public var data: DataSource
    /// Where the chosen probe reads.
    public var hook: HookPoint
    /// What it reached on all rows of the data.
    public var metrics: ProbeMetrics

    /// - Parameter hook: that of the chosen probe.
    public init(data: DataSource, hook: HookPoint, metrics: ProbeMetrics) {
      (self.data, self.hook, self.metrics) = (data, hook, metrics)
    }
  }

  /// The version of the format that is written, and the only one that is read.
  static let currentSchema = "bathyscope-probe-card-1"

  /// The version of the format, as the file has it.
  public var schema = ProbeCard.currentSchema
  /// What users and reports call it.
  public var name: String
  /// Of the Bathyscope that trained it.
  public var toolVersion: String
  /// The rule by which all probes of the set were found.
  public var kind: ProbeKind
  /// What a high score means, in words: `z > 0: the model refuses`.
  public var signConvention: String
  /// The model's name; `modelSHA256` decides whether it is the same.
  public var modelID: String
  /// SHA-256 of the weight files of the model whose activations it reads.
  public var modelSHA256: String
  /// SHA-256 of the tokenizer's definition; nil without a tokenizer.
  public var tokenizerSHA256: String?
  /// SHA-256 of the chat template, as `ModelIdentity` has it; nil without one.
  public var templateSHA256: String?
  /// In which the activations were computed.
  public var precision: Precision
  /// The library and kernel that multiplied the matrices of the training.
  public var kernel: String
  /// One per probe, in the order of the tensors' rows; the layers stand in their names.
  public var hooks: [HookPoint]
  /// The number of values that every probe of the set reads of one row.
  public var width: Int
  /// The tokens that the training rows were read at; `report.coverage` has where they were.
  public var positions: Positions
  /// How features are prepared before the weights apply.
  public var normalisation: String
  /// Files that the rows of training, selection and test are from.
  public var trainingData: [DataSource]
  /// Prompts that repeat each other, and what became of them; nil where nobody looked.
  public var duplicates: Duplicates?
  /// Settings, split and seed; metrics with intervals on held-out rows, beside their controls.
  public var report: ProbeReport
  /// One for each file of another origin; empty where none was given.
  public var outOfDistribution: [ExternalTest]
  /// Cosine with refusal minus compliance openers in the unembedding, one per probe, where computed.
  public var openerCosines: [Double?]?
  /// The command that trained it.
  public var arguments = ""
  /// What it may be used for, in words.
  public var intendedUse: String
  /// Where it must not be trusted, in words.
  public var knownFailures: String
  /// SHA-256 of `probe.safetensors`, which ties both files together; filled in when written.
  public var probeSHA256 = ""

  /// A card for freshly trained probes.
  public init(
    name: String, trained: TrainedProbes, model: ModelIdentity, precision: Precision,
    positions: Positions, trainingData: [DataSource], signConvention: String,
    toolVersion: String,
    intendedUse: String = "Research on the model named here.",
    knownFailures: String = "Not known on other data than named here; it may read the topic."
  ) {
    self.name = name
    self.toolVersion = toolVersion
    kind = trained.report.training.kind
    self.signConvention = signConvention
    modelID = model.id
    modelSHA256 = model.weightsSHA256
    tokenizerSHA256 = model.tokenizerSHA256
    templateSHA256 = model.templateSHA256
    self.precision = precision
    kernel = OpenBLAS.description
    hooks = trained.probes.map(\.hook)
    width = trained.probes.first?.width ?? 0
    self.positions = positions
    normalisation =
      kind.isStandardised
      ? "features standardised with mean and deviation of the training rows"
      : "fitted to raw features, written for features standardised with mean and deviation of the "
        + "training rows"
    self.trainingData = trainingData
    report = trained.report
    outOfDistribution = []
    self.intendedUse = intendedUse
    self.knownFailures = knownFailures
  }
}
