import CHDF5
import Files

extension HDF5Object {
  /// Opens a file for reading; only a regular file that starts with HDF5's signature.
  static func openFile(_ path: String) throws(Problem) -> (HDF5Object, size: Int) {
    let content = try MappedFile(path)
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    guard content.bytes.prefix(8).elementsEqual(signature) else {
      throw Problem(
        .wrongFormat, path, problem: "is no HDF5 file", remedy: "name a file that `capture` wrote")
    }
    let access = try fileAccess(path)
    let file = try HDF5Object(
      H5Fopen(path, bathyscope_h5_read_only(), access.id), path, "/",
      remedy: "the file is cut short or damaged: capture or fetch it again")
    return (file, content.count)
  }

  func hasMember(_ name: String) -> Bool { H5Lexists(id, name, bathyscope_h5_default()) > 0 }

  func hasAttribute(_ name: String) -> Bool { H5Aexists(id, name) > 0 }

  /// Opens a member that is in this very file: no soft, external or user-defined link is followed.
  private func member(
    _ name: String, _ kind: H5I_type_t, _ word: String
  ) throws(Problem) -> HDF5Object {
    guard hasMember(name) else { throw .damaged(.missingField, file, path(name), "is missing") }
    guard bathyscope_h5_is_hard_link(id, name) != 0 else {
      throw .damaged(.externalLink, file, path(name), "is a link that may lead to another file")
    }
    let object = try HDF5Object(H5Oopen(id, name, bathyscope_h5_default()), file, path(name))
    guard H5Iget_type(object.id) == kind else {
      throw .damaged(.wrongType, file, path(name), "is no \(word)")
    }
    return object
  }

  func group(_ name: String) throws(Problem) -> HDF5Object {
    try member(name, H5I_GROUP, "group")
  }

  /// Opens a data set of the given type and number of dimensions, all of whose values stand in this
  /// file: HDF5 hands out fill values for what is missing and says nothing.
  func dataSet(
    _ name: String, _ types: [HDF5Type], rank: Int
  ) throws(Problem) -> HDF5DataSet {
    let object = try member(name, H5I_DATASET, "data set")
    let stored = try HDF5Object(H5Dget_type(object.id), file, object.place)
    var type: HDF5Type?
    for candidate in types where try candidate.isStored(as: stored) { type = candidate }
    guard let type else {
      throw .damaged(.wrongType, file, object.place, "has another type than expected")
    }
    let space = try HDF5Object(H5Dget_space(object.id), file, object.place)
    guard H5Sget_simple_extent_ndims(space.id) == Int32(rank) else {
      throw .damaged(
        .wrongShape, file, object.place, "has another number of dimensions than \(rank)")
    }
    var sizes = [hsize_t](repeating: 0, count: rank)
    try object.check(H5Sget_simple_extent_dims(space.id, &sizes, nil))
    var shape: [Int] = []
    var count = 1
    for size in sizes {
      let product = count.multipliedReportingOverflow(by: Int(clamping: size))
      guard !product.overflow, product.partialValue <= Int.max / 16 else {
        throw .damaged(.wrongShape, file, object.place, "has an impossible shape")
      }
      count = product.partialValue
      shape.append(Int(size))
    }
    var dataSet = HDF5DataSet(object: object, type: type, shape: shape)
    try dataSet.checkStorage()
    return dataSet
  }

  /// The names of a group's members.
  func memberNames(limit: Int) throws(Problem) -> [String] {
    var information = H5G_info_t()
    try check(H5Gget_info(id, &information))
    guard information.nlinks <= limit else {
      throw .damaged(
        .tooLarge, file, place, "has \(information.nlinks) members, more than \(limit)")
    }
    var names: [String] = []
    for index in 0..<information.nlinks {
      var name = [CChar](repeating: 0, count: 1 << 10)
      let length = H5Lget_name_by_idx(
        id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &name, name.count, bathyscope_h5_default())
      try check(length)
      let bytes = name.prefix(min(length, name.count - 1)).map { UInt8(bitPattern: $0) }
      guard length < name.count, let text = String(validating: bytes, as: UTF8.self) else {
        throw .damaged(.invalidName, file, place, "has a member with a bad name")
      }
      names.append(text)
    }
    return names
  }

