import Files

/// What an `adapter_config.json` says, as PEFT's `LoraConfig` defines it.
///
/// Every key is either read, known to leave the numbers alone, or refused unless it is off: PEFT has
/// a dozen variants of LoRA whose adapters would load and give wrong numbers.
struct AdapterSettings: Sendable {
  enum Bias: String {
    case none, all
    case loraOnly = "lora_only"
  }

  let file: String
  private(set) var rank = 8
  private(set) var alpha = 8.0
  /// Whether the scale is alpha / sqrt(rank) instead of alpha / rank.
  private(set) var isRankStabilized = false
  private(set) var ranks: [(pattern: AdapterPattern, rank: Int)] = []
  private(set) var alphas: [(pattern: AdapterPattern, alpha: Double)] = []
  private(set) var bias = Bias.none
  /// Whether each row of an adapted matrix has its length given, by weight-decomposed adaptation
  /// (DoRA, arXiv:2402.09353).
  private(set) var hasMagnitudes = false
  /// Ends of the names of modules that are stored whole.
  private(set) var savedModules: [String] = []
  /// Ends of the paths that may be adapted; nil when it is a regular expression or not said.
  private(set) var targets: Set<String>?
  private(set) var excluded: Set<String> = []
  /// The layers that may be adapted; nil for all.
  private(set) var layers: Set<Int>?

  /// Keys that say nothing about the numbers of a loaded adapter, or only at the start of training.
  private static let harmless: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "fan_in_fan_out",
    "inference_mode", "layers_pattern", "loftq_config", "lora_dropout", "lora_ga_config",
    "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
  ]

  /// Initialisations that leave the base weights as they are. PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA
  /// change them, and such an adapter belongs to the changed weights.
  private static let initializations: Set<String> = ["gaussian", "eva", "orthogonal", "mica"]

  init(_ json: JSON, file: String) throws(Problem) {
    self.file = file
    guard let members = json.object?.members else {
      throw .damaged(.wrongType, file, "content", "is not an object")
    }
    guard let type = json["peft_type"]?.bytes, type.elementsEqual("LORA".utf8) else {
      let shown = json["peft_type"]?.bytes.map { "is '\(printable($0))'" } ?? "is missing"
      throw unsupported("peft_type", "\(shown), and only 'LORA' is supported")
    }
    guard json["r"] != nil, json["lora_alpha"] != nil else {
      throw .damaged(.missingField, file, json["r"] == nil ? "r" : "lora_alpha", "is missing")
    }
    for (name, value) in members {
      let key = String(decoding: name, as: UTF8.self)
      if key == "peft_type" || Self.harmless.contains(key) { continue }
      try read(key, printable(name), value)
    }
    // Such a pattern decides which number of a path is the layer's, and is not read.
    if let pattern = json["layers_pattern"], !Self.isOff(pattern) { layers = nil }
  }

  private mutating func read(
    _ key: String, _ place: String, _ value: JSON
  ) throws(Problem) {
    switch key {
    case "r": rank = try Self.rank(value, file, key)
    case "lora_alpha": alpha = try Self.finite(value, file, key)
    case "use_rslora": isRankStabilized = try flag(value, key)
    case "use_dora": hasMagnitudes = try flag(value, key)
    case "rank_pattern":
      for (pattern, name, value) in try patterns(value, key) {
        ranks.append((pattern, try Self.rank(value, file, "\(key), '\(name)'")))
      }
    case "alpha_pattern":
      for (pattern, name, value) in try patterns(value, key) {
        alphas.append((pattern, try Self.finite(value, file, "\(key), '\(name)'")))
      }
    case "bias":
      guard let bias = value.text.flatMap(Bias.init) else {
        throw unsupported(key, "is none of 'none', 'all' and 'lora_only'")
      }
      self.bias = bias
    case "init_lora_weights":
      let isHarmless = value.text.map(Self.initializations.contains) ?? (value.bool != nil)
      guard isHarmless || value.isNull else {
        throw unsupported(
          key, "is an initialisation that changes the base weights",
          "convert it to plain LoRA when saving: path_initial_model_for_weight_conversion in PEFT")
      }
    case "modules_to_save": savedModules = try names(value, key)
    case "target_modules":
      if value.bytes == nil, !value.isNull { targets = Set(try names(value, key)) }
    case "exclude_modules":
      if value.bytes == nil { excluded = Set(try names(value, key)) }
    case "layers_to_transform": layers = try layers(value, key)
    default:
      guard Self.isOff(value) else {
        throw unsupported(
          place, "this variant of LoRA, or this key of its settings, is not supported")
      }
    }
  }

  private static func isOff(_ value: JSON) -> Bool {
    value.isNull || value.bool == false || value.array?.isEmpty == true
      || value.object?.members.isEmpty == true
  }

  /// The rank of a module's update and what it is multiplied by.
  /// - Parameter cost: grows by about the nanoseconds that matching takes.
  func rankAndScale(of module: String, cost: inout Int) -> (rank: Int, scale: Double) {
    let path = Array(module.utf8)
    let rank = ranks.first { $0.pattern.matches(path, cost: &cost) }?.rank ?? self.rank
    let alpha = alphas.first { $0.pattern.matches(path, cost: &cost) }?.alpha ?? self.alpha
    return (rank, alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank)))
  }

  /// Why PEFT would not adapt this module; nil when it would, as far as the settings say.
  func objection(to module: String) -> String? {
    let ends = Self.ends(of: module)
    if let targets, !ends.contains(where: targets.contains) {
      return "target_modules does not name the module"
    }
    if ends.contains(where: excluded.contains) { return "exclude_modules names the module" }
    guard let layers, !layers.isEmpty else { return nil }
    let numbers = module.split(separator: ".").lazy.compactMap { Int($0) }
    guard let layer = numbers.first, layers.contains(layer) else {
      return "layers_to_transform does not hold the module's layer"
    }
    return nil
  }

  /// The entries of `modules_to_save` that stand for a module or for one that it is part of.
  func savedNames(for module: String) -> Set<String> {
    var names: Set<String> = []
    var part = module[...]
    while true {
      names.formUnion(savedModules.lazy.filter { part.hasSuffix($0) })
      guard let dot = part.lastIndex(of: ".") else { return names }
      part = part[..<dot]
    }
  }

  /// A path and everything that follows one of its dots.
  private static func ends(of module: String) -> [String] {
    [module] + module.indices.filter { module[$0] == "." }.map { String(module[$0...].dropFirst()) }
  }
}

