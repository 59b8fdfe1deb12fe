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

/* One bin of MAX or ONNX_MAX: a sample outside counts as 0, whose choice is -1; so is that of a bin without samples. */
static inline void NAME(sampled_bin)(const Problem *a, const Bins *bins, const NAME(View) * view, int64_t p, int64_t q,
                                     const NAME(Tile) * tile, int64_t at)
{
    const Line *y = &bins->line[0], *x = &bins->line[1];
    int complete = y->grid <= y->most && x->grid <= x->most;
    const V nothing = {0};
    for (int64_t c = 0; c < tile->channels; c += LANES) {
        int64_t count = tile->channels - c;
        V best = nothing + (complete ? -(E)INFINITY : 0);
        I code = NAME(all)(-1);
        for (int64_t sy = 0; sy < y->listed; sy++) {
            const Sample *v = &bins->sample[0][p * y->listed + sy];
            for (int64_t sx = 0; sx < x->listed; sx++) {
                const Sample *h = &bins->sample[1][q * x->listed + sx];
                int inside = v->inside && h->inside;
                int64_t sample = inside ? sy * x->most + sx : -1;
                if (!inside) {
                    I better = nothing > best;
                    best = NAME(pick)(better, nothing, best);
                    code = (better & (NAME(all)(-1))) | (~better & code);
                    continue;
                }
                const E *low = view->base + v->low * view->row_step + c, *high = low + (v->high - v->low) * view->row_step;
                int64_t left = h->low * view->column_step, right = h->high * view->column_step;
                E fy = (E)v->frac, fx = (E)h->frac;
                E w[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
                const E *corner[4] = {low + left, low + right, high + left, high + right};
                V value[4];
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) {
                    /* A pixel of weight 0 is not read: 0 times infinity is not 0. */
                    value[i] = nothing;
                    if (w[i] != 0) value[i] = NAME(load)(corner[i], count) * w[i];
                }
                if (a->mode == MAX) {
                    V sum = ((value[0] + value[1]) + value[2]) + value[3];
                    I better = sum > best;
                    best = NAME(pick)(better, sum, best);
                    code = (better & (NAME(all)(sample))) | (~better & code);
                    continue;
                }
                for (int i = 0; i < 4; i++) {
                    I better = value[i] > best;
                    best = NAME(pick)(better, value[i], best);
                    code = (better & (NAME(all)(sample * 4 + i))) | (~better & code);
                }
            }
        }
        best = NAME(pick)(best == nothing - (E)INFINITY, nothing, best);
        NAME(store)(tile->value + at + c, best, count);
        NAME(store_choice)(tile, at + c, code, count < LANES ? count : LANES);
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
    int64_t at = 0;
    for (int64_t p = 0; p < a->p; p++) {
        for (int64_t q = 0; q < a->q; q++, at += tile->step) {
            if (a->mode == MAX || a->mode == ONNX_MAX) NAME(sampled_bin)(a, bins, view, p, q, tile, at);
            else NAME(pooled_bin)(bins, view, bins->edge[0], bins->edge[1], p, q, a, tile, at);
        }
    }
}
