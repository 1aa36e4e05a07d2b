enum { panel = 16, block = 4 * panel };

// How a term's sixteen weights are stored, and what they meet: floats; or words of two bfloat16, the
// earlier term above the later one, which are widened to floats, or meet pairs of bfloat16.
enum form { floats, widened, pairs };

// y [rows, columns] = x [rows, terms] w, added to what is in y if `adds`. In floats or words: rows of y
// and x lie y_stride and x_stride apart, w's terms (pairs of terms) `step`, its groups of sixteen
// columns `apart`.
struct product {
  float *y;
  const float *x, *w;
  size_t rows, columns, terms, y_stride, x_stride, step, apart;
  int adds;
};

INLINE void widen(lanes *first, lanes *second, const float *words) {
  int_lanes both;
  memcpy(&both, words, sizeof both);
  int_lanes upper = both & (int32_t)0xffff0000, lower = both << 16;
  memcpy(first, &upper, sizeof upper);
  memcpy(second, &lower, sizeof lower);
}

// sum += the earlier term, then the later one; each product of two bfloat16 is exact in a float.
INLINE void emulated_dot_pairs(lanes *sum, const float *words, const float *pair) {
  lanes first, second;
  widen(&first, &second, words);
  *sum += first * from_bits(bits_of(*pair) & 0xffff0000);
  *sum += second * from_bits(bits_of(*pair) << 16);
}

#ifdef AVX512_PAIRS
INLINE void avx512_dot_pairs(lanes *sum, const float *words, const float *pair) {
  __m512 total;
  memcpy(&total, sum, sizeof total);
  __m512i weights = _mm512_loadu_si512(words), factors = _mm512_set1_epi32((int)bits_of(*pair));
  total = _mm512_dpbf16_ps(total, (__m512bh)weights, (__m512bh)factors);
  memcpy(sum, &total, sizeof total);
}
#endif

#define UNROLLED _Pragma("clang loop unroll(full)") for
#define EACH_RESULT UNROLLED(int r = 0; r < rows; r++) UNROLLED(int g = 0; g < groups; g++)

// A tile of `rows` x 16 `groups` results, held in registers over all terms. Every result is one chain
// of multiply-adds over the terms in order, whatever the tile. What is const is known where this is
// inlined.
INLINE void tile(const struct product *p, float *y, size_t y_stride, const float *x,
                 const float *w, const enum form form, const int rows, const int groups) {
  lanes sum[TILE_ROWS][4];
  EACH_RESULT {
    if (p->adds)
      load(&sum[r][g], y + (size_t)r * y_stride + panel * g);
    else
      sum[r][g] = (lanes){0};
  }
  const size_t x_stride = p->x_stride, step = p->step, apart = p->apart;
  const size_t steps = form == floats ? p->terms : form == widened ? p->terms / 2 : (p->terms + 1) / 2;
  for (size_t i = 0; i < steps; i++, w += step) {
    if (form == floats) {
      lanes weights[4];
      UNROLLED(int g = 0; g < groups; g++) load(&weights[g], w + (size_t)g * apart);
      EACH_RESULT sum[r][g] += weights[g] * x[(size_t)r * x_stride + i];
    } else if (form == widened) {
      lanes first[4], second[4];
      UNROLLED(int g = 0; g < groups; g++) widen(&first[g], &second[g], w + (size_t)g * apart);
      EACH_RESULT sum[r][g] += first[g] * x[(size_t)r * x_stride + 2 * i];
      EACH_RESULT sum[r][g] += second[g] * x[(size_t)r * x_stride + 2 * i + 1];
    } else {
#ifdef DOT_PAIRS
      EACH_RESULT DOT_PAIRS(&sum[r][g], w + (size_t)g * apart, x + (size_t)r * x_stride + i);
#endif
    }
  }
  if (form == widened && p->terms % 2 == 1) {
    lanes first[4], second[4];
    UNROLLED(int g = 0; g < groups; g++) widen(&first[g], &second[g], w + (size_t)g * apart);
    EACH_RESULT sum[r][g] += first[g] * x[(size_t)r * x_stride + p->terms - 1];
  }
  EACH_RESULT store(y + (size_t)r * y_stride + panel * g, &sum[r][g]);
}