  private func attribute(
    _ name: String, _ type: HDF5Type
  ) throws(Problem) -> (HDF5Object, type: HDF5Object) {
    let place = "\(place) attribute \(name)"
    guard hasAttribute(name) else { throw .damaged(.missingField, file, place, "is missing") }
    let attribute = try HDF5Object(H5Aopen(id, name, bathyscope_h5_default()), file, place)
    let stored = try HDF5Object(H5Aget_type(attribute.id), file, place)
    let space = try HDF5Object(H5Aget_space(attribute.id), file, place)
    let expected = try type.open(for: file)
    guard H5Sget_simple_extent_npoints(space.id) == 1, try type.isStored(as: stored) else {
      throw .damaged(.wrongType, file, place, "is not one value of the expected type")
    }
    return (attribute, expected)
  }

  func text(_ name: String) throws(Problem) -> String {
    let (attribute, type) = try attribute(name, .text)
    var pointer: UnsafeMutablePointer<CChar>?
    try attribute.check(H5Aread(attribute.id, type.id, &pointer))
    guard let pointer else { return "" }
    defer { H5free_memory(pointer) }
    guard let text = String(validatingCString: pointer) else {
      throw .damaged(.notUTF8, file, attribute.place, "is not UTF-8")
    }
    return text
  }

  func number<T: FixedWidthInteger>(
    _ name: String, _ type: HDF5Type
  ) throws(Problem) -> T {
    let (attribute, type) = try attribute(name, type)
    var value: T = 0
    try attribute.check(H5Aread(attribute.id, type.id, &value))
    return T(littleEndian: value)
  }
}

/// A data set whose type and shape were checked.
struct HDF5DataSet {
  let object: HDF5Object
  let type: HDF5Type
  let shape: [Int]
  private(set) var isCompressed = false

  private var count: Int { shape.reduce(1, *) }

  private func damaged(_ code: Problem.Code, _ problem: String) -> Problem {
    .damaged(code, object.file, object.place, problem)
  }

  /// Refuses what libhdf5 would fetch from elsewhere, run through foreign code, or make up.
  fileprivate mutating func checkStorage() throws(Problem) {
    let list = try HDF5Object(H5Dget_create_plist(object.id), object.file, object.place)
    guard H5Pget_external_count(list.id) == 0 else {
      throw damaged(.externalLink, "is in other files")
    }
    let filters = try object.check(H5Pget_nfilters(list.id))
    for index in 0..<UInt32(filters) {
      var (flags, options, configuration): (UInt32, Int, UInt32) = (0, 0, 0)
      let filter = H5Pget_filter2(
        list.id, index, &flags, &options, nil, 0, nil, &configuration)
      guard [H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32].contains(filter) else {
        throw damaged(.unsupported, "passes filter \(filter), which is not built in")
      }
      isCompressed = isCompressed || filter == H5Z_FILTER_DEFLATE
    }
    let stored = H5Dget_storage_size(object.id)
    let isWhole =
      switch H5Pget_layout(list.id) {
      case H5D_VIRTUAL:
        throw damaged(.unsupported, "is a virtual data set, which cannot be read yet")
      case H5D_CHUNKED: try hasAllChunks(list)
      default: stored == UInt64(count) * UInt64(elementSize)
      }
    guard isWhole else { throw damaged(.cutShort, "lacks a part of its values") }
  }

