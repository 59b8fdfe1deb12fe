/* Bins along one axis: bilinear samples, the pixels that they weigh, and the edges of pooled bins.
 *
 * Positions are computed in the coordinates' own precision and in torchvision's order, without fused operations, so that
 * every build and the tensor code agree to the last bit. */

typedef struct {
    double start, size, step, grid;
    int64_t listed; /* samples of a bin that are looked at */
    int64_t most;
    int bins, narrow;
    int64_t length;
} Line;

typedef struct {
    int32_t low, high;
    double frac;
    int inside;
} Sample;

static Line make_line(const Problem *a, double lo, double hi, double scale, int64_t bins, int64_t length)
{
    Line line = {.bins = (int)bins, .narrow = !a->wide_boxes, .length = length};
    if (line.narrow) {
        float offset = a->aligned ? 0.5f : 0.0f, s = (float)scale;
        float start = (float)lo * s - offset;
        float size = (float)hi * s - offset - start;
        if (!a->aligned && size < 1.0f) size = 1.0f;
        line.start = start;
        line.size = size;
        line.step = size / (float)bins;
    } else {
        double offset = a->aligned ? 0.5 : 0.0;
        line.start = lo * scale - offset;
        line.size = hi * scale - offset - line.start;
        if (!a->aligned && line.size < 1.0) line.size = 1.0;
        line.step = line.size / (double)bins;
    }
    double grid = a->sampling > 0 ? (double)a->sampling : ceil(line.step);
    line.most = a->sampling > 0 ? a->sampling : 2 * length + 8;
    line.listed = grid > 0 ? (grid < line.most ? (int64_t)grid : line.most) : 0;
    line.grid = grid > 1 ? grid : 1;
    return line;
}

/* Samples before the window of those that can lie inside the map: 0 unless the grid is larger than the window. */
static double skipped(const Line *line, int p)
{
    if (!(line->grid > line->most)) return 0;
    double before;
    if (line->narrow) {
        float step = line->step, start = line->start, grid = line->grid;
        before = floorf((-1.0f - start - (float)p * step) * grid / step - 0.5f) - 1.0f;
    } else {
        before = floor((-1.0 - line->start - p * line->step) * line->grid / line->step - 0.5) - 1.0;
    }
    double limit = line->grid - line->most;
    return before < 0 ? 0 : before > limit ? limit : before;
}

static inline Sample sample_at(const Line *line, int p, double s)
{
    double at;
    if (line->narrow) {
        float step = line->step;
        at = ((float)line->start + (float)p * step) + ((float)s + 0.5f) * step / (float)line->grid;
    } else {
        at = (line->start + p * line->step) + (s + 0.5) * line->step / line->grid;
    }
    double last = (double)(line->length - 1);
    Sample found = {.inside = at >= -1 && at <= (double)line->length};
    at = at < 0 ? 0 : at > (double)line->length ? (double)line->length : at;
    double low = floor(at);
    if (low >= last) {
        found.low = found.high = (int32_t)last;
        return found;
    }
    found.low = (int32_t)low;
    found.high = found.low + 1;
    found.frac = at - low;
    return found;
}

/* The pixels of every bin and their weights. */
typedef struct {
    int32_t *pixel;
    double *weight;
    int32_t *begin; /* (bins + 1,) */
    int64_t room;
    int32_t first, last; /* of all pixels; first > last: none */
    int most;            /* in a bin */
    int least;
} Taps;

static void add_tap(Taps *taps, int32_t from, int32_t *count, int32_t pixel, double weight)
{
    for (int32_t i = *count - 1; i >= from && i >= *count - 2; i--) {
        if (taps->pixel[i] == pixel) {
            taps->weight[i] += weight;
            return;
        }
    }
    taps->pixel[*count] = pixel;
    taps->weight[*count] = weight;
    ++*count;
}

/* The most taps that weigh_bins can write for a line. */
static int64_t taps_needed(const Line *line)
{
    return line->bins * 2 * (line->listed > 0 ? line->listed : 1);
}

/* Weigh the samples of all bins, those of one pixel as one; a pixel without weight is left out. */
static void weigh_bins(const Line *line, Taps *taps)
{
    int32_t count = 0;
    taps->first = INT32_MAX;
    taps->last = -1;
    taps->most = 0;
    taps->least = INT32_MAX;
    for (int p = 0; p < line->bins; p++) {
        int32_t from = count;
        taps->begin[p] = from;
        double before = skipped(line, p);
        for (int64_t s = 0; s < line->listed; s++) {
            Sample at = sample_at(line, p, before + (double)s);
            if (!at.inside) continue;
            if (at.frac != 1) add_tap(taps, from, &count, at.low, (1 - at.frac) / line->grid);
            if (at.frac != 0) add_tap(taps, from, &count, at.high, at.frac / line->grid);
        }
        for (int32_t i = from; i < count; i++) {
            if (taps->pixel[i] < taps->first) taps->first = taps->pixel[i];
            if (taps->pixel[i] > taps->last) taps->last = taps->pixel[i];
        }
        if (count - from > taps->most) taps->most = count - from;
        if (count - from < taps->least) taps->least = count - from;
    }
    taps->begin[line->bins] = count;
}

static void reserve_taps(Taps *taps, int64_t needed, int64_t bins)
{
    if (!taps->begin) taps->begin = must_malloc((bins + 1) * sizeof *taps->begin);
    if (needed <= taps->room) return;
    free(taps->pixel);
    free(taps->weight);
    taps->room = needed;
    taps->pixel = must_malloc(needed * sizeof *taps->pixel);
    taps->weight = must_malloc(needed * sizeof *taps->weight);
}

static void free_taps(Taps *taps)
{
    free(taps->pixel);
    free(taps->weight);
    free(taps->begin);
}

/* Where the bins of RoI pooling begin and end, clipped to the map; an end at or before its beginning: no pixels. */
static void pool_edges(const Problem *a, double lo, double hi, double scale, int64_t bins, int64_t length,
                       int32_t *begin, int32_t *end)
{
    double from, to;
    if (a->wide_boxes) {
        from = round(lo * scale);
        to = round(hi * scale);
    } else {
        from = roundf((float)lo * (float)scale);
        to = roundf((float)hi * (float)scale);
    }
    for (int64_t p = 0; p < bins; p++) {
        double b, e;
        if (a->mode == CAFFE && a->wide_boxes) {
            double step = (to - from + 1 > 1 ? to - from + 1 : 1) / (double)bins;
            b = floor(p * step);
            e = ceil((p + 1) * step);
        } else if (a->mode == CAFFE) {
            float size = (float)to - (float)from + 1.0f, step = (size > 1 ? size : 1.0f) / (float)bins;
            b = floorf((float)p * step);
            e = ceilf((float)(p + 1) * step);
        } else {
            double size = to > from ? to - from : 0, step = floor(size / (double)bins);
            b = p * step;
            e = p == bins - 1 ? size : (p + 1) * step;
        }
        b += from;
        e += from;
        begin[p] = (int32_t)(b < 0 ? 0 : b > (double)length ? (double)length : b);
        end[p] = (int32_t)(e < 0 ? 0 : e > (double)length ? (double)length : e);
    }
}
