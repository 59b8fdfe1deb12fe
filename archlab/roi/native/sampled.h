/* The largest sample, or weighted corner, of each bin over rows of channels in elements E, and which it is. */

/* One sample: the offsets of its four pixels and their weights; outside, the map is 0 and no choice names it. */
typedef struct {
    int64_t offset[4];
    E weight[4];
    int64_t code;
    Kind kind;
} NAME(Reading);
_Static_assert(sizeof(NAME(Reading)) <= READING_BYTES, "room for a reading");

/* List the samples of bin (p, q); their number. */
static inline int64_t NAME(list_samples)(const Bins *bins, const NAME(View) * view, int64_t p, int64_t q,
                                         NAME(Reading) * out)
{
    const Line *y = &bins->line[0], *x = &bins->line[1];
    int64_t n = 0;
    for (int64_t sy = 0; sy < y->listed; sy++) {
        const Sample *row = &bins->sample[0][p * y->listed + sy];
        for (int64_t sx = 0; sx < x->listed; sx++, n++) {
            const Sample *column = &bins->sample[1][q * x->listed + sx];
            NAME(Reading) *at = &out[n];
            at->kind = OUTSIDE;
            if (!row->inside || !column->inside) continue;
            int64_t low = row->low * view->row_step, high = row->high * view->row_step;
            int64_t left = column->low * view->column_step, right = column->high * view->column_step;
            E fy = (E)row->frac, fx = (E)column->frac;
            *at = (NAME(Reading)){{low + left, low + right, high + left, high + right},
                                  {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx},
                                  sy * x->most + sx, WHOLE};
            for (int i = 0; i < 4; i++) at->kind = at->weight[i] != 0 ? at->kind : PARTLY;
        }
    }
    return n;
}

/* The ``vectors`` vectors of one bin of MAX or ONNX_MAX from a channel on, the last of ``count`` channels.
 *
 * A sample outside counts as 0, and its choice is -1; so is that of a bin without samples. */
static inline void NAME(sampled_vectors)(const NAME(Reading) * sample, int64_t samples, const E *map, int64_t mode,
                                         E least, int vectors, int64_t count, int coded, V *best, I *code)
{
    const V nothing = {0};
    for (int v = 0; v < vectors; v++) {
        best[v] = nothing + least;
        code[v] = NAME(all)(-1);
    }
    for (const NAME(Reading) *at = sample; at < sample + samples; at++) {
        if (at->kind == OUTSIDE) {
            for (int v = 0; v < vectors; v++) NAME(keep)(nothing, -1, coded, &best[v], &code[v]);
            continue;
        }
        int whole = at->kind == WHOLE && count >= LANES;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            V value[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const E *pixel = map + at->offset[i] + v * LANES;
                value[i] = nothing;
                if (whole) value[i] = *(const V *)pixel * at->weight[i];
                else if (at->weight[i] != 0) value[i] = NAME(load)(pixel, count) * at->weight[i];
            }
            if (mode == MAX) {
                V sum = ((value[0] + value[1]) + value[2]) + value[3];
                NAME(keep)(sum, at->code, coded, &best[v], &code[v]);
            } else {
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) NAME(keep)(value[i], at->code * 4 + i, coded, &best[v], &code[v]);
            }
        }
    }
}

static inline void NAME(sampled_bins)(const Problem *a, const Bins *bins, const NAME(View) * view,
                                      const NAME(Tile) * tile, int64_t mode, int coded)
{
    const Line *y = &bins->line[0], *x = &bins->line[1];
    const E least = y->grid <= y->most && x->grid <= x->most ? -(E)INFINITY : 0;
    const V nothing = {0};
    NAME(Reading) *sample = bins->reading;
    int64_t at = 0;
    for (int64_t b = 0; b < a->p * a->q; b++, at += tile->step) {
        int64_t samples = NAME(list_samples)(bins, view, b / a->q, b % a->q, sample);
        for (int64_t c = 0; c < tile->channels;) {
            V best[4];
            I code[4];
            int64_t left = tile->channels - c, count = left < LANES ? left : LANES;
            int vectors = left >= 4 * LANES ? 4 : 1;
            const E *map = view->base + c;
            if (vectors == 4) NAME(sampled_vectors)(sample, samples, map, mode, least, 4, LANES, coded, best, code);
            else NAME(sampled_vectors)(sample, samples, map, mode, least, 1, count, coded, best, code);
            for (int v = 0; v < vectors; v++, c += LANES) {
                best[v] = NAME(pick)(best[v] == nothing - (E)INFINITY, nothing, best[v]);
                NAME(store)(tile->value + at + c, best[v], count);
                if (coded) NAME(store_choice)(tile, at + c, code[v], count);
            }
        }
    }
}