  private func hasAllChunks(_ list: HDF5Object) throws(Problem) -> Bool {
    var chunk = [hsize_t](repeating: 0, count: shape.count)
    guard H5Pget_chunk(list.id, Int32(chunk.count), &chunk) == Int32(shape.count) else {
      throw damaged(.wrongShape, "has chunks of another shape")
    }
    var (chunks, bytes) = (UInt64(1), UInt64(elementSize))
    for (size, step) in zip(shape, chunk) {
      guard step > 0 else { throw damaged(.wrongShape, "has empty chunks") }
      let isFull = UInt64(size) / step
      let number = isFull + (UInt64(size) % step == 0 ? 0 : 1)
      let (product, overflow) = chunks.multipliedReportingOverflow(by: number)
      let (length, overflows) = bytes.multipliedReportingOverflow(by: step)
      guard !overflow, !overflows, length <= 256 << 20 else {
        throw damaged(.tooLarge, "has chunks of more than 256 MB")
      }
      (chunks, bytes) = (product, length)
    }
    let space = try HDF5Object(H5Dget_space(object.id), object.file, object.place)
    var found: hsize_t = 0
    try object.check(H5Dget_num_chunks(object.id, space.id, &found))
    return found == chunks
  }

  private var elementSize: Int {
    switch type {
    case .uint8: 1
    case .bfloat16, .float16: 2
    case .float32, .int32: 4
    case .float64, .int64, .uint64: 8
    case .text: 16
    }
  }

  /// Bytes of all values; refused when the file, compressed or not, cannot hold as many.
  private func bytes(in fileSize: Int) throws(Problem) -> Int {
    let bytes = count * elementSize
    guard bytes / 1100 <= fileSize else {
      throw damaged(.tooLarge, "is larger than its file can be")
    }
    return bytes
  }

  /// Reads all values of a one-dimensional data set.
  func values<T: BitwiseCopyable & ExpressibleByIntegerLiteral>(
    fileSize: Int
  ) throws(Problem) -> [T] {
    let bytes = try bytes(in: fileSize)
    precondition(MemoryLayout<T>.stride == elementSize, "a \(T.self) for a \(type)")
    guard bytes > 0 else { return [] }
    var values = [T](repeating: 0, count: count)
    let type = try type.open(for: object.file)
    let (all, none) = (bathyscope_h5_all(), bathyscope_h5_default())
    try object.check(H5Dread(object.id, type.id, all, all, none, &values))
    return values
  }

  /// Reads all texts of a one-dimensional data set.
  func texts(fileSize: Int) throws(Problem) -> [String] {
    _ = try bytes(in: fileSize)
    guard count > 0 else { return [] }
    let type = try type.open(for: object.file)
    let space = try HDF5Object(H5Dget_space(object.id), object.file, object.place)
    var size: hsize_t = 0
    try object.check(H5Dvlen_get_buf_size(object.id, type.id, space.id, &size))
    // Many texts may point to the same long one.
    guard size <= fileSize else { throw damaged(.tooLarge, "has more text than its file can hold") }
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    let (all, none) = (bathyscope_h5_all(), bathyscope_h5_default())
    try object.check(H5Dread(object.id, type.id, all, all, none, &pointers))
    defer { H5Dvlen_reclaim(type.id, space.id, none, &pointers) }
    var texts: [String] = []
    for pointer in pointers {
      guard let text = pointer.map({ String(validatingCString: $0) }) ?? "" else {
        throw damaged(.notUTF8, "has a text that is not UTF-8")
      }
      texts.append(text)
    }
    return texts
  }

  /// Reads `shape` values from `start` on, in the file's own bytes.
  func read(
    start: [Int], shape: [Int], into buffer: UnsafeMutableRawPointer
  ) throws(Problem) {
    let type = try type.open(for: object.file)
    let space = try HDF5Object(H5Dget_space(object.id), object.file, object.place)
    // Of the same rank as the file's: otherwise libhdf5 goes number by number, 40 times slower.
    let memory = try HDF5Object.space(shape, object.file)
    try object.check(
      H5Sselect_hyperslab(
        space.id, H5S_SELECT_SET, start.map { hsize_t($0) }, nil, shape.map { hsize_t($0) }, nil))
    try object.check(
      H5Dread(object.id, type.id, memory.id, space.id, bathyscope_h5_default(), buffer))
  }
}
