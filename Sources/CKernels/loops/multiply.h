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

#define EACH_RESULT UNROLLED(int r = 0; r < rows; r++) UNROLLED(int g = 0; g < groups; g++)

// A tile of `rows` x 16 `groups` results. Every result is the sum of its spans: of the first `span`
// terms, of the next ones and so on, each one chain of multiply-adds in order, held in registers. So
// it is the same whatever the tile, and rounding grows with the root of the span instead of that of
// all terms. What is const is known where this is inlined.
INLINE void tile(const struct product *p, float *y, size_t y_stride, const float *x,
                 const float *w, const enum form form, const int rows, const int groups) {
  const size_t x_stride = p->x_stride, step = p->step, apart = p->apart;
  for (size_t first = 0; first == 0 || first < p->terms; first += span) {
    const size_t terms = p->terms - first < span ? p->terms - first : span;
    const size_t steps = form == floats ? terms : form == widened ? terms / 2 : (terms + 1) / 2;
    lanes sum[TILE_ROWS][4];
    EACH_RESULT sum[r][g] = (lanes){0};
    for (size_t i = 0; i < steps; i++, w += step) {
      if (form == floats) {
        lanes weights[4];
        UNROLLED(int g = 0; g < groups; g++) load(&weights[g], w + (size_t)g * apart);
        EACH_RESULT sum[r][g] += weights[g] * x[(size_t)r * x_stride + i];
      } else if (form == widened) {
        UNROLLED(int g = 0; g < groups; g++) {
          lanes earlier, later;
          widen(&earlier, &later, w + (size_t)g * apart);
          UNROLLED(int r = 0; r < rows; r++) {
            sum[r][g] += earlier * x[(size_t)r * x_stride + 2 * i];
            sum[r][g] += later * x[(size_t)r * x_stride + 2 * i + 1];
          }
        }
      } else {
#ifdef DOT_PAIRS
        EACH_RESULT DOT_PAIRS(&sum[r][g], w + (size_t)g * apart, x + (size_t)r * x_stride + i);
#endif
      }
    }
    if (form == widened && terms % 2 == 1) {
      UNROLLED(int g = 0; g < groups; g++) {
        lanes earlier, later;
        widen(&earlier, &later, w + (size_t)g * apart);
        UNROLLED(int r = 0; r < rows; r++)
          sum[r][g] += earlier * x[(size_t)r * x_stride + terms - 1];
      }
    }
    x += form == pairs ? span / 2 : span;
    EACH_RESULT {
      float *target = y + (size_t)r * y_stride + panel * g;
      if (first > 0 || p->adds) {
        lanes before;
        load(&before, target);
        sum[r][g] += before;
      }
      store(target, &sum[r][g]);
    }
  }
}

// Each tile is a function of its own: in one large function the compiler runs out of registers.
typedef void tile_function(const struct product *, float *y, size_t y_stride, const float *x,
                           const float *w);

#define TILE(name, form, rows, groups)                                                          \
  __attribute__((noinline)) static void name(const struct product *p, float *y, size_t y_stride, \
                                             const float *x, const float *w) {                  \
    tile(p, y, y_stride, x, w, form, rows, groups);                                             \
  }
