import Files
import Foundation
import Prompts
import Tensors
import Transformer

extension ActivationFile {
  /// Opens a file and checks all that it says.
  init(reading path: String) throws(Problem) {
    let (file, size) = try HDF5Object.openFile(path)
    let version = try file.checkedVersion()
    let (prompts, rowOffsets) = try file.prompts(fileSize: size)
    let rowCount = prompts.reduce(0) { $0 + $1.positions.count }
    let acts = try file.group("acts")
    var dataSets: [HookPoint.Site: HDF5DataSet] = [:]
    var nonFinite: [HookPoint.Site: (nans: Int, infinities: Int)] = [:]
    var hooks: [HookPoint] = []
    for site in HookPoint.Site.allCases where acts.hasMember(site.dataSetName) {
      let dataSet = try acts.activations(site, rowCount: rowCount)
      dataSets[site] = dataSet
      hooks += try acts.hooks(of: site, dataSet, fileSize: size)
      let nans: Int64 = try dataSet.object.number("nan_count", .int64)
      let infinities: Int64 = try dataSet.object.number("infinity_count", .int64)
      if nans != 0 || infinities != 0 { nonFinite[site] = (Int(nans), Int(infinities)) }
    }
    guard let elementType = dataSets.values.first?.type.element,
      dataSets.values.allSatisfy({ $0.type.element == elementType })
    else {
      throw .damaged(
        .missingField, path, "/acts", "has no activations, or activations of several types")
    }
    var description = StoreDescription(
      model: try file.model(), hooks: hooks, widths: dataSets.mapValues { $0.shape.last ?? 0 },
      prompts: prompts, labels: try file.labels(count: prompts.count, fileSize: size),
      toolVersion: try file.text("tool_version"), elementType: elementType,
      compresses: dataSets.values.contains(where: \.isCompressed))
    try file.readProvenance(into: &description)
    try description.check(for: path)
    let configurationSHA256 = try file.text("config_sha256")
    guard Digest.sha256(Array(try file.text("config_json").utf8)) == configurationSHA256 else {
      throw .damaged(
        .digestDiffers, path, "/ attribute config_json", "does not have the digest config_sha256")
    }
    let hasDigest = file.hasAttribute(StoreLayout.contentDigest)
    guard hasDigest || version == 1 else {
      throw .damaged(.missingField, path, "/ attribute content_sha256", "is missing")
    }
    if hasDigest {
      let counts = Dictionary(uniqueKeysWithValues: nonFinite.map { (HookPoint($0.key), $0.value) })
      let digest = description.contentSHA256(
        configurationSHA256: configurationSHA256, nonFinite: counts)
      guard try file.text(StoreLayout.contentDigest) == digest else {
        throw .damaged(
          .digestDiffers, path, "/ attribute content_sha256",
          "is not the digest of what the file says")
      }
    }
    self.init(
      path: path, description: description, configurationSHA256: configurationSHA256,
      hasDigest: hasDigest, nonFinite: nonFinite, size: size, file: file, dataSets: dataSets,
      rowOffsets: rowOffsets)
  }

  private init(
    path: String, description: StoreDescription, configurationSHA256: String, hasDigest: Bool,
    nonFinite: [HookPoint.Site: (nans: Int, infinities: Int)], size: Int, file: HDF5Object,
    dataSets: [HookPoint.Site: HDF5DataSet], rowOffsets: [Int64]
  ) {
    self.path = path
    self.description = description
    self.configurationSHA256 = configurationSHA256
    self.hasDigest = hasDigest
    self.nonFinite = nonFinite
    self.size = size
    self.file = file
    self.dataSets = dataSets
    self.rowOffsets = rowOffsets
  }
}

extension HDF5Object {
  fileprivate func checkedVersion() throws(Problem) -> Int64 {
    let format = try text("format")
    guard format == StoreLayout.format else {
      throw .damaged(
        .wrongFormat, file, "/ attribute format", "'\(format)' is no format of activations")
    }
    let version: Int64 = try number("format_version", .int64)
    guard (1...StoreLayout.version).contains(version) else {
      throw Problem(
        .unknownVersion, file, place: "/ attribute format_version",
        problem: "is \(version), and this Bathyscope reads versions 1 to \(StoreLayout.version)",
        remedy: "use the version of Bathyscope that wrote it")
    }
    return version
  }

  fileprivate func model() throws(Problem) -> ModelIdentity {
    let (tokenizer, template) = (try text("tokenizer_sha256"), try text("template_sha256"))
    return ModelIdentity(
      id: try text("model_id"), architecture: try text("model_architecture"),
      weightsSHA256: try text("model_sha256"),
      configurationSHA256: try text("model_config_sha256"),
      configurationJSON: try text("model_config_json"),
      tokenizerSHA256: tokenizer.isEmpty ? nil : tokenizer,
      templateSHA256: template.isEmpty ? nil : template)
  }

  fileprivate func readProvenance(
    into description: inout StoreDescription
  ) throws(Problem) {
    description.kernel = try text("kernel")
    description.arguments = try text("arguments")
    description.seed = try number("seed", .uint64)
    let rule = try text("positions")
    description.rule = Positions(rule)
    guard rule.isEmpty || description.rule != nil else {
      throw .damaged(.wrongType, file, "/ attribute positions", "'\(rule)' names no positions")
    }
    let (created, precision) = (try text("created"), try text("precision"))
    guard let time = try? Date(created, strategy: .iso8601) else {
      throw .damaged(.wrongType, file, "/ attribute created", "'\(created)' is no time")
    }
    description.created = time
    guard let precision = Precision(rawValue: precision) else {
      throw .damaged(
        .unsupported, file, "/ attribute precision", "'\(precision)' is not known here")
    }
    description.precision = precision
  }

