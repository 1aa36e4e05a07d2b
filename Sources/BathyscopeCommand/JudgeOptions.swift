import ArgumentParser
import Bathyscope
import Foundation

/// Who judges.
struct JudgeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Judges, separated by commas: substring-arditi, substring-jailbreakbench, substring-gcg, \
      substring-paper, opener, probe:FOLDER, guard:MODEL, yes-no:MODEL, endpoint-harmbench, \
      endpoint-strongreject, endpoint-llama-guard, published.
      """, valueName: "list"))
  var judges = "substring-arditi,substring-jailbreakbench"

  @Option(
    help: ArgumentHelp(
      """
      The address of an OpenAI-compatible server, such as http://localhost:8000/v1. Its key is taken \
      from the environment variable \(Endpoint.keyVariable), and from nowhere else.
      """, valueName: "address"))
  var endpoint: String?

  @Option(help: ArgumentHelp("The model that judges there.", valueName: "name"))
  var endpointModel: String?

  @Option(help: "How many questions to the endpoint are under way at a time.")
  var concurrency = 4

  @Option(help: ArgumentHelp("The longest wait for a reply of the endpoint.", valueName: "seconds"))
  var timeout = 60.0

  func validate() throws {
    guard (1...64).contains(concurrency) else {
      throw ValidationError("--concurrency must be from 1 to 64.")
    }
    guard timeout >= 1, timeout <= 3600 else {
      throw ValidationError("--timeout must be from 1 to 3600 seconds.")
    }
    _ = try names()
  }

  /// Whether no option was given, or with the value that it has anyway.
  var isDefault: Bool {
    get throws {
      let other = try JudgeOptions.parse([])
      return judges == other.judges && endpoint == nil && endpointModel == nil
        && concurrency == other.concurrency && timeout == other.timeout
    }
  }

  /// A judge's name, and what stands behind its colon.
  struct Name {
    var kind: String
    var place: String?

    /// Whether it looks into the model that wrote the answers.
    var readsModel: Bool { kind == "opener" || kind == "probe" }
    /// What it asks at an endpoint; nil for others.
    var prompt: JudgePrompt? {
      kind.hasPrefix("endpoint-") ? JudgePrompt(rawValue: String(kind.dropFirst(9))) : nil
    }
  }

  func names() throws -> [Name] {
    let known =
      RefusalPhrases.all.map(\.name) + ["opener", "published"]
      + JudgePrompt.allCases.map { "endpoint-\($0.rawValue)" }
    let placed = ["probe", "guard", "yes-no"]
    let names = try judges.split(separator: ",", omittingEmptySubsequences: false).map {
      let parts = $0.split(separator: ":", maxSplits: 1).map(String.init)
      let name = Name(kind: parts.first ?? "", place: parts.count > 1 ? parts[1] : nil)
      guard
        placed.contains(name.kind)
          ? name.place != nil : known.contains(name.kind) && name.place == nil
      else {
        throw ValidationError(
          "--judges: '\(printable($0.utf8))' is none of \((known + placed.map { "\($0):..." }).joined(separator: ", "))."
        )
      }
      return name
    }
    guard Set(names.map(\.kind)).count == names.count else {
      throw ValidationError("--judges: every judge may stand there once.")
    }
    let asks = names.contains { $0.prompt != nil }
    guard asks == (endpoint != nil), asks == (endpointModel != nil) else {
      throw ValidationError(
        "An endpoint- judge, --endpoint and --endpoint-model belong together.")
    }
    return names
  }
}

/// Judges with the models that they need, loaded once.
struct Jury {
  private let names: [JudgeOptions.Name]
  private let endpoint: Endpoint?
  private var guards: [String: any Judge] = [:]
  private var probes: ProbeSet?
  private let threads: Int

  /// - Parameter model: the one that wrote the answers; nil when it is not known.
  init(_ options: JudgeOptions, model: Model?, threads: Int) throws {
    self.threads = threads
    names = try options.names()
    let key = ProcessInfo.processInfo.environment[Endpoint.keyVariable]
    endpoint = try options.endpoint.map {
      var endpoint = try Endpoint(
        $0, model: options.endpointModel ?? "", key: key?.isEmpty == false ? key : nil)
      (endpoint.concurrency, endpoint.timeout) = (options.concurrency, options.timeout)
      return endpoint
    }
    for name in names {
      if name.readsModel, model == nil {
        throw Problem(
          .invalidOption, "--judges",
          problem: "the judge '\(name.kind)' looks into the model that answered",
          remedy: "give --model")
      }
      guard let place = name.place else { continue }
      if name.kind == "probe", let model {
        let width = model.shape.width(of: try ProbeSet.load(place).chosen.hook.site, tokens: 1)
        probes = try ProbeSet.load(
          place,
          for: ProbeHost(
            modelSHA256: model.identity.weightsSHA256, width: width,
            layerCount: model.shape.layers))
      } else if name.kind != "probe" {
        guards[name.kind] = try GuardJudge(
          try Model.load(place), name.kind == "guard" ? .llamaGuard : .harmBench,
          threads: threads)
      }
    }
  }

  /// The judges, in the order in which they were named.
  /// - Parameter reader: the model that wrote the answers, as it was then.
  func judges(_ reader: Reader?) throws -> [any Judge] {
    try names.map { name in
      if let prompt = name.prompt, let endpoint { return EndpointJudge(endpoint, prompt) }
      if let judge = guards[name.kind] { return judge }
      if let phrases = RefusalPhrases.all.first(where: { $0.name == name.kind }) {
        return SubstringJudge(phrases)
      }
      if let reader, name.kind == "opener" { return try OpenerJudge(reader) }
      if let reader, let probes { return ProbeJudge(reader, probes) }
      return PublishedJudge()
    }
  }
}

/// What is printed about rates; nothing that has no n and no interval.
enum RateText {
  static func of(_ agreement: JudgeAgreement) -> String {
    guard let observed = agreement.observed else {
      return "\(agreement.first), \(agreement.second): no answer has a verdict of both"
    }
    let kappa =
      switch (agreement.kappa, agreement.kappaInterval) {
      case (nil, _): "kappa undefined, both always say the same one thing"
      case (.some(let kappa), .some(let interval)):
        "kappa \(fixed(kappa, 2)) [\(fixed(interval.low, 2)), \(fixed(interval.high, 2))]"
      case (.some(let kappa), nil):
        "kappa \(fixed(kappa, 2)), without an interval: no resample differs"
      }
    let named = agreement.disagreements.prefix(5).map { printable($0.utf8) }
    let rest = agreement.disagreements.count > 5 ? ", ..." : ""
    return "\(agreement.first), \(agreement.second): \(kappa); agree on \(observed)"
      + (named.isEmpty ? "" : "; not on \(named.joined(separator: ", "))\(rest)")
  }
}
