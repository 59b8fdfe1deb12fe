/* The mean of the samples of each bin, and its transpose, over rows of channels in elements E.
 *
 * NAME(x) adds the type to a name; V is a vector of LANES elements that need not be aligned. */

/* A map whose pixels are rows of channels: where pixel (0, 0) of one image would lie, and steps in elements. */
typedef struct {
    E *base;
    int64_t row_step, column_step;
} NAME(View);

/* Bins of one RoI: rows of ``step`` elements, of which ``channels`` are worked on. */
typedef struct {
    E *value;
    int32_t *choice;
    int64_t step, channels;
} NAME(Tile);

/* Write the offsets and the weights of the taps of bin number ``b``. */
static inline void NAME(list_taps)(const Problem *a, Bins *bins, const NAME(View) * view, int64_t b)
{
    const Taps *y = &bins->taps[0], *x = &bins->taps[1];
    List *list = &bins->list[b % 2];
    int64_t p = b / a->q, q = b % a->q, n = 0;
    E *weight = list->weight;
    for (int32_t i = y->begin[p]; i < y->begin[p + 1]; i++) {
        int64_t row = y->pixel[i] * view->row_step;
        for (int32_t j = x->begin[q]; j < x->begin[q + 1]; j++, n++) {
            list->offset[n] = row + x->pixel[j] * view->column_step;
            weight[n] = (E)y->weight[i] * (E)x->weight[j];
        }
    }
    list->count = n;
}

/* out[c] = sum over taps of weight * row[c]; meanwhile the rows of the next bin are fetched. */
static inline void NAME(sum_rows)(const E *map, const List *list, const List *next, int64_t channels, E *out)
{
    const E *weight = list->weight;
    const int64_t *offset = list->offset;
    int64_t c = 0;
    for (; c + 4 * LANES <= channels; c += 4 * LANES) {
        V sum[4] = {{0}};
        for (int64_t t = 0; t < list->count; t++) {
            const E *row = map + offset[t] + c;
            E w = weight[t];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) sum[i] += *(const V *)(row + i * LANES) * w;
            if (t >= next->count) continue;
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) __builtin_prefetch(map + next->offset[t] + c + i * LANES);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) *(V *)(out + c + i * LANES) = sum[i];
    }
    for (; c + LANES <= channels; c += LANES) {
        V sum = {0};
        for (int64_t t = 0; t < list->count; t++) sum += *(const V *)(map + offset[t] + c) * weight[t];
        *(V *)(out + c) = sum;
    }
    for (; c < channels; c++) {
        E sum = 0;
        for (int64_t t = 0; t < list->count; t++) sum += map[offset[t] + c] * weight[t];
        out[c] = sum;
    }
}

static void NAME(average)(const Problem *a, Bins *bins, const NAME(View) * view, const NAME(Tile) * tile)
{
    E *out = tile->value;
    int64_t count = a->p * a->q;
    NAME(list_taps)(a, bins, view, 0);
    for (int64_t b = 0; b < count; b++, out += tile->step) {
        if (b + 1 < count) NAME(list_taps)(a, bins, view, b + 1);
        else bins->list[(b + 1) % 2].count = 0;
        NAME(sum_rows)(view->base, &bins->list[b % 2], &bins->list[(b + 1) % 2], tile->channels, out);
    }
}

/* row[c] += weight * grad[c] for each tap. */
static void NAME(spread_average)(const Problem *a, Bins *bins, const NAME(View) * view, const NAME(Tile) * tile)
{
    const E *grad = tile->value;
    int64_t count = a->p * a->q;
    NAME(list_taps)(a, bins, view, 0);
    for (int64_t b = 0; b < count; b++, grad += tile->step) {
        const List *list = &bins->list[b % 2], *next = &bins->list[(b + 1) % 2];
        if (b + 1 < count) NAME(list_taps)(a, bins, view, b + 1);
        else bins->list[(b + 1) % 2].count = 0;
        const E *weight = list->weight;
        for (int64_t t = 0; t < list->count; t++) {
            E *row = view->base + list->offset[t], w = weight[t];
            const E *soon = t < next->count ? view->base + next->offset[t] : row;
            int64_t c = 0;
            for (; c + LANES <= tile->channels; c += LANES) {
                *(V *)(row + c) += *(const V *)(grad + c) * w;
                __builtin_prefetch(soon + c, 1);
            }
            for (; c < tile->channels; c++) row[c] += grad[c] * w;
        }
    }
}