  /// The prompts with their tokens and positions, and the place of each one's first row.
  fileprivate func prompts(
    fileSize: Int
  ) throws(Problem) -> ([StoreDescription.Prompt], rowOffsets: [Int64]) {
    let (index, tokens) = (try group("index"), try group("tokens"))
    let ids = try index.dataSet("prompt_id", [.text], rank: 1).texts(fileSize: fileSize)
    let positions: [Int32] = try index.dataSet("position", [.int32], rank: 1)
      .values(fileSize: fileSize)
    let rowSegments = try index.segments(fileSize: fileSize)
    let rows = try index.offsets(
      "prompt_offset", prompts: ids.count, total: positions.count, fileSize: fileSize)
    let tokenIDs: [Int32] = try tokens.dataSet("id", [.int32], rank: 1).values(fileSize: fileSize)
    let segments = try tokens.segments(fileSize: fileSize)
    let bounds = try tokens.offsets(
      "offset", prompts: ids.count, total: tokenIDs.count, fileSize: fileSize)
    guard segments.count == tokenIDs.count, rowSegments.count == positions.count else {
      throw .damaged(.wrongCount, file, "segment", "does not have one value a row and token")
    }
    var prompts: [StoreDescription.Prompt] = []
    for (prompt, id) in ids.enumerated() {
      let range = Int(bounds[prompt])..<Int(bounds[prompt + 1])
      let rowRange = Int(rows[prompt])..<Int(rows[prompt + 1])
      let sequence = TokenSequence(
        id: id, tokens: Array(tokenIDs[range]), segments: Array(segments[range]))
      let own = positions[rowRange].map { Int($0) }
      guard own.allSatisfy({ sequence.tokens.indices.contains($0) }),
        own.map({ sequence.segments[$0] }) == Array(rowSegments[rowRange])
      else {
        throw .damaged(
          .contradictory, file, "/index/position", "contradicts the tokens of prompt \(prompt)")
      }
      prompts.append(StoreDescription.Prompt(sequence, positions: own))
    }
    return (prompts, rows)
  }

  private func segments(fileSize: Int) throws(Problem) -> [Segment] {
    let numbers: [UInt8] = try dataSet("segment", [.uint8], rank: 1).values(fileSize: fileSize)
    let segments = numbers.compactMap(Segment.init(rawValue:))
    guard segments.count == numbers.count else {
      throw .damaged(.outOfRange, file, path("segment"), "has a segment that is not known here")
    }
    return segments
  }

  /// Offsets that start at 0, never fall, and end at `total`.
  private func offsets(
    _ name: String, prompts: Int, total: Int, fileSize: Int
  ) throws(Problem) -> [Int64] {
    let offsets: [Int64] = try dataSet(name, [.int64], rank: 1).values(fileSize: fileSize)
    guard offsets.count == prompts + 1, offsets.first == 0, offsets.last == Int64(total),
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else {
      throw .damaged(
        .badOffset, file, path(name), "does not rise from 0 to \(total) in \(prompts) steps")
    }
    return offsets
  }

  fileprivate func labels(
    count: Int, fileSize: Int
  ) throws(Problem) -> [String: StoreDescription.Labels] {
    let group = try group("labels")
    var labels: [String: StoreDescription.Labels] = [:]
    for name in try group.memberNames(limit: 1000) {
      let dataSet = try group.dataSet(name, [.text, .float64], rank: 1)
      if dataSet.type == .text {
        labels[name] = .text(try dataSet.texts(fileSize: fileSize))
      } else {
        labels[name] = .number(try dataSet.values(fileSize: fileSize))
      }
      guard labels[name]?.count == count else {
        throw .damaged(.wrongCount, file, group.path(name), "does not have one label a prompt")
      }
    }
    return labels
  }

  fileprivate func activations(
    _ site: HookPoint.Site, rowCount: Int
  ) throws(Problem) -> HDF5DataSet {
    let dataSet = try dataSet(
      site.dataSetName, [.float32, .bfloat16, .float16], rank: site.isPerLayer ? 3 : 2)
    let hook = try dataSet.object.text("hook")
    guard dataSet.shape.first == rowCount, hook == site.pattern else {
      throw .damaged(
        .wrongShape, file, path(site.dataSetName),
        "does not have \(rowCount) rows of \(site.pattern)")
    }
    return dataSet
  }

  fileprivate func hooks(
    of site: HookPoint.Site, _ dataSet: HDF5DataSet, fileSize: Int
  ) throws(Problem) -> [HookPoint] {
    guard site.isPerLayer else { return [HookPoint(site)] }
    let own = StoreLayout.layerDimension(of: site, isShared: false)
    let name = hasMember(own) ? own : StoreLayout.layerDimension(of: site, isShared: true)
    let layers: [Int32] = try self.dataSet(name, [.int32], rank: 1).values(fileSize: fileSize)
    let ascend = zip(layers, layers.dropFirst()).allSatisfy { $0 < $1 }
    guard layers.count == dataSet.shape[1], ascend, layers.allSatisfy({ $0 >= 0 }) else {
      throw .damaged(
        .contradictory, file, path(name), "does not name the layers of \(site.dataSetName)")
    }
    return layers.map { HookPoint(site, layer: Int($0)) }
  }
}

extension HDF5Type {
  var element: StoreDescription.ElementType? {
    StoreDescription.ElementType.allCases.first { $0.stored == self }
  }
}
