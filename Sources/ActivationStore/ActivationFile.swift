import CHDF5
import CKernels
import Files
import Foundation
import Tensors
import Transformer

/// An activation file, opened for reading and checked.
///
/// Opening reads everything but the activations; those are read hook by hook.
///
///     let file = try ActivationFile("acts.h5")
///     let residual = try file.matrix(.residual(after: 20))     // [rows, dModel]
///     let first = try file.matrix(.residual(after: 20), rows: file.rows(of: 0))
///
/// The file may come from anybody, but libhdf5 is known to crash or to hang on some files that were
/// made or damaged for it. Whoever opens files of strangers has `Inspector` try them in a process of
/// its own first, as the command line always does.
public struct ActivationFile: Sendable {
  /// The path at which it was opened.
  public let path: String
  /// What the file says about itself, in the words in which it was written.
  public let description: StoreDescription
  /// SHA-256 of the run's configuration: everything that decides the numbers.
  public let configurationSHA256: String
  /// NaNs and infinities, by site; absent where there are none.
  public let nonFinite: [HookPoint.Site: (nans: Int, infinities: Int)]

  /// Whether the file has digests inside: one of all that it says, and a checksum of every chunk.
  let hasDigest: Bool
  /// SHA-256 of the file, from its journal; nil without one.
  public private(set) var sha256: String?
  /// Whether the file was compared with a digest of its own or of its journal.
  public private(set) var isVerified = true

  /// The file's size in bytes.
  let size: Int
  let file: HDF5Object
  let dataSets: [HookPoint.Site: HDF5DataSet]
  let rowOffsets: [Int64]

  /// - Parameters:
  ///   - inspector: tries the file in a process of its own first; nil trusts the file.
  ///   - verifies: whether its bytes are compared with the digest in its journal, at one to two
  ///     gigabytes a second. Without a journal the digests inside are all there is, and files of version 1 may
  ///     have none: then `isVerified` is false.
  /// - Throws: when the file is missing, damaged, of a newer version or no activation file.
  public init(
    _ path: String, inspector: Inspector? = nil, verifies: Bool = true
  ) throws(Problem) {
    let journal = try Journal.beside(path)
    if verifies { try journal?.check(path) }
    try inspector?.inspect(path)
    self = try HDF5.locked { () throws(Problem) in
      try ActivationFile(reading: path)
    }
    if let journal {
      guard journal.size == size, journal.configurationSHA256 == configurationSHA256 else {
        throw journal.isOfAnother(than: path)
      }
    }
    sha256 = journal?.sha256
    isVerified = verifies && (journal != nil || hasDigest)
  }

  /// The captured hooks, in the order of the forward pass.
  public var hooks: [HookPoint] { description.hooks }

  /// The prompts in the order of their rows.
  public var prompts: [StoreDescription.Prompt] { description.prompts }

  /// The rows of a prompt, counted from 0; the row of a position is at its place in
  /// `prompts[prompt].positions`.
  ///
  /// - Precondition: there is such a prompt.
  public func rows(of prompt: Int) -> Range<Int> {
    Int(rowOffsets[prompt])..<Int(rowOffsets[prompt + 1])
  }

  /// Reads a hook's rows, `[rows, width]`; all of them where no range is given.
  ///
  /// - Throws: when the hook was not captured, the rows are not there or the file is damaged.
  public func matrix(
    _ hook: HookPoint, rows: Range<Int>? = nil
  ) throws(Problem) -> Matrix {
    let rows = rows ?? 0..<description.rowCount
    guard let dataSet = dataSets[hook.site], hooks.contains(hook) else {
      throw Problem(
        .notCaptured, path, place: "\(hook)", problem: "was not captured",
        remedy: "name one of \(Set(hooks.map(\.site.pattern)).sorted().joined(separator: ", "))")
    }
    guard rows.lowerBound >= 0, rows.upperBound <= description.rowCount else {
      throw Problem(
        .outOfRange, path, place: "\(hook)", problem: "there are no rows \(rows)",
        remedy: "name rows below \(description.rowCount)")
    }
    let width = description.widths[hook.site] ?? 0
    guard !rows.isEmpty else { return Matrix(rows: 0, columns: width) }
    var (start, shape) = ([rows.lowerBound, 0], [rows.count, width])
    if let layer = hook.layer, let index = description.layers(of: hook.site).firstIndex(of: layer) {
      start.insert(index, at: 1)
      shape.insert(1, at: 1)
    }
    var matrix = Matrix(rows: rows.count, columns: width)
    try dataSet.floats(start: start, shape: shape, into: &matrix.values)
    return matrix
  }
}

extension HDF5DataSet {
  /// Reads numbers of any element type as float32.
  ///
  /// libhdf5's own conversion from 16 bits runs at 30 to 67 MB/s, so it hands over the file's bytes.
  func floats(
    start: [Int], shape: [Int], into values: inout [Float]
  ) throws(Problem) {
    let result = values.withUnsafeMutableBufferPointer { target in
      Result { () throws(Problem) in
        guard let floats = target.baseAddress else { return }
        if type == .float32 {
          return try HDF5.locked { () throws(Problem) in
            try read(start: start, shape: shape, into: floats)
          }
        }
        let halves = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: target.count)
        defer { halves.deallocate() }
        guard let first = halves.baseAddress else { return }
        try HDF5.locked { () throws(Problem) in
          try read(start: start, shape: shape, into: first)
        }
        if type == .bfloat16 {
          bathyscope_bfloat16_to_float32(first, floats, target.count)
        } else {
          bathyscope_float16_to_float32(first, floats, target.count)
        }
      }
    }
    try result.get()
  }
}

extension ActivationFile {
  /// The version of libhdf5.
  public static var libraryVersion: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }
}
