import CHDF5
import CKernels
import Files
import Transformer

/// The data set of one site, and its next chunk of every layer as it will stand in the file.
final class SiteBlock {
  let hooks: [HookPoint]
  private let dataSet: HDF5Object
  private let elementType: StoreDescription.ElementType
  private let isPerLayer: Bool
  private let width: Int
  private let chunkRows: Int
  /// `[layers, chunkRows, width]`.
  private let buffer: UnsafeMutableRawBufferPointer

  init(
    _ dataSet: HDF5Object, hooks: [HookPoint], elementType: StoreDescription.ElementType,
    width: Int, chunkRows: Int
  ) {
    self.dataSet = dataSet
    self.hooks = hooks
    self.elementType = elementType
    self.width = width
    self.chunkRows = chunkRows
    isPerLayer = hooks.contains { $0.layer != nil }
    buffer = .allocate(
      byteCount: hooks.count * chunkRows * width * elementType.size, alignment: 64)
  }

  deinit { buffer.deallocate() }

  /// Puts rows of one layer into the buffer, from `row` on.
  ///
  /// - Returns: how many values are too large for the element type.
  func put(_ values: UnsafeBufferPointer<Float>, layerIndex: Int, row: Int) -> Int {
    let start = (layerIndex * chunkRows + row) * width * elementType.size
    let place = UnsafeMutableRawBufferPointer(
      rebasing: buffer[start..<(start + values.count * elementType.size)])
    switch elementType {
    case .float32:
      place.copyMemory(from: UnsafeRawBufferPointer(values))
      return 0
    case .bfloat16:
      let halves = place.bindMemory(to: UInt16.self).baseAddress
      bathyscope_float32_to_bfloat16(values.baseAddress, halves, values.count)
      return 0
    case .float16:
      let halves = place.bindMemory(to: UInt16.self).baseAddress
      return bathyscope_float32_to_float16(values.baseAddress, halves, values.count)
    }
  }

  /// Writes the buffer's first `count` rows of every layer.
  func flush(from row: Int, count: Int) throws(Problem) {
    let type = try elementType.stored.open(for: dataSet.file)
    let space = try HDF5Object(H5Dget_space(dataSet.id), dataSet.file, dataSet.place)
    // Of the same rank as the file's: otherwise libhdf5 goes number by number, 40 times slower.
    let memory = try HDF5Object.space(
      [count] + (isPerLayer ? [1] : []) + [width], dataSet.file)
    for layer in hooks.indices {
      let start = [hsize_t(row)] + (isPerLayer ? [hsize_t(layer)] : []) + [0]
      let shape = [hsize_t(count)] + (isPerLayer ? [1] : []) + [hsize_t(width)]
      try dataSet.check(
        H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, shape, nil))
      let values = buffer.baseAddress.map {
        $0 + layer * chunkRows * width * elementType.size
      }
      try dataSet.check(
        H5Dwrite(
          dataSet.id, type.id, memory.id, space.id, bathyscope_h5_default(), values))
    }
  }

  /// Notes how many NaNs and infinities the data set has.
  func writeCounts(
    _ counts: [HookPoint: (nans: Int, infinities: Int)]
  ) throws(Problem) {
    let mine = hooks.compactMap { counts[$0] }
    try dataSet.setAttribute("nan_count", Int64(mine.reduce(0) { $0 + $1.nans }), .int64)
    try dataSet.setAttribute(
      "infinity_count", Int64(mine.reduce(0) { $0 + $1.infinities }), .int64)
  }
}

extension StoreDescription.ElementType {
  var stored: HDF5Type {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }

  /// NaN, the fill value, in the type's own bytes.
  var nanBytes: [UInt8] {
    switch self {
    case .float32: [0, 0, 0xC0, 0x7F]
    case .bfloat16: [0xC0, 0x7F]
    case .float16: [0, 0x7E]
    }
  }
}
