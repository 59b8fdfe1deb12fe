/* Vectors V of LANES elements E, and I of as many integers INDEX as wide as E, the kind that a comparison of V gives. */

static inline I NAME(all)(int64_t code)
{
    return (I){0} + (INDEX)code;
}

static inline V NAME(pick)(I where, V yes, V no)
{
    return (V)((where & (I)yes) | (~where & (I)no));
}

static inline I NAME(pick_code)(I where, int64_t yes, I no)
{
    return (where & NAME(all)(yes)) | (~where & no);
}

static inline void NAME(store_choice)(const NAME(Tile) * tile, int64_t at, I code, int64_t count)
{
    if (!tile->choice) return;
    for (int64_t i = 0; i < count; i++) tile->choice[at + i] = (int32_t)code[i];
}

/* Load up to LANES elements; the rest are 0. */
static inline V NAME(load)(const E *from, int64_t count)
{
    if (count >= LANES) return *(const V *)from;
    V some = {0};
    memcpy(&some, from, count * sizeof(E));
    return some;
}

static inline void NAME(store)(E *to, V value, int64_t count)
{
    if (count >= LANES) *(V *)to = value;
    else memcpy(to, &value, count * sizeof(E));
}

/* The larger of each pair, b where neither is. */
static inline V NAME(larger)(V a, V b)
{
#ifdef LARGER
    return (V)LARGER(a, b);
#else
    return NAME(pick)(a > b, a, b);
#endif
}

/* Keep what is larger; ``code`` is followed only where a choice is asked for. */
static inline void NAME(keep)(V value, int64_t sample, int coded, V *best, I *code)
{
    if (coded) *code = NAME(pick_code)(value > *best, sample, *code);
    *best = NAME(larger)(value, *best);
}
