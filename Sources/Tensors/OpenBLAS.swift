import COpenBLAS
import Foundation
import Synchronization

/// The system's BLAS: what probes are fitted with, and the oracle for our own products.
///
/// It is loaded at its first use, because it starts threads and takes memory when it is.
package enum OpenBLAS {
  static let rowMajor = Int32(bathyscope_row_major)
  static let plain = Int32(bathyscope_plain)
  static let transposed = Int32(bathyscope_transposed)
  static let lower = Int32(bathyscope_lower)
  static let nonUnit = Int32(bathyscope_non_unit)

  private enum Loading: @unchecked Sendable {
    case done(bathyscope_openblas)
    case failed(String)
  }

  private static let loading: Loading = {
    var text = [CChar](repeating: 0, count: 400)
    if let library = bathyscope_load_openblas(&text, Int32(text.count)) {
      return .done(library.pointee)
    }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return .failed(String(decoding: bytes, as: UTF8.self))
  }()

  /// Why it cannot be used; nil where it can.
  package static var problem: String? {
    if case .failed(let problem) = loading { problem } else { nil }
  }

  /// Its routines. Where it cannot be loaded this ends the process, as a missing library does at its start.
  static var library: bathyscope_openblas {
    switch loading {
    case .done(let library): return library
    case .failed(let problem):
      // Once, whichever threads find out.
      return ending.withLock { _ in
        let line =
          "error [system-limit]: OpenBLAS: cannot be loaded: \(problem); "
          + "install it or raise the limit\n"
        _ = Array(line.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(4)
      }
    }
  }

  private static let ending = Mutex(())

  /// Its version, build options and the kernel that it chose.
  package static let description: String = {
    let library = Self.library
    guard let configuration = library.get_config(), let core = library.get_corename() else {
      return "OpenBLAS"
    }
    return "\(String(cString: configuration)) \(String(cString: core))"
  }()
}
