/* Runs a kernel over all RoIs, in elements E, whatever the layout.
 *
 * Kernels read rows of channels. Maps of that layout they read in place. Of planes (NCHW), the region that is read is
 * transposed into rows, a block of channels at a time: the region of all RoIs of an image at once where they overlap so much
 * that this is less, else of each RoI, and then only the rows of pixels that it needs. */

typedef void (*NAME(Kernel))(const Problem *, Bins *, const NAME(View) *, const NAME(Tile) *);

typedef struct {
    const Problem *problem;
    NAME(Kernel) kernel;
    int writes_map;   /* a transpose: the maps are written, and ``pooled`` is read */
    double largest;
    Order order;
} NAME(Work);

/* The pixels of one image that are transposed together. */
typedef struct {
    int64_t top, left, height, width;
    int64_t block;      /* channels of a row */
    const char *needed; /* rows of pixels; null: all */
} NAME(Region);

static void NAME(leave_empty)(const Problem *a, int64_t k)
{
    int64_t size = a->p * a->q * a->channels;
    memset((E *)a->pooled + k * size, 0, size * sizeof(E));
    if (a->choice) memset(a->choice + k * size, 0xff, size * sizeof(int32_t));
}

static void NAME(run_rows)(const void *job, int64_t begin, int64_t end)
{
    const NAME(Work) *work = job;
    const Problem *a = work->problem;
    int64_t size = a->p * a->q * a->channels;
    /* Threads share the RoIs; or the channels, where they write to the maps. */
    int64_t from = work->writes_map ? 0 : begin, to = work->writes_map ? work->order.begin[work->order.groups] : end;
    int64_t channel = work->writes_map ? begin : 0, channels = work->writes_map ? end - begin : a->channels;
    Bins bins = {0};
    for (int64_t i = from; i < to; i++) {
        int64_t k = work->order.member[i];
        if (!prepare(a, &bins, k, work->largest)) {
            if (!work->writes_map) NAME(leave_empty)(a, k);
            continue;
        }
        const Level *level = bins.level;
        NAME(View) view = {(E *)level->data + bins.box.image * level->image_step + channel, level->row_step,
                           level->column_step};
        NAME(Tile) tile = {(E *)a->pooled + k * size + channel, a->choice ? a->choice + k * size + channel : NULL,
                           a->channels, channels};
        work->kernel(a, &bins, &view, &tile);
    }
    free_bins(&bins);
}

/* Transpose the planes of a region into rows of a block of channels, or back. */
static void NAME(turn)(const NAME(Region) * region, const Level *level, E *planes, E *rows, int64_t channels, int back)
{
    int64_t lines = region->height, pixels = region->width;
    if (!region->needed && region->width == level->row_step) {
        pixels *= lines; /* whole rows that lie one after the other are one long row */
        lines = 1;
    }
    for (int64_t y = 0; y < lines; y++) {
        if (region->needed && !region->needed[y]) continue;
        E *plane = planes + (region->top + y) * level->row_step + region->left, *row = rows + y * region->width * region->block;
        if (back) NAME(transpose)(row, region->block, plane, level->channel_step, pixels, channels);
        else NAME(transpose)(plane, level->channel_step, row, region->block, channels, pixels);
    }
}

/* Run the kernel on one RoI whose region lies in ``rows``, with its bins turned into rows and back. */
static void NAME(run_turned)(const NAME(Work) * work, Bins *bins, int64_t k, const NAME(Region) * region, E *rows,
                             int64_t channel, int64_t channels, E *value, int32_t *choice)
{
    const Problem *a = work->problem;
    int64_t count = a->p * a->q, at = (k * a->channels + channel) * count, block = region->block;
    NAME(View) view = {rows - (region->top * region->width + region->left) * block, region->width * block, block};
    NAME(Tile) tile = {value, a->choice ? choice : NULL, block, channels};
    E *pooled = (E *)a->pooled + at;
    if (work->writes_map) NAME(transpose)(pooled, count, value, block, channels, count);
    work->kernel(a, bins, &view, &tile);
    if (work->writes_map) return;
    NAME(transpose)(value, block, pooled, count, count, channels);
    if (a->choice) transpose_float((float *)choice, block, (float *)(a->choice + at), count, count, channels);
}

static E *NAME(room_for)(E *rows, int64_t *room, const NAME(Region) * region)
{
    int64_t needed = region->height * region->width * region->block + LANES;
    if (needed <= *room) return rows;
    free(rows);
    *room = needed;
    return must_align(needed * sizeof(E));
}

/* Channels that are turned at once: the more, the fewer times the taps are listed, as long as the rows stay near. */
static int64_t NAME(block_for)(const NAME(Region) * region, int64_t channels)
{
    int64_t pixels = region->height * region->width, fit = ROWS_BYTES / (int64_t)sizeof(E) / (pixels ? pixels : 1);
    int64_t most = fit / BLOCK * BLOCK;
    most = most < BLOCK ? BLOCK : most > MOST_BLOCK ? MOST_BLOCK : most;
    int64_t all = (channels + LANES - 1) / LANES * LANES;
    return all < most ? all : most;
}

