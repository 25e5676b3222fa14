#define _GNU_SOURCE
#include "CAllocations.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static atomic_bool is_counting;
static atomic_uint_fast64_t calls;

void callocations_start(void) {
    atomic_store(&calls, 0);
    atomic_store(&is_counting, 1);
}

uint64_t callocations_stop(void) {
    atomic_store(&is_counting, 0);
    return atomic_load(&calls);
}

#if defined(__GLIBC__)

#include <dlfcn.h>
#include <errno.h>

// The allocators that glibc exports under names of its own: what answers while dlsym itself, which looks up the others,
// asks for memory. (It does so in older releases only.)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static inline void count_call(void) {
    if (atomic_load_explicit(&is_counting, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    }
}

/// Whether this thread is inside dlsym.
static _Thread_local int is_resolving;

/// The next function of that name after the program's own: a preloaded allocator's, or glibc's.
static void *next_symbol(const char *name, void *fallback) {
    if (is_resolving) return fallback;
    is_resolving = 1;
    void *symbol = dlsym(RTLD_NEXT, name);
    is_resolving = 0;
    return symbol ? symbol : fallback;
}

// A pointer that is looked up at the first call. Threads that come at once find the same.
#define NEXT(type, name, fallback)                                                                                     \
    static _Atomic(type) next_##name;                                                                                  \
    static inline type resolved_##name(void) {                                                                         \
        type known = atomic_load_explicit(&next_##name, memory_order_relaxed);                                         \
        if (known) return known;                                                                                       \
        known = (type)next_symbol(#name, (void *)(fallback));                                                          \
        if (!is_resolving) atomic_store_explicit(&next_##name, known, memory_order_relaxed);                           \
        return known;                                                                                                  \
    }

typedef void *(*malloc_function)(size_t);
typedef void *(*calloc_function)(size_t, size_t);
typedef void *(*realloc_function)(void *, size_t);
typedef void *(*memalign_function)(size_t, size_t);
typedef int (*posix_memalign_function)(void **, size_t, size_t);

static int libc_posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

NEXT(malloc_function, malloc, __libc_malloc)
NEXT(calloc_function, calloc, __libc_calloc)
NEXT(realloc_function, realloc, __libc_realloc)
NEXT(memalign_function, aligned_alloc, __libc_memalign)
NEXT(memalign_function, memalign, __libc_memalign)
NEXT(posix_memalign_function, posix_memalign, libc_posix_memalign)

void *malloc(size_t size) {
    count_call();
    return resolved_malloc()(size);
}

void *calloc(size_t count, size_t size) {
    count_call();
    return resolved_calloc()(count, size);
}

void *realloc(void *old, size_t size) {
    count_call();
    return resolved_realloc()(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_call();
    return resolved_aligned_alloc()(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    count_call();
    return resolved_memalign()(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count_call();
    return resolved_posix_memalign()(result, alignment, size);
}

// All at once before anything runs: dlsym throws away what dlerror is about to tell, and must not be called inside it.
__attribute__((constructor)) static void resolve_all(void) {
    resolved_malloc();
    resolved_calloc();
    resolved_realloc();
    resolved_aligned_alloc();
    resolved_memalign();
    resolved_posix_memalign();
}

int callocations_can_count(void) { return 1; }

#else

int callocations_can_count(void) { return 0; }

#endif
