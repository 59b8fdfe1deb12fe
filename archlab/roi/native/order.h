/* The order in which RoIs are worked on: map by map, and along a Morton curve within each, so that neighbours find each
 * other's pixels in the cache. Outputs keep their places; the sums of a transpose run in this order. */

typedef struct {
    int64_t *member; /* the RoIs with an answer, group by group */
    int64_t *begin;  /* (groups + 1,): where each group begins among them; a group is an image of a level */
    int64_t groups;
} Order;

typedef struct {
    uint64_t group, along;
    int64_t k;
} Place;

/* Spread the lower 32 bits to the even places. */
static inline uint64_t spread_bits(uint64_t x)
{
    x &= 0xffffffff;
    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
    x = (x | x << 2) & 0x3333333333333333;
    return (x | x << 1) & 0x5555555555555555;
}

static inline uint64_t cell(double lo, double hi, double scale)
{
    double centre = (lo + hi) / 2 * scale;
    return centre > 0 ? (uint64_t)centre : 0;
}

static int compare_places(const void *left, const void *right)
{
    const Place *a = left, *b = right;
    if (a->group != b->group) return a->group < b->group ? -1 : 1;
    if (a->along != b->along) return a->along < b->along ? -1 : 1;
    return (a->k > b->k) - (a->k < b->k);
}

/* Order the RoIs; those without an answer come last, from ``begin[groups]`` on. */
static Order make_order(const Problem *a, double largest)
{
    Order order = {.groups = a->level_count * a->images};
    order.begin = must_calloc(order.groups + 2, sizeof *order.begin);
    order.member = must_malloc(a->rois * sizeof *order.member);
    Place *places = must_malloc(a->rois * sizeof *places);
    for (int64_t k = 0; k < a->rois; k++) {
        Box box = read_box(a, k, largest);
        places[k] = (Place){.group = (uint64_t)order.groups, .k = k};
        if (box.level >= 0) {
            const Level *level = &a->level[box.level];
            places[k].group = (uint64_t)(box.level * a->images + box.image);
            places[k].along = spread_bits(cell(box.corner[1], box.corner[3], level->scale_y)) << 1
                              | spread_bits(cell(box.corner[0], box.corner[2], level->scale_x));
        }
        order.begin[places[k].group + 1]++;
    }
    qsort(places, a->rois, sizeof *places, compare_places);
    for (int64_t k = 0; k < a->rois; k++) order.member[k] = places[k].k;
    for (int64_t g = 0; g <= order.groups; g++) order.begin[g + 1] += order.begin[g];
    free(places);
    return order;
}

static void free_order(Order *order)
{
    free(order->member);
    free(order->begin);
}
