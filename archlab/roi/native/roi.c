/* RoI align and RoI pooling for processors: plain C, called through Python's ctypes with one packed Problem. */
#include "problem.h"
#include "axis.h"
#include "bins.h"
#include "order.h"
#include "pages.h"

/* Channels of planes that are turned into rows at once, at least and at most, and the memory that they may take: less
 * than what malloc takes from the system each time. */
enum { BLOCK = 64, MOST_BLOCK = 256, ROWS_BYTES = 15 << 20 };


#if defined(__AVX512F__)
#include <immintrin.h>
#endif

typedef float VFloat __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t IFloat __attribute__((vector_size(64), aligned(4), may_alias));
typedef double VDouble __attribute__((vector_size(64), aligned(8), may_alias));
typedef int64_t IDouble __attribute__((vector_size(64), aligned(8), may_alias));

#define E float
#define V VFloat
#define I IFloat
#define INDEX int32_t
#define LANES 16
#define NAME(x) x##_float
#define INTERLEAVE_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_HIGH(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#if defined(__AVX512F__)
#define LARGER(a, b) _mm512_max_ps((__m512)(a), (__m512)(b))
#endif
#include "transpose.h"
#include "average.h"
#include "vectors.h"
#include "sampled.h"
#include "maxima.h"
#include "chosen.h"
#include "regions.h"
#undef E
#undef V
#undef I
#undef INDEX
#undef LANES
#undef NAME
#undef INTERLEAVE_LOW
#undef INTERLEAVE_HIGH
#undef LARGER

#define E double
#define V VDouble
#define I IDouble
#define INDEX int64_t
#define LANES 8
#define NAME(x) x##_double
#define INTERLEAVE_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define INTERLEAVE_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#if defined(__AVX512F__)
#define LARGER(a, b) _mm512_max_pd((__m512d)(a), (__m512d)(b))
#endif
#include "transpose.h"
#include "average.h"
#include "vectors.h"
#include "sampled.h"
#include "maxima.h"
#include "chosen.h"
#include "regions.h"

/* The output is about to be written for the first time. */
static void open_output(const Problem *a)
{
    int64_t count = a->rois * a->channels * a->p * a->q;
    prefer_large_pages(a->pooled, count * (a->wide ? sizeof(double) : sizeof(float)));
    prefer_large_pages(a->choice, count * sizeof(int32_t));
}

/* Pool the maps; a maximum also writes which sample or pixel it is, where ``choice`` is given. */
void roi_pooled(const Problem *a)
{
    open_output(a);
    if (a->wide) run_double(a, a->mode == AVG ? average_double : maximum_double, 0);
    else run_float(a, a->mode == AVG ? average_float : maximum_float, 0);
}

/* The values of the given choices. */
void roi_chosen(const Problem *a)
{
    open_output(a);
    in_parts(a->wide ? read_choices_double : read_choices_float, a, a->rois, a->threads, 1);
}

/* Add the gradients of ``pooled`` to the maps, which are zero. */
void roi_spread(const Problem *a)
{
    if (a->mode != AVG) in_parts(a->wide ? spread_choices_double : spread_choices_float, a, a->channels, a->threads, BLOCK);
    else if (a->wide) run_double(a, spread_average_double, 1);
    else run_float(a, spread_average_float, 1);
}
