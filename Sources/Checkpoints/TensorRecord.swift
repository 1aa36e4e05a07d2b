import Files
import Tensors

/// One line of a file's table of tensors.
struct TensorRecord: Equatable {
  var name: String
  /// The type as the file calls it.
  var typeName: String
  /// Nil when the type is known well enough to find the next tensor, but not computed with.
  var elementType: ElementType?
  /// Row-major, the outermost dimension first.
  var shape: [Int]
  /// Where the bytes stand in the whole file.
  var offset: Int
  var byteCount: Int

  /// The name as a message may show it.
  var shownName: String { printable(name.utf8) }
}

/// What a parser makes of a file's header.
struct TensorTable: Equatable {
  var records: [TensorRecord] = []
  var metadata: [String: MetadataValue] = [:]
  /// The first byte behind everything that describes the tensors.
  var headerEnd = 0
}

/// Ten times what any published model has in one file; it bounds what a hostile table can cost.
let tensorLimit = 20_000

/// The name as text; the error says what is wrong with it.
func tensorName(
  _ bytes: [UInt8], number: Int, file: String
) throws(Problem) -> String {
  let place = "tensor \(number), '\(printable(bytes))'"
  guard !bytes.isEmpty else {
    throw .damaged(.invalidName, file, "tensor \(number)", "its name is empty")
  }
  guard bytes.count <= 512 else {
    throw .damaged(.invalidName, file, place, "its name has \(bytes.count) bytes, more than 512")
  }
  guard let name = String(validating: bytes, as: UTF8.self) else {
    throw .damaged(.notUTF8, file, place, "its name is not valid UTF-8")
  }
  guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
    throw .damaged(.invalidName, file, place, "a control character is in its name")
  }
  guard !name.split(separator: "/", omittingEmptySubsequences: false).contains("..") else {
    throw .damaged(.invalidName, file, place, "its name looks like a path out of a folder")
  }
  return name
}

/// The product of the dimensions, nil when it overflows.
func elementCount(_ shape: [Int]) -> Int? {
  // A zero makes the product zero, but only behind dimensions that did not overflow before it.
  var product = 1
  for dimension in shape {
    let (value, overflow) = product.multipliedReportingOverflow(by: dimension)
    guard !overflow, dimension >= 0 else { return nil }
    product = value
  }
  return product
}
