import COpenBLAS

/// C [n, d] = alpha · op(A) · op(B) + beta · C on OpenBLAS; op(A) is [n, k], op(B) [k, d], all contiguous and row-major.
///
/// C is not read where beta is 0.
func matrixProduct(
    _ a: UnsafePointer<Float>, transposed transposeA: Bool,
    _ b: UnsafePointer<Float>, transposed transposeB: Bool,
    n: Int, k: Int, d: Int, alpha: Float = 1, beta: Float, to c: UnsafeMutablePointer<Float>
) {
    guard n > 0 && d > 0 else { return }
    cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
        blasint(n), blasint(d), blasint(k),
        alpha, a, blasint(max(transposeA ? n : k, 1)), b, blasint(max(transposeB ? k : d, 1)),
        beta, c, blasint(d))
}
