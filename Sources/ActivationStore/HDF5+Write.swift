import CHDF5
import Files
import Foundation

/// One dimension of a data set, named by a scale so that xarray shows its name.
struct HDF5Dimension {
  let size: Int
  /// The data set that names it; nil for a coordinate variable, which names itself.
  let scale: HDF5Object?
}

extension HDF5Object {
  /// Creates a file of HDF5 1.10's format, whose metadata carry checksums, without time stamps.
  ///
  /// - Parameter descriptor: of the empty file that it is written to.
  static func create(
    _ descriptor: Int32, as path: String
  ) throws(Problem) -> HDF5Object {
    let creation = try HDF5Object(H5Pcreate(bathyscope_h5_file_create()), path, "")
    try creation.check(H5Pset_obj_track_times(creation.id, false))
    try creation.check(H5Pset_link_creation_order(creation.id, bathyscope_h5_creation_order()))
    let access = try fileAccess(path)
    try access.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110))
    let failure = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    failure.initialize(to: 0)
    do {
      var target = bathyscope_h5_target(descriptor: descriptor, error: failure)
      try access.check(bathyscope_h5_write_to(access.id, &target))
      let file = try HDF5Object(
        H5Fcreate(path, bathyscope_h5_truncate(), creation.id, access.id), path, "/",
        remedy: "check free space and permissions")
      file.keep(failure)
      return file
    } catch {
      failure.deallocate()
      throw error
    }
  }

  /// Takes room for a file of about so many bytes now, so that a full disk is seen before a long run.
  ///
  /// - Throws: when there is not enough; a disk that cannot be asked says so when it is full.
  func reserve(_ count: Int, _ descriptor: Int32) throws(Problem) {
    var limit = rlimit()
    #if os(Linux)
      getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    #else
      getrlimit(RLIMIT_FSIZE, &limit)
    #endif
    let reason =
      UInt64(limit.rlim_cur) < UInt64(count)
      ? EFBIG : bathyscope_h5_reserve(descriptor, Int64(count))
    guard [ENOSPC, EDQUOT, EFBIG].contains(reason) else { return }
    errno = reason
    throw AtomicFile.unwritable(file, place: "\(count) bytes")
  }

  static func fileAccess(_ path: String) throws(Problem) -> HDF5Object {
    let access = try HDF5Object(H5Pcreate(bathyscope_h5_file_access()), path, "")
    try access.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG))
    bathyscope_h5_no_file_locking(access.id)
    return access
  }

  func createGroup(_ name: String) throws(Problem) -> HDF5Object {
    let creation = try HDF5Object(H5Pcreate(bathyscope_h5_group_create()), file, path(name))
    try creation.check(H5Pset_obj_track_times(creation.id, false))
    try creation.check(H5Pset_link_creation_order(creation.id, bathyscope_h5_creation_order()))
    let none = bathyscope_h5_default()
    return try HDF5Object(H5Gcreate2(id, name, none, creation.id, none), file, path(name))
  }

  /// Creates a data set and attaches its dimensions' scales.
  func createDataSet(
    _ name: String, _ type: HDF5Type, _ dimensions: [HDF5Dimension],
    configure: (HDF5Object) throws(Problem) -> Void = { _ in }
  ) throws(Problem) -> HDF5Object {
    let creation = try HDF5Object(H5Pcreate(bathyscope_h5_dataset_create()), file, path(name))
    try creation.check(H5Pset_obj_track_times(creation.id, false))
    try creation.check(H5Pset_attr_creation_order(creation.id, bathyscope_h5_creation_order()))
    try configure(creation)
    let space = try HDF5Object.space(dimensions.map(\.size), file)
    let (type, none) = (try type.open(for: file), bathyscope_h5_default())
    let dataSet = try HDF5Object(
      H5Dcreate2(id, name, type.id, space.id, none, creation.id, none), file, path(name))
    for (index, dimension) in dimensions.enumerated() {
      guard let scale = dimension.scale else { continue }
      try dataSet.check(H5DSattach_scale(dataSet.id, scale.id, UInt32(index)))
    }
    return dataSet
  }

  /// Creates a dimension that has a name and a size but no coordinates, as netCDF-4 does.
  func createDimension(_ name: String, size: Int) throws(Problem) -> HDF5Object {
    let scale = try createDataSet(name, .float32, [HDF5Dimension(size: size, scale: nil)])
    let digits = String(size)
    let padding = String(repeating: " ", count: max(10 - digits.count, 0))
    let text = "This is a netCDF dimension but not a netCDF variable.\(padding)\(digits)"
    try scale.check(H5DSset_scale(scale.id, text))
    return scale
  }

  static func space(_ sizes: [Int], _ file: String) throws(Problem) -> HDF5Object {
    let sizes = sizes.map { hsize_t($0) }
    return try HDF5Object(H5Screate_simple(Int32(sizes.count), sizes, nil), file, "a shape")
  }

  /// Writes a whole data set.
  func write<T: BitwiseCopyable>(
    _ values: [T], _ type: HDF5Type
  ) throws(Problem) {
    guard !values.isEmpty else { return }
    let type = try type.open(for: file)
    let (all, none) = (bathyscope_h5_all(), bathyscope_h5_default())
    let status = values.withUnsafeBytes { H5Dwrite(id, type.id, all, all, none, $0.baseAddress) }
    try check(status)
  }

  /// Writes a whole data set of UTF-8 strings.
  func write(_ texts: [String]) throws(Problem) {
    guard !texts.isEmpty else { return }
    let type = try HDF5Type.text.open(for: file)
    let (all, none) = (bathyscope_h5_all(), bathyscope_h5_default())
    let status = withCStrings(try withoutNUL(texts)) { H5Dwrite(id, type.id, all, all, none, $0) }
    try check(status)
  }

  func setAttribute(_ name: String, _ text: String) throws(Problem) {
    let type = try HDF5Type.text.open(for: file)
    let attribute = try createAttribute(name, type)
    let status = withCStrings(try withoutNUL([text])) { H5Awrite(attribute.id, type.id, $0) }
    try attribute.check(status)
  }

  func setAttribute<T: FixedWidthInteger>(
    _ name: String, _ value: T, _ type: HDF5Type
  ) throws(Problem) {
    let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0) }
    try setAttribute(name, bytes: bytes, type)
  }

  /// - Parameter bytes: one value in the type's own bytes.
  func setAttribute(
    _ name: String, bytes: [UInt8], _ type: HDF5Type
  ) throws(Problem) {
    let type = try type.open(for: file)
    let attribute = try createAttribute(name, type)
    try attribute.check(H5Awrite(attribute.id, type.id, bytes))
  }

  private func createAttribute(
    _ name: String, _ type: HDF5Object
  ) throws(Problem) -> HDF5Object {
    let (space, none) = (try HDF5Object.scalar(file), bathyscope_h5_default())
    let place = "\(place) attribute \(name)"
    return try HDF5Object(H5Acreate2(id, name, type.id, space.id, none, none), file, place)
  }

  private static func scalar(_ file: String) throws(Problem) -> HDF5Object {
    try HDF5Object(H5Screate(H5S_SCALAR), file, "a shape")
  }

  /// libhdf5's strings end at the first NUL: what stands behind it would be lost silently.
  private func withoutNUL(_ texts: [String]) throws(Problem) -> [String] {
    guard !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw Problem(
        .nulCharacter, file, place: place, problem: "a text with a NUL byte cannot be stored",
        remedy: "remove the byte")
    }
    return texts
  }

  /// Calls `body` with an array of pointers to NUL-terminated copies.
  private func withCStrings<R>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>>) -> R
  ) -> R {
    var characters: [CChar] = []
    var offsets: [Int] = []
    for text in texts {
      offsets.append(characters.count)
      characters.append(contentsOf: text.utf8.map { CChar(bitPattern: $0) } + [0])
    }
    return characters.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("no text to write") }
      return offsets.map { start + $0 }.withUnsafeBufferPointer { pointers in
        guard let first = pointers.baseAddress else { preconditionFailure("no text to write") }
        return body(first)
      }
    }
  }
}
