/* What a box reads along both axes, whatever the elements: taps, samples or pooled edges, and the region of them all. */

/* The taps of one bin: offsets from the map's first pixel, and weights in its elements. */
typedef struct {
    int64_t *offset;
    void *weight;
    int64_t count, room;
} List;

/* A sample of one bin takes this at most, whatever the elements. */
enum { READING_BYTES = 96 };

/* PARTLY: some pixel of the sample has weight 0, and is not read, as 0 times infinity is not 0. */
typedef enum { OUTSIDE, WHOLE, PARTLY } Kind;

typedef struct {
    Box box;
    const Level *level;
    Line line[2];        /* y, x */
    Taps taps[2];        /* AVG */
    Sample *sample[2];   /* MAX, ONNX_MAX: (bins, listed) */
    int64_t samples[2];  /* the room for them */
    void *reading;       /* MAX, ONNX_MAX: the samples of one bin */
    int64_t readings;    /* the room for them */
    int32_t *edge[2];    /* CAFFE, PARTITION: the beginnings of all bins, then their ends */
    int64_t first[2], last[2]; /* the region; empty where first > last */
    List list[2];        /* the taps of one bin, and of the next */
    char *needed;        /* which rows of the region are read */
    int64_t needed_room;
    int64_t needed_count;
} Bins;

static void free_bins(Bins *bins)
{
    for (int axis = 0; axis < 2; axis++) {
        free_taps(&bins->taps[axis]);
        free(bins->sample[axis]);
        free(bins->edge[axis]);
    }
    for (int i = 0; i < 2; i++) {
        free(bins->list[i].offset);
        free(bins->list[i].weight);
    }
    free(bins->needed);
    free(bins->reading);
}

static void extend(Bins *bins, int axis, int64_t first, int64_t last)
{
    if (first < bins->first[axis]) bins->first[axis] = first;
    if (last > bins->last[axis]) bins->last[axis] = last;
}

static void place_samples(Bins *bins, int axis)
{
    const Line *line = &bins->line[axis];
    int64_t count = line->bins * line->listed;
    if (count > bins->samples[axis]) {
        free(bins->sample[axis]);
        bins->samples[axis] = count;
        bins->sample[axis] = must_malloc(count * sizeof(Sample));
    }
    Sample *at = bins->sample[axis];
    for (int p = 0; p < line->bins; p++) {
        double before = skipped(line, p);
        for (int64_t s = 0; s < line->listed; s++, at++) {
            *at = sample_at(line, p, before + (double)s);
            if (at->inside) extend(bins, axis, at->low, at->high);
        }
    }
}

static void mark_row(Bins *bins, int64_t row)
{
    char *mark = &bins->needed[row - bins->first[0]];
    bins->needed_count += !*mark;
    *mark = 1;
}

/* Mark the rows of the region that are read: of a large box with few samples not all are. */
static void mark_rows(const Problem *a, Bins *bins)
{
    int64_t height = bins->last[0] - bins->first[0] + 1;
    bins->needed_count = 0;
    if (height <= 0) return;
    if (height > bins->needed_room) {
        free(bins->needed);
        bins->needed = must_malloc(bins->needed_room = height);
    }
    if (a->mode == CAFFE || a->mode == PARTITION) {
        memset(bins->needed, 1, height);
        bins->needed_count = height;
        return;
    }
    memset(bins->needed, 0, height);
    if (a->mode == AVG) {
        for (int32_t i = 0; i < bins->taps[0].begin[a->p]; i++) mark_row(bins, bins->taps[0].pixel[i]);
        return;
    }
    for (int64_t i = 0; i < a->p * bins->line[0].listed; i++) {
        const Sample *at = &bins->sample[0][i];
        if (!at->inside) continue;
        mark_row(bins, at->low);
        mark_row(bins, at->high);
    }
}

/* Find what RoI k reads; false where it has no answer. */
static int prepare(const Problem *a, Bins *bins, int64_t k, double largest)
{
    bins->box = read_box(a, k, largest);
    if (bins->box.level < 0) return 0;
    bins->level = &a->level[bins->box.level];
    int64_t count[2] = {a->p, a->q}, length[2] = {bins->level->height, bins->level->width};
    double scale[2] = {bins->level->scale_y, bins->level->scale_x};
    for (int axis = 0; axis < 2; axis++) {
        double lo = bins->box.corner[1 - axis], hi = bins->box.corner[3 - axis];
        bins->first[axis] = INT32_MAX;
        bins->last[axis] = -1;
        if (a->mode == CAFFE || a->mode == PARTITION) {
            if (!bins->edge[axis]) bins->edge[axis] = must_malloc(2 * count[axis] * sizeof(int32_t));
            int32_t *begin = bins->edge[axis], *end = begin + count[axis];
            pool_edges(a, lo, hi, scale[axis], count[axis], length[axis], begin, end);
            for (int64_t b = 0; b < count[axis]; b++) {
                if (begin[b] < end[b]) extend(bins, axis, begin[b], end[b] - 1);
            }
            continue;
        }
        bins->line[axis] = make_line(a, lo, hi, scale[axis], count[axis], length[axis]);
        if (a->mode != AVG) {
            place_samples(bins, axis);
            continue;
        }
        Taps *taps = &bins->taps[axis];
        reserve_taps(taps, taps_needed(&bins->line[axis]), count[axis]);
        weigh_bins(&bins->line[axis], taps);
        extend(bins, axis, taps->first, taps->last);
    }
    if (a->mode == MAX || a->mode == ONNX_MAX) {
        int64_t needed = bins->line[0].listed * bins->line[1].listed;
        if (needed > bins->readings) {
            free(bins->reading);
            bins->readings = needed;
            bins->reading = must_malloc(needed * READING_BYTES);
        }
    }
    if (a->mode == AVG) {
        int64_t needed = (int64_t)bins->taps[0].most * bins->taps[1].most;
        for (List *list = bins->list; list < bins->list + 2; list++) {
            if (needed <= list->room) continue;
            free(list->offset);
            free(list->weight);
            list->room = needed;
            list->offset = must_malloc(needed * sizeof *list->offset);
            list->weight = must_malloc(needed * sizeof(double));
        }
    }
    return 1;
}