#define TILES(form, rows)                             \
  TILE(form##_##rows, form, rows, TILE_PANELS(rows))  \
  TILE(form##_##rows##_narrow, form, rows, 1)
#define TILE_NAMES(form, rows) {form##_##rows, form##_##rows##_narrow}

TILES(floats, 1) TILES(floats, 2) TILES(floats, 3) TILES(widened, 1) TILES(widened, 2)
#if TILE_ROWS == 6
TILES(floats, 4) TILES(floats, 5) TILES(floats, 6)
TILES(widened, 3) TILES(widened, 4) TILES(widened, 5)
#endif
#ifdef DOT_PAIRS
TILES(pairs, 1) TILES(pairs, 2) TILES(pairs, 3)
#if TILE_ROWS == 6
TILES(pairs, 4) TILES(pairs, 5) TILES(pairs, 6)
#endif
#endif

// The tiles of each number of rows. Widened weights take two registers, so a row less fits.
#if TILE_ROWS == 6
#define ALL_TILES(form)                                                         \
  {TILE_NAMES(form, 1), TILE_NAMES(form, 2), TILE_NAMES(form, 3), TILE_NAMES(form, 4), \
   TILE_NAMES(form, 5), TILE_NAMES(form, 6)}
#define BUT_THE_LARGEST(form)                                                   \
  {TILE_NAMES(form, 1), TILE_NAMES(form, 2), TILE_NAMES(form, 3), TILE_NAMES(form, 4), \
   TILE_NAMES(form, 5)}
#else
#define ALL_TILES(form) {TILE_NAMES(form, 1), TILE_NAMES(form, 2), TILE_NAMES(form, 3)}
#define BUT_THE_LARGEST(form) {TILE_NAMES(form, 1), TILE_NAMES(form, 2)}
#endif
static tile_function *const floats_tiles[TILE_ROWS][2] = ALL_TILES(floats);
static tile_function *const widened_tiles[TILE_ROWS - 1][2] = BUT_THE_LARGEST(widened);
#ifdef DOT_PAIRS
static tile_function *const pairs_tiles[TILE_ROWS][2] = ALL_TILES(pairs);
#endif

// `rows` rows of at most `block` columns.
static void strip(const struct product *p, size_t row, size_t column, size_t rows,
                  tile_function *const tiles[2]) {
  const size_t end = column + block < p->columns ? column + block : p->columns;
  const size_t wide = (size_t)TILE_PANELS(rows) * panel;
  const float *x = p->x + row * p->x_stride;
  float *y = p->y + row * p->y_stride;
  for (; column + wide <= end; column += wide)
    tiles[0](p, y + column, p->y_stride, x, p->w + column / panel * p->apart);
  for (; column + panel <= end; column += panel)
    tiles[1](p, y + column, p->y_stride, x, p->w + column / panel * p->apart);
  if (column == end) return;
  float edge[TILE_ROWS * panel] = {0};
  const size_t bytes = (end - column) * sizeof *y;
  for (size_t r = 0; r < rows; r++)
    memcpy(edge + r * panel, y + r * p->y_stride + column, p->adds ? bytes : 0);
  tiles[1](p, edge, panel, x, p->w + column / panel * p->apart);
  for (size_t r = 0; r < rows; r++)
    memcpy(y + r * p->y_stride + column, edge + r * panel, bytes);
}

// Rows are shared out evenly, because the smallest tiles wait for their own sums.
static void multiply(const struct product *p, tile_function *const tiles[][2], size_t most) {
  const size_t parts = (p->rows + most - 1) / most;
  for (size_t column = 0; column < p->columns; column += block) {
    for (size_t part = 0; part < parts; part++) {
      size_t row = p->rows * part / parts, rows = p->rows * (part + 1) / parts - row;
      strip(p, row, column, rows, tiles[rows - 1]);
    }
  }
}

KERNEL(void, multiply)(float *y, size_t stride, const float *x, const float *panels, size_t rows,
                       size_t inputs, size_t outputs) {
  multiply(&(struct product){.y = y, .x = x, .w = panels, .rows = rows, .columns = outputs,
                             .terms = inputs, .y_stride = stride, .x_stride = inputs,
                             .step = panel, .apart = panel * inputs},
           floats_tiles, TILE_ROWS);
}

KERNEL(void, multiply_transposed)(float *x, size_t stride, const float *y, size_t y_stride,
                                  const float *w, size_t w_stride, size_t rows, size_t inputs,
                                  size_t outputs) {
  multiply(&(struct product){.y = x, .x = y, .w = w, .rows = rows, .columns = inputs,
                             .terms = outputs, .y_stride = stride, .x_stride = y_stride,
                             .step = w_stride, .apart = panel, .adds = 1},
           floats_tiles, TILE_ROWS);
}

KERNEL(void, multiply_widened)(float *y, size_t stride, const float *x, const uint32_t *panels,
                               size_t rows, size_t inputs, size_t outputs) {
  multiply(&(struct product){.y = y, .x = x, .w = (const float *)panels, .rows = rows,
                             .columns = outputs, .terms = inputs, .y_stride = stride,
                             .x_stride = inputs, .step = panel,
                             .apart = panel * ((inputs + 1) / 2)},
           widened_tiles, TILE_ROWS - 1);
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
           pairs_tiles, TILE_ROWS);
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