// `rows` rows of at most `block` columns.
INLINE void strip(const struct product *p, size_t row, size_t column, const enum form form,
                  const int rows) {
  const size_t end = column + block < p->columns ? column + block : p->columns;
  const float *x = p->x + row * p->x_stride;
  float *y = p->y + row * p->y_stride;
  const int groups = TILE_PANELS(rows);
  for (; column + (size_t)groups * panel <= end; column += (size_t)groups * panel)
    tile(p, y + column, p->y_stride, x, p->w + column / panel * p->apart, form, rows, groups);
  for (; column + panel <= end; column += panel)
    tile(p, y + column, p->y_stride, x, p->w + column / panel * p->apart, form, rows, 1);
  if (column == end) return;
  float edge[TILE_ROWS * panel] = {0};
  const size_t bytes = (end - column) * sizeof *y;
  for (int r = 0; r < rows; r++)
    memcpy(edge + r * panel, y + (size_t)r * p->y_stride + column, p->adds ? bytes : 0);
  tile(p, edge, panel, x, p->w + column / panel * p->apart, form, rows, 1);
  for (int r = 0; r < rows; r++)
    memcpy(y + (size_t)r * p->y_stride + column, edge + r * panel, bytes);
}

INLINE void multiply(const struct product *p, const enum form form) {
  for (size_t column = 0; column < p->columns; column += block) {
    size_t row = 0;
    for (; row + TILE_ROWS <= p->rows; row += TILE_ROWS) strip(p, row, column, form, TILE_ROWS);
    switch (p->rows - row) {
      case 1: strip(p, row, column, form, 1); break;
      case 2: strip(p, row, column, form, 2); break;
#if TILE_ROWS > 3
      case 3: strip(p, row, column, form, 3); break;
      case 4: strip(p, row, column, form, 4); break;
      case 5: strip(p, row, column, form, 5); break;
#endif
    }
  }
}

KERNEL(void, multiply)(float *y, size_t stride, const float *x, const float *panels, size_t rows,
                       size_t inputs, size_t outputs) {
  multiply(&(struct product){.y = y, .x = x, .w = panels, .rows = rows, .columns = outputs,
                             .terms = inputs, .y_stride = stride, .x_stride = inputs,
                             .step = panel, .apart = panel * inputs},
           floats);
}

KERNEL(void, multiply_transposed)(float *x, size_t stride, const float *y, size_t y_stride,
                                  const float *w, size_t w_stride, size_t rows, size_t inputs,
                                  size_t outputs) {
  multiply(&(struct product){.y = x, .x = y, .w = w, .rows = rows, .columns = inputs,
                             .terms = outputs, .y_stride = stride, .x_stride = y_stride,
                             .step = w_stride, .apart = panel, .adds = 1},
           floats);
}

KERNEL(void, multiply_widened)(float *y, size_t stride, const float *x, const uint32_t *panels,
                               size_t rows, size_t inputs, size_t outputs) {
  multiply(&(struct product){.y = y, .x = x, .w = (const float *)panels, .rows = rows,
                             .columns = outputs, .terms = inputs, .y_stride = stride,
                             .x_stride = inputs, .step = panel,
                             .apart = panel * ((inputs + 1) / 2)},
           widened);
}

#ifdef DOT_PAIRS
KERNEL(void, round_rows)(float *out, const float *x, size_t rows, size_t inputs) {
  const size_t whole = inputs / 2;
  for (size_t r = 0; r < rows; r++, x += inputs) {
    for (size_t i = 0; i < whole; i++)
      *out++ = from_bits(bfloat16_of(x[2 * i]) << 16 | bfloat16_of(x[2 * i + 1]));
    if (inputs % 2 == 1) *out++ = from_bits(bfloat16_of(x[inputs - 1]) << 16);
  }
}

KERNEL(void, multiply_rounded)(float *y, size_t stride, const float *x, const uint32_t *panels,
                               size_t rows, size_t inputs, size_t outputs) {
  multiply(&(struct product){.y = y, .x = x, .w = (const float *)panels, .rows = rows,
                             .columns = outputs, .terms = inputs, .y_stride = stride,
                             .x_stride = (inputs + 1) / 2, .step = panel,
                             .apart = panel * ((inputs + 1) / 2)},
           pairs);
}
#else
KERNEL(void, round_rows)(float *out, const float *x, size_t rows, size_t inputs) {
  for (size_t i = 0; i < rows * inputs; i++) out[i] = from_bits(bfloat16_of(x[i]) << 16);
}

KERNEL(void, multiply_rounded)(float *y, size_t stride, const float *x, const uint32_t *panels,
                               size_t rows, size_t inputs, size_t outputs) {
  kernel_multiply_widened(y, stride, x, panels, rows, inputs, outputs);
}
#endif
