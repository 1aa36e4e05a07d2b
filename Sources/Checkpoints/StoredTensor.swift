import Files
import Tensors

/// One tensor of a checkpoint, still in the form in which its file stores it.
///
/// It keeps its file mapped. Nothing is read until rows are expanded.
package struct StoredTensor: Sendable {
  package let name: String
  package let elementType: ElementType
  /// Row-major, the outermost dimension first, also for GGUF files, which write it the other way.
  package let shape: [Int]
  private let file: MappedFile
  private let offset: Int
  private let byteCount: Int

  init(_ record: TensorRecord, elementType: ElementType, in file: MappedFile) {
    name = record.name
    self.elementType = elementType
    shape = record.shape
    self.file = file
    offset = record.offset
    byteCount = record.byteCount
  }

  /// The stored bytes, at any alignment; valid for as long as the tensor lives.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + byteCount)])
  }

  /// The length of the innermost dimension; 1 for a scalar.
  package var rowLength: Int { shape.last ?? 1 }

  /// How many rows of `rowLength` there are: the product of all other dimensions.
  package var rowCount: Int { shape.dropLast().reduce(1, *) }

  package var elementCount: Int { shape.reduce(1, *) }

  /// Writes the rows as floats, `[rows.count, rowLength]`.
  package func expand(rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount, "rows outside of \(name)")
    guard let start = bytes.baseAddress, !rows.isEmpty, rowLength > 0 else { return }
    elementType.expand(
      start + rows.lowerBound * rowBytes, count: rows.count * rowLength, into: target)
  }

  private var rowBytes: Int { rowLength / elementType.blockSize * elementType.bytesPerBlock }

  /// Lets go of the memory pages that were read; they come back from the file when they are read again.
  package func release() { file.release(offset..<(offset + byteCount)) }

  /// Lets go of a stretch of 8 MiB when its last row was read, so that a large tensor that is read row
  /// by row is never in memory as a whole.
  package func release(upToRow row: Int) {
    let stretch = max(1, (8 << 20) / max(rowBytes, 1))
    guard (row + 1) % stretch == 0 else { return }
    let end = offset + (row + 1) * rowBytes
    file.release((end - stretch * rowBytes)..<end)
  }

  /// Whether another tensor is stored in the same way and as the same bytes; both are read in stretches.
  package func isStored(as other: StoredTensor) -> Bool {
    guard elementType == other.elementType, byteCount == other.byteCount else { return false }
    return stride(from: 0, to: byteCount, by: 8 << 20).allSatisfy { start in
      let range = start..<min(start + (8 << 20), byteCount)
      let (mine, theirs) = (bytes[range], other.bytes[range])
      defer {
        file.release((offset + range.lowerBound)..<(offset + range.upperBound))
        other.file.release((other.offset + range.lowerBound)..<(other.offset + range.upperBound))
      }
      return mine.elementsEqual(theirs)
    }
  }

  /// The whole tensor as floats, in row-major order.
  package func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
      if let target = buffer.baseAddress { expand(rows: 0..<rowCount, into: target) }
      count = elementCount
    }
  }
}
