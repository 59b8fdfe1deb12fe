/* Large outputs in large pages: the system clears and maps 2 MiB at once, not 4 KiB at a time. */
#if defined(__linux__)
#include <sys/mman.h>
#endif

/* From here on glibc's malloc takes memory from the system each time; less is mostly a piece whose pages are there. */
enum { LARGE_BYTES = 32 << 20, HUGE_PAGE = 2 << 20 };

/* Advice about the whole pages within some memory that is about to be written; whether it is taken is the system's. */
static void prefer_large_pages(void *memory, int64_t bytes)
{
#if defined(MADV_HUGEPAGE)
    if (!memory || bytes < LARGE_BYTES) return;
    uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)memory + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (begin < end) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}