/* The region of one RoI, widened to a whole vector where the map is that wide: shorter rows turn slowly. */
static NAME(Region) NAME(own_region)(const Bins *bins)
{
    NAME(Region) region = {.top = bins->first[0], .left = bins->first[1]};
    region.height = bins->last[0] - bins->first[0] + 1;
    region.width = bins->last[1] - bins->first[1] + 1;
    if (region.height <= 0 || region.width <= 0) return (NAME(Region)){0};
    if (region.width < LANES && bins->level->width >= LANES) {
        int64_t most = bins->level->width - LANES;
        region.left = region.left < most ? region.left : most;
        region.width = LANES;
    }
    return region;
}

static void NAME(run_planes)(const void *job, int64_t begin, int64_t end)
{
    const NAME(Work) *work = job;
    const Problem *a = work->problem;
    int64_t room = 0, count = a->p * a->q;
    E *rows = NULL, *value = must_align((count * MOST_BLOCK + LANES) * sizeof *value);
    int32_t *choice = a->choice ? must_align((count * MOST_BLOCK + LANES) * sizeof *choice) : NULL;
    Bins bins = {0};
    const Order *order = &work->order;
    for (int64_t g = 0; g < order->groups; g++) {
        const Level *level = &a->level[g / a->images];
        E *image = (E *)level->data + g % a->images * level->image_step;
        const int64_t *first = order->member + order->begin[g], *last = order->member + order->begin[g + 1];
        NAME(Region) all = {.top = level->height, .left = level->width};
        int64_t apart = 0;
        for (const int64_t *k = first; k < last && last - first > 1; k++) {
            prepare(a, &bins, *k, work->largest);
            mark_rows(a, &bins);
            NAME(Region) own = NAME(own_region)(&bins);
            if (!own.width) continue;
            apart += bins.needed_count * own.width;
            int64_t bottom = all.top + all.height, right = all.left + all.width;
            all.top = own.top < all.top ? own.top : all.top;
            all.left = own.left < all.left ? own.left : all.left;
            all.height = (own.top + own.height > bottom || !all.width ? own.top + own.height : bottom) - all.top;
            all.width = (own.left + own.width > right || !all.width ? own.left + own.width : right) - all.left;
        }
        if (apart > all.height * all.width) {
            all.block = NAME(block_for)(&all, end - begin);
            rows = NAME(room_for)(rows, &room, &all);
            for (int64_t c = begin; c < end; c += all.block) {
                int64_t channels = c + all.block < end ? all.block : end - c;
                if (work->writes_map) memset(rows, 0, all.height * all.width * all.block * sizeof *rows);
                else NAME(turn)(&all, level, image + c * level->channel_step, rows, channels, 0);
                for (const int64_t *k = first; k < last; k++) {
                    prepare(a, &bins, *k, work->largest);
                    NAME(run_turned)(work, &bins, *k, &all, rows, c, channels, value, choice);
                }
                if (work->writes_map) NAME(turn)(&all, level, image + c * level->channel_step, rows, channels, 1);
            }
            continue;
        }
        for (const int64_t *k = first; k < last; k++) {
            prepare(a, &bins, *k, work->largest);
            mark_rows(a, &bins);
            NAME(Region) own = NAME(own_region)(&bins);
            own.needed = bins.needed;
            own.block = NAME(block_for)(&own, end - begin);
            rows = NAME(room_for)(rows, &room, &own);
            for (int64_t c = begin; c < end; c += own.block) {
                int64_t channels = c + own.block < end ? own.block : end - c;
                E *planes = image + c * level->channel_step;
                NAME(turn)(&own, level, planes, rows, channels, 0);
                NAME(run_turned)(work, &bins, *k, &own, rows, c, channels, value, choice);
                if (work->writes_map) NAME(turn)(&own, level, planes, rows, channels, 1);
            }
        }
    }
    free_bins(&bins);
    free(rows);
    free(value);
    free(choice);
}

static void NAME(run)(const Problem *a, NAME(Kernel) kernel, int writes_map)
{
    NAME(Work) work = {.problem = a, .kernel = kernel, .writes_map = writes_map};
    work.largest = largest_scale(a);
    work.order = make_order(a, work.largest);
    if (a->rows) {
        in_parts(NAME(run_rows), &work, writes_map ? a->channels : a->rois, a->threads, writes_map ? 4 * LANES : 1);
    } else {
        for (int64_t i = work.order.begin[work.order.groups]; i < a->rois && !writes_map; i++) {
            NAME(leave_empty)(a, work.order.member[i]);
        }
        in_parts(NAME(run_planes), &work, a->channels, a->threads, BLOCK);
    }
    free_order(&work.order);
}
