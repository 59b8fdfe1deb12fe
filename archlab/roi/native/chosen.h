/* The linear operator that fixed choices leave, and its transpose, in elements E: each output has up to 4 pixels.
 *
 * Channels choose differently, so that there are no rows to work on: maps and bins of any layout are read in place. */

typedef struct {
    const Problem *problem;
    const Bins *bins;
    E *image; /* of the first of the channels */
    E *value;
    const int32_t *choice;
    int64_t bin_step, channel_step, channels;
    int spread;
} NAME(Choices);

/* Read pixels into an output, or spread its gradient over them. */
static inline void NAME(move)(int spread, E *map, const int64_t *offset, const E *weight, int taps, E *value)
{
    E sum = 0;
    for (int t = 0; t < taps; t++) {
        if (spread) map[offset[t]] += *value * weight[t];
        else sum += map[offset[t]] * weight[t];
    }
    if (!spread) *value = sum;
}

/* The pixels and weights that a choice of bin (p, q) stands for; their number. A choice of none has none. */
static inline int NAME(decode)(const Problem *a, const Bins *bins, int64_t b, int32_t code, int64_t offset[4],
                               E weight[4])
{
    const Level *level = bins->level;
    if (code < 0) return 0;
    if (a->mode == CAFFE || a->mode == PARTITION) {
        if (code >= level->height * level->width) return 0;
        weight[0] = 1;
        offset[0] = code / level->width * level->row_step + code % level->width * level->column_step;
        return 1;
    }
    const Line *y = &bins->line[0], *x = &bins->line[1];
    int32_t sample = a->mode == ONNX_MAX ? code / 4 : code, columns = (int32_t)x->most;
    if (sample / columns >= y->listed || sample % columns >= x->listed) return 0;
    const Sample *v = &bins->sample[0][b / a->q * y->listed + sample / columns];
    const Sample *h = &bins->sample[1][b % a->q * x->listed + sample % columns];
    if (!v->inside || !h->inside) return 0;
    int64_t row[2] = {v->low * level->row_step, v->high * level->row_step};
    int64_t column[2] = {h->low * level->column_step, h->high * level->column_step};
    E fy[2] = {1 - (E)v->frac, (E)v->frac}, fx[2] = {1 - (E)h->frac, (E)h->frac};
    int count = 0;
    for (int i = 0; i < 4; i++) {
        E w = fy[i / 2] * fx[i % 2];
        if (w == 0 || (a->mode == ONNX_MAX && i != code % 4)) continue;
        offset[count] = row[i / 2] + column[i % 2];
        weight[count++] = w;
    }
    return count;
}

static inline void NAME(move_choice)(const NAME(Choices) * all, int64_t b, int64_t c)
{
    int64_t at = b * all->bin_step + c * all->channel_step, offset[4];
    E weight[4], *map = all->image + c * all->bins->level->channel_step;
    int taps = NAME(decode)(all->problem, all->bins, b, all->choice[at], offset, weight);
    if (taps == 1 && weight[0] == 1) {
        if (all->spread) map[offset[0]] += all->value[at];
        else all->value[at] = map[offset[0]];
        return;
    }
    NAME(move)(all->spread, map, offset, weight, taps, all->value + at);
}

/* RoI pooling on a map without gaps, where a choice is as good as an offset. */
static void NAME(move_pixels)(const NAME(Choices) * all)
{
    const Level *level = all->bins->level;
    int64_t bins = all->problem->p * all->problem->q, step = level->column_step;
    uint32_t pixels = (uint32_t)(level->height * level->width);
    int by_channel = all->channel_step != 1;
    int64_t outer = by_channel ? all->channels : bins, inner = by_channel ? bins : all->channels;
    int64_t at_outer = by_channel ? all->channel_step : all->bin_step, at_inner = by_channel ? all->bin_step : 1;
    int64_t map_outer = by_channel ? level->channel_step : 0, map_inner = by_channel ? 0 : level->channel_step;
    for (int64_t i = 0; i < outer; i++) {
        const int32_t *choice = all->choice + i * at_outer;
        E *value = all->value + i * at_outer, *map = all->image + i * map_outer;
        for (int64_t j = 0; j < inner; j++, map += map_inner) {
            uint32_t code = (uint32_t)choice[j * at_inner];
            if (all->spread) {
                if (code < pixels) map[code * step] += value[j * at_inner];
            } else {
                value[j * at_inner] = code < pixels ? map[code * step] : 0;
            }
        }
    }
}

/* In the order in which memory lies; for one pixel the order of the sums is that of the RoIs either way. */
static void NAME(move_choices)(const NAME(Choices) * all)
{
    const Problem *a = all->problem;
    const Level *level = all->bins->level;
    int64_t bins = a->p * a->q;
    if ((a->mode == CAFFE || a->mode == PARTITION) && level->row_step == level->width * level->column_step) {
        NAME(move_pixels)(all);
        return;
    }
    if (all->channel_step == 1) {
        for (int64_t b = 0; b < bins; b++) {
            for (int64_t c = 0; c < all->channels; c++) NAME(move_choice)(all, b, c);
        }
        return;
    }
    for (int64_t c = 0; c < all->channels; c++) {
        for (int64_t b = 0; b < bins; b++) NAME(move_choice)(all, b, c);
    }
}

static void NAME(run_choices)(const void *job, int64_t begin, int64_t end, int spread)
{
    const Problem *a = job;
    int64_t count = a->p * a->q, size = count * a->channels;
    double largest = largest_scale(a);
    /* Threads share the RoIs; or the channels, where they write to the maps. */
    int64_t from = spread ? 0 : begin, to = spread ? a->rois : end;
    int64_t channel = spread ? begin : 0, channels = spread ? end - begin : a->channels;
    int64_t bin_step = a->rows ? a->channels : 1, channel_step = a->rows ? 1 : count;
    Bins bins = {0};
    for (int64_t k = from; k < to; k++) {
        int64_t at = k * size + channel * channel_step;
        if (!prepare(a, &bins, k, largest)) {
            if (!spread) memset((E *)a->pooled + at, 0, size * sizeof(E));
            continue;
        }
        const Level *level = bins.level;
        E *image = (E *)level->data + bins.box.image * level->image_step + channel * level->channel_step;
        NAME(Choices) all = {a, &bins, image, (E *)a->pooled + at, a->choice + at, bin_step, channel_step, channels, spread};
        NAME(move_choices)(&all);
    }
    free_bins(&bins);
}

static void NAME(read_choices)(const void *job, int64_t begin, int64_t end)
{
    NAME(run_choices)(job, begin, end, 0);
}

static void NAME(spread_choices)(const void *job, int64_t begin, int64_t end)
{
    NAME(run_choices)(job, begin, end, 1);
}
