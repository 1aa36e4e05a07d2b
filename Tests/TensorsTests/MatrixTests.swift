import Foundation
import Testing

@testable import Tensors

/// Products by OpenBLAS against sums in double precision, for shapes that take each of its routines.
struct MatrixTests {
  private func matrix(_ rows: Int, _ columns: Int, seed: Int) -> Matrix {
    let values = (0..<(rows * columns)).map {
      Float(($0 * 7919 + seed * 104_729) % 2003) / 1001 - 1
    }
    return Matrix(rows: rows, columns: columns, values: values)
  }

  /// Holds a product against `sum_k left(i, k) right(k, j)`, to 1e-6 for each term.
  private func expectProduct(
    _ product: Matrix, rows: Int, columns: Int, terms: Int,
    _ left: (Int, Int) -> Float, _ right: (Int, Int) -> Float
  ) {
    guard product.rows == rows, product.columns == columns else {
      Issue.record("\(product.rows) x \(product.columns) instead of \(rows) x \(columns)")
      return
    }
    var worst = 0.0
    for row in 0..<product.rows {
      for column in 0..<product.columns {
        let expected = (0..<terms).reduce(0.0) {
          $0 + Double(left(row, $1)) * Double(right($1, column))
        }
        worst = max(worst, abs(Double(product[row, column]) - expected))
      }
    }
    #expect(worst <= 1e-6 * Double(terms))
  }

  @Test(arguments: [1, 2, 5], [1, 3, 130])
  func productsOfOneAndOfManyRowsAreTheSums(rows: Int, terms: Int) {
    let left = matrix(rows, terms, seed: 1)
    let (plain, transposed) = (matrix(terms, 17, seed: 2), matrix(17, terms, seed: 3))
    expectProduct(
      left.multiplied(by: plain), rows: rows, columns: 17, terms: terms, { left[$0, $1] },
      { plain[$0, $1] })
    expectProduct(
      left.multiplied(byTransposeOf: transposed), rows: rows, columns: 17, terms: terms,
      { left[$0, $1] }, { transposed[$1, $0] })
  }

  @Test(arguments: [(1, 1), (4, 9), (9, 4), (200, 33)])
  func theGramMatrixIsWholeAndSymmetric(rows: Int, columns: Int) {
    let features = matrix(rows, columns, seed: 4)
    let gram = features.gram()
    expectProduct(
      gram, rows: columns, columns: columns, terms: rows, { features[$1, $0] },
      { features[$0, $1] })
    let isSymmetric = (0..<columns).allSatisfy { row in
      (0..<row).allSatisfy { gram[row, $0] == gram[$0, row] }
    }
    #expect(isSymmetric)
  }

  /// A row is counted from 0, whichever row it is.
  @Test func rowsAreCountedFromZero() {
    var matrix = matrix(4, 5, seed: 8)
    for row in 0..<4 {
      #expect(Array(matrix[row][1..<3]) == [matrix[row, 1], matrix[row, 2]])
      #expect(matrix[row].startIndex == 0 && matrix[row].last == matrix[row, 4])
    }
    matrix[2] = [1, 2, 3, 4, 5]
    matrix[3][1] = 7
    #expect(matrix[2] == [1, 2, 3, 4, 5] && matrix[3, 1] == 7 && matrix.values.count == 20)
    #expect(matrix.picking([2, 2])[1] == matrix[2])
    let none = Matrix(rows: 0, columns: 3)
    #expect(none.picking([]) == none && none.columns(0..<2).columns == 2)
    #expect(Matrix.concatenating([]) == Matrix(rows: 0, columns: 0))
    #expect(Matrix(rows: 2, columns: 0)[1] == [])
  }

  @Test func headsAreTakenApart() {
    let matrix = matrix(3, 12, seed: 9)
    let heads = matrix.byHead(4)
    #expect(heads.tokens == 3 && heads.heads == 4 && heads.dHead == 3)
    for token in 0..<3 {
      for head in 0..<4 {
        #expect(heads[token, head] == Array(matrix[token][(3 * head)..<(3 * head + 3)]))
        #expect(heads[token, head, 2] == matrix[token, 3 * head + 2])
        #expect(heads.head(head)[token] == heads[token, head])
      }
    }
    #expect(Matrix(rows: 0, columns: 12).byHead(4).head(3) == Matrix(rows: 0, columns: 3))
  }

  @Test func aMatrixOfAnotherSizeIsNotDecoded() throws {
    let matrix = matrix(2, 3, seed: 1)
    let data = try JSONEncoder().encode(matrix)
    #expect(try JSONDecoder().decode(Matrix.self, from: data) == matrix)
    for text in [
      #"{"rows": 2, "columns": 2, "values": [1]}"#, #"{"rows": -1, "columns": -1, "values": [1]}"#,
      #"{"rows": 9223372036854775807, "columns": 2, "values": [1]}"#,
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(Matrix.self, from: Data(text.utf8))
      }
    }
  }

  @Test func productsWithNothingAreEmptyOrZero() {
    #expect(
      Matrix(rows: 1, columns: 0).multiplied(by: Matrix(rows: 0, columns: 3)).values == [0, 0, 0])
    #expect(
      matrix(1, 3, seed: 1).multiplied(byTransposeOf: Matrix(rows: 0, columns: 3)).values == [])
    #expect(Matrix(rows: 0, columns: 2).gram().values == [0, 0, 0, 0])
  }
}
