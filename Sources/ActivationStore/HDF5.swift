import CHDF5
import Files
import Foundation

/// libhdf5 behind one lock, because it is not thread safe, and with its complaints as errors instead
/// of text on the standard error stream.
enum HDF5 {
  private static let lock = NSRecursiveLock()
  /// Without its work at exit: all files are closed by then, and it crashes after a failed write.
  private static let start: Void = {
    H5dont_atexit()
    H5open()
  }()

  /// Runs `body` while no other thread is in libhdf5. Calls may nest.
  static func locked<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
    lock.lock()
    defer { lock.unlock() }
    start
    H5Eset_auto2(bathyscope_h5_default(), nil, nil)
    // A file may name a filter, and libhdf5 would load a library of that name.
    H5PLset_loading_state(0)
    return try body()
  }

  /// Returns the result of a call, or throws what libhdf5 says about a negative one.
  @discardableResult
  static func check<T: SignedInteger>(
    _ result: T, _ file: String, _ place: String,
    remedy: String = "the file is damaged or the disk full: capture or fetch it again"
  ) throws(Problem) -> T {
    guard result >= 0 else {
      throw Problem(
        .hdf5Failed, file, place: place, problem: "libhdf5 says '\(lastError())'", remedy: remedy)
    }
    return result
  }

  /// The innermost message of libhdf5's error stack, which is then cleared.
  private static func lastError() -> String {
    var text = ""
    withUnsafeMutablePointer(to: &text) { pointer in
      _ = H5Ewalk2(
        bathyscope_h5_default(), H5E_WALK_UPWARD,
        { depth, entry, context in
          guard depth == 0, let description = entry?.pointee.desc else { return 0 }
          context?.assumingMemoryBound(to: String.self).pointee = String(cString: description)
          return 0
        }, pointer)
    }
    H5Eclear2(bathyscope_h5_default())
    // What comes after is a dump of several lines, with the time and addresses of memory.
    let end = text.firstRange(of: ": time =")?.lowerBound ?? text.endIndex
    return text.isEmpty ? "unknown error" : printable(text[..<end].utf8)
  }
}

/// Something open in libhdf5: a file, group, data set, type, space or property list.
///
/// It is closed when nobody refers to it any more. So an object is named by a variable before its `id`
/// goes to libhdf5: a temporary one would be closed before the call.
final class HDF5Object: @unchecked Sendable {
  let id: hid_t
  /// For errors: the file's path and the object's name in it.
  let file: String
  let place: String
  private var isOpen = true
  /// Of a file that is written: the first error of the system, or 0.
  private var failure: UnsafeMutablePointer<Int32>?

  /// Takes over an identifier, or throws what libhdf5 says about a negative one.
  init(
    _ id: hid_t, _ file: String, _ place: String,
    remedy: String = "the file is damaged or the disk full: capture or fetch it again"
  ) throws(Problem) {
    self.id = try HDF5.check(id, file, place, remedy: remedy)
    self.file = file
    self.place = place
  }

  deinit {
    let id = id
    if isOpen { HDF5.locked { _ = H5Idec_ref(id) } }
    failure?.deallocate()
  }

  /// Closes a file now, so that a full disk is seen.
  func closeFile() throws(Problem) {
    isOpen = false
    try HDF5.check(H5Fclose(id), file, "")
    try checkWritten()
  }

  /// Hands over where the driver keeps the first error of a file that is written.
  func keep(_ failure: UnsafeMutablePointer<Int32>) { self.failure = failure }

  /// - Throws: when something could not be written to the file; libhdf5 is not told.
  func checkWritten() throws(Problem) {
    guard let reason = failure?.pointee, reason != 0 else { return }
    errno = reason
    throw AtomicFile.unwritable(file)
  }

  /// The name of a member, for errors.
  func path(_ name: String) -> String { place == "/" ? "/\(name)" : "\(place)/\(name)" }

  @discardableResult
  func check<T: SignedInteger>(_ result: T) throws(Problem) -> T {
    try HDF5.check(result, file, place)
  }
}

/// The types that stand in the file; memory is laid out the same way, so libhdf5 converts nothing.
enum HDF5Type: Sendable {
  case float32, bfloat16, float16, float64, int64, uint64, int32, uint8, text

  /// Opens the type.
  func open(for file: String) throws(Problem) -> HDF5Object {
    let base =
      switch self {
      case .float32, .bfloat16, .float16: bathyscope_h5_type_float32()
      case .float64: bathyscope_h5_type_float64()
      case .int64: bathyscope_h5_type_int64()
      case .uint64: bathyscope_h5_type_uint64()
      case .int32: bathyscope_h5_type_int32()
      case .uint8: bathyscope_h5_type_uint8()
      case .text: bathyscope_h5_type_c_string()
      }
    let type = try HDF5Object(H5Tcopy(base), file, "a type")
    switch self {
    case .bfloat16:
      try type.check(H5Tset_fields(type.id, 15, 7, 8, 0, 7))
      try type.check(H5Tset_size(type.id, 2))
      try type.check(H5Tset_ebias(type.id, 127))
    case .float16:
      try type.check(H5Tset_fields(type.id, 15, 10, 5, 0, 10))
      try type.check(H5Tset_size(type.id, 2))
      try type.check(H5Tset_ebias(type.id, 15))
    case .text:
      try type.check(H5Tset_size(type.id, bathyscope_h5_variable_length()))
      try type.check(H5Tset_cset(type.id, H5T_CSET_UTF8))
    default: break
    }
    return type
  }

  /// Whether a type found in a file is this one.
  func isStored(as type: HDF5Object) throws(Problem) -> Bool {
    // Variable-length types of a file never equal those of memory.
    if self == .text {
      return H5Tis_variable_str(type.id) > 0 && H5Tget_cset(type.id) == H5T_CSET_UTF8
    }
    let mine = try open(for: type.file)
    return H5Tequal(type.id, mine.id) > 0
  }
}
