/* What an RoI operator is asked to do, as Python packs it: 8-byte fields, no padding. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory, or the end of the process in so many words: a kernel cannot return an error. */
static void *must_have(void *memory)
{
    if (!memory) {
        fputs("archlab.roi: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static inline void *must_malloc(size_t size) { return must_have(malloc(size ? size : 1)); }
/* Memory whose rows of channels begin where cache lines do. */
static inline void *must_align(size_t size) { return must_have(aligned_alloc(64, (size + 64) / 64 * 64)); }
static inline void *must_calloc(size_t count, size_t size) { return must_have(calloc(count ? count : 1, size)); }

enum { AVG, MAX, ONNX_MAX, CAFFE, PARTITION };

typedef struct {
    char *data;
    int64_t image_step, channel_step, row_step, column_step; /* in elements */
    int64_t height, width;
    double scale_y, scale_x;
} Level;

typedef struct {
    char *boxes;       /* (K, 5) */
    int64_t *levels;   /* (K,), or null: all on level 0 */
    char *pooled;      /* (K, C, P, Q): the output, or its gradient */
    int32_t *choice;   /* (K, C, P, Q) in the layout of pooled, or null */
    int64_t rois, channels, images, p, q;
    int64_t sampling;  /* 0: adaptive */
    int64_t aligned, mode, level_count;
    int64_t wide;         /* elements are doubles, not floats */
    int64_t wide_boxes;   /* coordinates are doubles */
    int64_t rows;         /* pixels are rows of channels (channels_last), and so are the bins of pooled */
    int64_t threads;
    Level level[];
} Problem;

/* One box: where it is read, or level < 0 where it has no answer. */
typedef struct {
    int level;
    int64_t image;
    double corner[4]; /* x1, y1, x2, y2 in the units of the boxes */
} Box;

static inline double coordinate(const Problem *a, int64_t k, int i)
{
    return a->wide_boxes ? ((double *)a->boxes)[k * 5 + i] : (double)((float *)a->boxes)[k * 5 + i];
}

static double largest_scale(const Problem *a)
{
    double largest = 0;
    for (int64_t l = 0; l < a->level_count; l++) {
        largest = fmax(largest, fmax(a->level[l].scale_y, a->level[l].scale_x));
    }
    return largest;
}

/* A box has no answer: a coordinate that is NaN, infinite or beyond 2^24 pixels, an image or a level that is not there. */
static Box read_box(const Problem *a, int64_t k, double largest)
{
    Box box = {.level = -1};
    int64_t level = a->levels ? a->levels[k] : 0;
    if (level < 0 || level >= a->level_count) return box;
    double image = coordinate(a, k, 0);
    if (!(image > -1 && image < a->images)) return box;
    for (int i = 0; i < 4; i++) {
        double c = coordinate(a, k, i + 1);
        double pixels = a->wide_boxes ? fabs(c) * largest : (double)((float)fabs(c) * (float)largest);
        if (!(pixels <= 16777216.0)) return box;
        box.corner[i] = c;
    }
    if (a->level[level].height < 1 || a->level[level].width < 1) return box;
    box.image = (int64_t)image;
    box.level = (int)level;
    return box;
}

/* Work in equal parts on several threads; the parts share nothing that is written. */
typedef void (*Part)(const void *job, int64_t begin, int64_t end);

typedef struct {
    Part part;
    const void *job;
    int64_t begin, end;
} Share;

static void *run_share(void *raw)
{
    Share *share = raw;
    share->part(share->job, share->begin, share->end);
    return NULL;
}

static void in_parts(Part part, const void *job, int64_t count, int64_t threads, int64_t multiple)
{
    enum { MOST = 64 };
    pthread_t started[MOST];
    Share shares[MOST];
    int64_t units = (count + multiple - 1) / multiple;
    if (threads > MOST) threads = MOST;
    if (threads > units) threads = units;
    if (threads < 1) threads = 1;
    int alive[MOST] = {0};
    for (int64_t t = 0; t < threads; t++) {
        int64_t begin = units * t / threads * multiple, end = units * (t + 1) / threads * multiple;
        shares[t] = (Share){part, job, begin, end < count ? end : count};
        if (t) alive[t] = pthread_create(&started[t], NULL, run_share, &shares[t]) == 0;
    }
    run_share(&shares[0]);
    for (int64_t t = 1; t < threads; t++) {
        if (alive[t]) pthread_join(started[t], NULL);
        else run_share(&shares[t]);
    }
}
