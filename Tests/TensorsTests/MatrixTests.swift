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

  @Test func productsWithNothingAreEmptyOrZero() {
    #expect(
      Matrix(rows: 1, columns: 0).multiplied(by: Matrix(rows: 0, columns: 3)).values == [0, 0, 0])
    #expect(
      matrix(1, 3, seed: 1).multiplied(byTransposeOf: Matrix(rows: 0, columns: 3)).values == [])
    #expect(Matrix(rows: 0, columns: 2).gram().values == [0, 0, 0, 0])
  }
}
