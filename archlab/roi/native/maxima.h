/* The largest sample, weighted corner or pixel of each bin over rows of channels in elements E, and which it is.
 *
 * I is a vector of LANES integers INDEX as wide as E, the kind that a comparison of V gives. */

static inline I NAME(all)(int64_t code)
{
    return (I){0} + (INDEX)code;
}

static inline V NAME(pick)(I where, V yes, V no)
{
    return (V)((where & (I)yes) | (~where & (I)no));
}

static inline void NAME(store_choice)(const NAME(Tile) * tile, int64_t at, I code, int64_t count)
{
    if (!tile->choice) return;
    for (int64_t i = 0; i < count; i++) tile->choice[at + i] = (int32_t)code[i];
}

/* Load up to LANES elements; the rest are 0. */
static inline V NAME(load)(const E *from, int64_t count)
{
    if (count >= LANES) return *(const V *)from;
    V some = {0};
    memcpy(&some, from, count * sizeof(E));
    return some;
}

static inline void NAME(store)(E *to, V value, int64_t count)
{
    if (count >= LANES) *(V *)to = value;
    else memcpy(to, &value, count * sizeof(E));
}

/* Keep what is larger; ``code`` is followed only where a choice is asked for. */
static inline void NAME(keep)(V value, int64_t sample, int coded, V *best, I *code)
{
    I better = value > *best;
    *best = NAME(pick)(better, value, *best);
    if (coded) *code = (better & NAME(all)(sample)) | (~better & *code);
}

/* One bin of MAX or ONNX_MAX, of the ``vectors`` vectors of channels from c on, the last of ``count`` channels.
 *
 * A sample outside counts as 0, and its choice is -1; so is that of a bin without samples. */
static inline void NAME(sampled_bin)(const Problem *a, const Bins *bins, const NAME(View) * view, int64_t p, int64_t q,
                                     const NAME(Tile) * tile, int64_t at, int64_t c, int vectors, int64_t count,
                                     int coded)
{
    const Line *y = &bins->line[0], *x = &bins->line[1];
    int complete = y->grid <= y->most && x->grid <= x->most;
    const V nothing = {0};
    V best[4];
    I code[4];
    for (int v = 0; v < vectors; v++) {
        best[v] = nothing + (complete ? -(E)INFINITY : 0);
        code[v] = NAME(all)(-1);
    }
    for (int64_t sy = 0; sy < y->listed; sy++) {
        const Sample *row = &bins->sample[0][p * y->listed + sy];
        for (int64_t sx = 0; sx < x->listed; sx++) {
            const Sample *column = &bins->sample[1][q * x->listed + sx];
            if (!row->inside || !column->inside) {
                for (int v = 0; v < vectors; v++) NAME(keep)(nothing, -1, coded, &best[v], &code[v]);
                continue;
            }
            const E *low = view->base + row->low * view->row_step + c;
            const E *high = low + (row->high - row->low) * view->row_step;
            int64_t left = column->low * view->column_step, right = column->high * view->column_step;
            int64_t sample = sy * x->most + sx;
            E fy = (E)row->frac, fx = (E)column->frac;
            E w[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
            const E *corner[4] = {low + left, low + right, high + left, high + right};
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) {
                V value[4];
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) {
                    /* A pixel of weight 0 is not read: 0 times infinity is not 0. */
                    value[i] = nothing;
                    if (w[i] != 0) value[i] = NAME(load)(corner[i] + v * LANES, count) * w[i];
                }
                if (a->mode == MAX) {
                    V sum = ((value[0] + value[1]) + value[2]) + value[3];
                    NAME(keep)(sum, sample, coded, &best[v], &code[v]);
                } else {
#pragma GCC unroll 4
                    for (int i = 0; i < 4; i++) NAME(keep)(value[i], sample * 4 + i, coded, &best[v], &code[v]);
                }
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        best[v] = NAME(pick)(best[v] == nothing - (E)INFINITY, nothing, best[v]);
        NAME(store)(tile->value + at + c + v * LANES, best[v], count);
        if (coded) NAME(store_choice)(tile, at + c + v * LANES, code[v], count < LANES ? count : LANES);
    }
}

static inline void NAME(sampled_bins)(const Problem *a, const Bins *bins, const NAME(View) * view,
                                      const NAME(Tile) * tile, int coded)
{
    int64_t at = 0;
    for (int64_t p = 0; p < a->p; p++) {
        for (int64_t q = 0; q < a->q; q++, at += tile->step) {
            int64_t c = 0;
            for (; c + 4 * LANES <= tile->channels; c += 4 * LANES) {
                NAME(sampled_bin)(a, bins, view, p, q, tile, at, c, 4, LANES, coded);
            }
            for (; c < tile->channels; c += LANES) {
                NAME(sampled_bin)(a, bins, view, p, q, tile, at, c, 1, tile->channels - c, coded);
            }
        }
    }
}

static inline void NAME(pooled_bin)(const Bins *bins, const NAME(View) * view, const int32_t *y, const int32_t *x,
                                    int64_t p, int64_t q, const Problem *a, const NAME(Tile) * tile, int64_t at)
{
    int32_t top = y[p], bottom = y[a->p + p], left = x[q], right = x[a->q + q];
    int empty = top >= bottom || left >= right;
    int64_t width = bins->level->width;
    for (int64_t c = 0; c < tile->channels; c += LANES) {
        int64_t count = tile->channels - c;
        V best = {0};
        I code = NAME(all)(-1);
        if (!empty) {
            const E *start = view->base + top * view->row_step + left * view->column_step + c;
            best = NAME(load)(start, count);
            code = NAME(all)(top * width + left);
            for (int32_t i = top; i < bottom; i++, start += view->row_step) {
                const E *pixel = start;
                if (!tile->choice) {
                    for (int32_t j = left; j < right; j++, pixel += view->column_step) {
                        V value = NAME(load)(pixel, count);
                        best = NAME(pick)(value > best, value, best);
                    }
                    continue;
                }
                for (int32_t j = left; j < right; j++, pixel += view->column_step) {
                    V value = NAME(load)(pixel, count);
                    I better = value > best;
                    best = NAME(pick)(better, value, best);
                    code = (better & (NAME(all)(i * width + j))) | (~better & code);
                }
            }
        }
        NAME(store)(tile->value + at + c, best, count);
        NAME(store_choice)(tile, at + c, code, count < LANES ? count : LANES);
    }
}

static void NAME(maximum)(const Problem *a, Bins *bins, const NAME(View) * view, const NAME(Tile) * tile)
{
    if (a->mode == MAX || a->mode == ONNX_MAX) {
        if (tile->choice) NAME(sampled_bins)(a, bins, view, tile, 1);
        else NAME(sampled_bins)(a, bins, view, tile, 0);
        return;
    }
    int64_t at = 0;
    for (int64_t p = 0; p < a->p; p++) {
        for (int64_t q = 0; q < a->q; q++, at += tile->step) {
            NAME(pooled_bin)(bins, view, bins->edge[0], bins->edge[1], p, q, a, tile, at);
        }
    }
}
