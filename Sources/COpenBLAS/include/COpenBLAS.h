#pragma once

// What we use of the system's BLAS and LAPACK. It is loaded when it is first asked for and not linked:
// OpenBLAS starts a thread for each processor as soon as it is loaded, with a buffer for each, unless the
// environment says otherwise, and most runs never multiply with it.

enum {
  bathyscope_row_major = 101,
  bathyscope_plain = 111,
  bathyscope_transposed = 112,
  bathyscope_lower = 122,
  bathyscope_non_unit = 131,
};

// Swift sees routines that are there, and leaves their arguments as C has them.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"

typedef struct {
  void (*_Nonnull set_num_threads)(int count);
  char *(*_Nonnull get_config)(void);
  char *(*_Nonnull get_corename)(void);
  void (*_Nonnull sgemm)(
      int order, int transposed_a, int transposed_b, int m, int n, int k, float alpha, const float *a,
      int stride_a, const float *b, int stride_b, float beta, float *c, int stride_c);
  void (*_Nonnull ssyrk)(
      int order, int triangle, int transposed, int n, int k, float alpha, const float *a, int stride_a,
      float beta, float *c, int stride_c);
  void (*_Nonnull sgemv)(
      int order, int transposed, int m, int n, float alpha, const float *a, int stride_a, const float *x,
      int step_x, float beta, float *y, int step_y);
  void (*_Nonnull strsv)(
      int order, int triangle, int transposed, int diagonal, int n, const float *a, int stride_a, float *x,
      int step_x);
  // LAPACK's Cholesky factorisation.
  void (*_Nonnull spotrf)(const char *triangle, const int *order, float *matrix, const int *stride, int *info);
} bathyscope_openblas;

// Loads OpenBLAS, on one thread, once for all callers. Returns NULL where it cannot, and says why.
const bathyscope_openblas *_Nullable bathyscope_load_openblas(char *problem, int size);

#pragma clang diagnostic pop
