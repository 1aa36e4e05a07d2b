import CHDF5
import Files
import Foundation
import Prompts
import Transformer

extension HDF5Object {
  /// The root's attributes: where the numbers came from.
  func writeHeader(
    _ description: StoreDescription, created: Date, configuration: String, sha256: String
  ) throws(Problem) {
    let model = description.model
    try setAttribute("format", StoreLayout.format)
    try setAttribute("format_version", StoreLayout.version, .int64)
    try setAttribute("created", timeText(created))
    try setAttribute("tool_version", description.toolVersion)
    try setAttribute("model_id", model.id)
    try setAttribute("model_architecture", model.architecture)
    try setAttribute("model_sha256", model.weightsSHA256)
    try setAttribute("model_config_sha256", model.configurationSHA256)
    try setAttribute("model_config_json", model.configurationJSON)
    try setAttribute("tokenizer_sha256", model.tokenizerSHA256 ?? "")
    try setAttribute("template_sha256", model.templateSHA256 ?? "")
    try setAttribute("config_sha256", sha256)
    try setAttribute("config_json", configuration)
    try setAttribute("precision", description.precision.rawValue)
    try setAttribute("kernel", description.kernel)
    try setAttribute("arguments", description.arguments)
    try setAttribute("seed", description.seed, .uint64)
    try setAttribute("positions", description.rule?.description ?? "")
  }

  /// Everything that is known of rows, tokens and prompts; returns the dimension of rows.
  func writeIndex(_ description: StoreDescription) throws(Problem) -> HDF5Dimension {
    func dimension(_ name: String, _ size: Int) throws(Problem) -> HDF5Dimension {
      HDF5Dimension(size: size, scale: try createDimension(name, size: size))
    }
    let prompts = description.prompts
    let rows = try dimension("row", description.rowCount)
    let prompt = try dimension("prompt", prompts.count)
    let bounds = try dimension("prompt_bound", prompts.count + 1)
    let token = try dimension("token", prompts.reduce(0) { $0 + $1.sequence.tokens.count })

    let index = try createGroup("index")
    let rowOffset = try index.createDataSet("prompt_offset", .int64, [bounds])
    try rowOffset.write(description.rowOffsets, .int64)
    try index.createDataSet("prompt_id", .text, [prompt]).write(prompts.map(\.sequence.id))
    try index.createDataSet("position", .int32, [rows])
      .write(prompts.flatMap { $0.positions.map { Int32($0) } }, .int32)
    let rowSegments = prompts.flatMap { prompt in
      prompt.positions.map { prompt.sequence.segments[$0].rawValue }
    }
    try index.writeSegments(rowSegments, rows)

    let tokens = try createGroup("tokens")
    try tokens.createDataSet("offset", .int64, [bounds]).write(description.tokenOffsets, .int64)
    try tokens.createDataSet("id", .int32, [token])
      .write(prompts.flatMap(\.sequence.tokens), .int32)
    try tokens.writeSegments(prompts.flatMap { $0.sequence.segments.map(\.rawValue) }, token)

    let labels = try createGroup("labels")
    for (name, values) in description.labels.sorted(by: { $0.key < $1.key }) {
      switch values {
      case .text(let texts): try labels.createDataSet(name, .text, [prompt]).write(texts)
      case .number(let numbers):
        try labels.createDataSet(name, .float64, [prompt]).write(numbers, .float64)
      }
    }
    return rows
  }

  private func writeSegments(
    _ segments: [UInt8], _ dimension: HDF5Dimension
  ) throws(Problem) {
    let dataSet = try createDataSet("segment", .uint8, [dimension])
    try dataSet.write(segments, .uint8)
    try dataSet.setAttribute("names", StoreLayout.segmentNames)
  }

  /// The data sets of activations, one a site, still empty.
  func createBlocks(
    _ description: StoreDescription, rows: HDF5Dimension, chunkRows: Int
  ) throws(Problem) -> [SiteBlock] {
    let group = try createGroup("acts")
    var scales: [String: HDF5Object] = [:]
    let shared = description.sharedLayers
    var blocks: [SiteBlock] = []
    for site in description.sites {
      var dimensions = [rows]
      let layers = description.layers(of: site)
      if site.isPerLayer {
        let name = StoreLayout.layerDimension(of: site, isShared: layers == shared)
        if scales[name] == nil { scales[name] = try group.createLayers(name, layers) }
        dimensions.append(HDF5Dimension(size: layers.count, scale: scales[name]))
      }
      let (name, width) = (site.widthDimension, description.widths[site] ?? 0)
      if scales[name] == nil { scales[name] = try group.createDimension(name, size: width) }
      dimensions.append(HDF5Dimension(size: width, scale: scales[name]))
      let chunk = [chunkRows] + (site.isPerLayer ? [1] : []) + [width]
      let dataSet = try group.createActivations(site, description, dimensions, chunk: chunk)
      blocks.append(
        SiteBlock(
          dataSet, hooks: description.hooks.filter { $0.site == site },
          elementType: description.elementType, width: width, chunkRows: chunkRows))
    }
    // The index's name for the same layers.
    if shared != nil {
      let none = bathyscope_h5_default()
      try check(H5Lcreate_hard(id, "acts/layer", id, "index/layer", none, none))
    }
    return blocks
  }

  /// A coordinate variable: block numbers that are also the dimension's name.
  private func createLayers(
    _ name: String, _ layers: [Int]
  ) throws(Problem) -> HDF5Object {
    let scale = try createDataSet(name, .int32, [HDF5Dimension(size: layers.count, scale: nil)])
    try scale.write(layers.map { Int32($0) }, .int32)
    try scale.check(H5DSset_scale(scale.id, name))
    return scale
  }

  private func createActivations(
    _ site: HookPoint.Site, _ description: StoreDescription, _ dimensions: [HDF5Dimension],
    chunk: [Int]
  ) throws(Problem) -> HDF5Object {
    let type = try description.elementType.stored.open(for: file)
    let nan = description.elementType.nanBytes
    let dataSet = try createDataSet(site.dataSetName, description.elementType.stored, dimensions) {
      (creation) throws(Problem) in
      try creation.check(
        H5Pset_chunk(creation.id, Int32(chunk.count), chunk.map { hsize_t($0) }))
      try creation.check(H5Pset_fill_value(creation.id, type.id, nan))
      if description.compresses {
        try creation.check(H5Pset_shuffle(creation.id))
        try creation.check(H5Pset_deflate(creation.id, 1))
      }
      // Last, so that it is over the bytes on the disk.
      try creation.check(H5Pset_fletcher32(creation.id))
    }
    try dataSet.setAttribute("hook", site.pattern)
    try dataSet.setAttribute("definition", site.definition)
    try dataSet.setAttribute("_FillValue", bytes: nan, description.elementType.stored)
    return dataSet
  }
}
