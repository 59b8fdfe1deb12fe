/* Transposes of matrices of elements E, in squares of LANES x LANES where both sides are that long. */

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLES 1
#endif
#endif

#ifdef SHUFFLES
/* LANES rows become columns: log2(LANES) rounds, each of which interleaves row i with row i + LANES / 2. */
static inline void NAME(transpose_square)(const E *from, int64_t from_step, E *to, int64_t to_step)
{
    V a[LANES], b[LANES];
    for (int i = 0; i < LANES; i++) a[i] = *(const V *)(from + i * from_step);
#pragma GCC unroll 4
    for (int round = 1; round < LANES; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            b[2 * i] = INTERLEAVE_LOW(a[i], a[i + LANES / 2]);
            b[2 * i + 1] = INTERLEAVE_HIGH(a[i], a[i + LANES / 2]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) a[i] = b[i];
    }
    for (int i = 0; i < LANES; i++) *(V *)(to + i * to_step) = a[i];
}
#endif

/* to[j][i] = from[i][j] for i < rows, j < columns. */
static void NAME(transpose)(const E *from, int64_t from_step, E *to, int64_t to_step, int64_t rows, int64_t columns)
{
#ifdef SHUFFLES
    if (rows >= LANES && columns >= LANES) {
        /* The last squares overlap those before them: the same values are written twice. */
        for (int64_t i = 0; i < rows; i += LANES) {
            int64_t row = i + LANES > rows ? rows - LANES : i;
            for (int64_t j = 0; j < columns; j += LANES) {
                int64_t column = j + LANES > columns ? columns - LANES : j;
                NAME(transpose_square)(from + row * from_step + column, from_step, to + column * to_step + row, to_step);
            }
        }
        return;
    }
#endif
    for (int64_t j = 0; j < columns; j++) {
        for (int64_t i = 0; i < rows; i++) to[j * to_step + i] = from[i * from_step + j];
    }
}