// Values of the right kind.
extension AdapterSettings {
  private func unsupported(
    _ place: String, _ problem: String, _ remedy: String = "use a plain LoRA adapter"
  ) -> Problem {
    Problem(.unsupported, file, place: place, problem: problem, remedy: remedy)
  }

  private static func rank(
    _ value: JSON, _ file: String, _ place: String
  ) throws(Problem) -> Int {
    guard let rank = value.int, (1...65_536).contains(rank) else {
      throw .damaged(.outOfRange, file, place, "is not a whole number from 1 to 65536")
    }
    return rank
  }

  private static func finite(
    _ value: JSON, _ file: String, _ place: String
  ) throws(Problem) -> Double {
    guard let number = value.double else {
      throw .damaged(.notFinite, file, place, "is not a finite number")
    }
    return number
  }

  private func flag(_ value: JSON, _ key: String) throws(Problem) -> Bool {
    if value.isNull { return false }
    guard let flag = value.bool else {
      throw .damaged(.wrongType, file, key, "is neither true nor false")
    }
    return flag
  }

  private func names(_ value: JSON, _ key: String) throws(Problem) -> [String] {
    if value.isNull { return [] }
    guard let values = value.array else {
      throw .damaged(.wrongType, file, key, "is not an array of names")
    }
    // The longest lists name each adapted module; those that are stored whole are a few.
    let limit = key == "modules_to_save" ? 32 : 50_000
    guard values.count <= limit else {
      throw .damaged(.tooLarge, file, key, "holds over \(limit) names")
    }
    var names: [String] = []
    for value in values {
      guard let bytes = value.bytes, !bytes.isEmpty,
        bytes.allSatisfy({ isNameByte($0) || $0 == UInt8(ascii: ".") })
      else {
        throw .damaged(.wrongType, file, key, "holds something that is not the name of a module")
      }
      names.append(String(decoding: bytes, as: UTF8.self))
    }
    return names
  }

  private func layers(_ value: JSON, _ key: String) throws(Problem) -> Set<Int>? {
    if value.isNull { return nil }
    if let layer = value.int { return [layer] }
    guard let values = value.array else {
      throw .damaged(.wrongType, file, key, "is not an array of layers")
    }
    var layers: Set<Int> = []
    for value in values {
      guard let layer = value.int else {
        throw .damaged(.wrongType, file, key, "holds something that is not a layer's number")
      }
      layers.insert(layer)
    }
    return layers
  }

  private func patterns(
    _ value: JSON, _ key: String
  ) throws(Problem) -> [(pattern: AdapterPattern, name: String, value: JSON)] {
    if value.isNull { return [] }
    guard let members = value.object?.members else {
      throw .damaged(.wrongType, file, key, "is not an object")
    }
    var patterns: [(AdapterPattern, String, JSON)] = []
    for (name, value) in members {
      guard let pattern = AdapterPattern(name) else {
        throw unsupported(
          "\(key), '\(printable(name))'", "this regular expression is not understood",
          "write names of modules, with no more than '.', '\\.', '\\d', '*', '+', '?', '^' and '$'")
      }
      patterns.append((pattern, printable(name), value))
    }
    return patterns
  }
}
