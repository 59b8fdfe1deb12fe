/* The largest pixel of each bin of RoI pooling over rows of channels in elements E, and which it is; all maxima's kernel. */

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
                        best = NAME(larger)(NAME(load)(pixel, count), best);
                    }
                    continue;
                }
                for (int32_t j = left; j < right; j++, pixel += view->column_step) {
                    V value = NAME(load)(pixel, count);
                    I better = value > best;
                    best = NAME(pick)(better, value, best);
                    code = NAME(pick_code)(better, i * width + j, code);
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
        if (tile->choice) NAME(sampled_bins)(a, bins, view, tile, a->mode, 1);
        else if (a->mode == MAX) NAME(sampled_bins)(a, bins, view, tile, MAX, 0);
        else NAME(sampled_bins)(a, bins, view, tile, ONNX_MAX, 0);
        return;
    }
    int64_t at = 0;
    for (int64_t p = 0; p < a->p; p++) {
        for (int64_t q = 0; q < a->q; q++, at += tile->step) {
            NAME(pooled_bin)(bins, view, bins->edge[0], bins->edge[1], p, q, a, tile, at);
        }
    }
}
