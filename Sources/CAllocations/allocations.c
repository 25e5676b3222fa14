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
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

// MARK: Allocations that fail

/// Failures that follow each other this closely have to do with each other, nanoseconds.
static const int64_t related = 1000000000;
/// So many times in a row nobody asks for the same memory who can do without it. OpenBLAS does, for ever.
static const unsigned most_repeats = 10000;

static _Thread_local size_t failed_bytes;
static _Thread_local int64_t failed_at;
static _Thread_local unsigned repeats;

/// May be called in a signal handler.
static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Ends the program with a word about memory. May be called in a signal handler.
static _Noreturn void end_for_memory(size_t bytes) {
    static const char before[] = "error: out of memory: the system refused ", after[] = " bytes\n";
    char text[sizeof before + sizeof after + 20], digits[20];
    size_t length = sizeof before - 1, count = 0;
    memcpy(text, before, length);
    do digits[count++] = (char)('0' + bytes % 10);
    while (bytes /= 10);
    while (count) text[length++] = digits[--count];
    memcpy(text + length, after, sizeof after - 1);
    length += sizeof after - 1;
    // Where even that cannot be written the exit code has to do.
    if (write(STDERR_FILENO, text, length)) {}
    _exit(CALLOCATIONS_OUT_OF_MEMORY);
}

/// Remembers an allocation that failed. Whoever asked for it may be able to do without.
static void note_failure(size_t bytes) {
    int code = errno;
    int64_t time = now();
    repeats = bytes == failed_bytes && time - failed_at < related ? repeats + 1 : 0;
    failed_bytes = bytes;
    failed_at = time;
    errno = code;
    if (repeats == most_repeats) end_for_memory(bytes);
}

size_t callocations_failed_bytes(void) { return failed_bytes && now() - failed_at < related ? failed_bytes : 0; }

static inline void *noting(void *memory, size_t bytes) {
    if (!memory && bytes) note_failure(bytes);
    return memory;
}

/// What a program that cannot go on without memory dies of: Swift stops or aborts, C uses the null pointer.
static const int crashes[] = {SIGABRT, SIGILL, SIGTRAP, SIGSEGV, SIGBUS};
enum { crash_count = sizeof crashes / sizeof *crashes };
static struct sigaction earlier[crash_count];

/// Ends a program that crashes because of memory; leaves any other crash to whoever handled it before.
static void crashed(int number, siginfo_t *info, void *context) {
    (void)context;
    size_t bytes = callocations_failed_bytes();
    if (bytes) end_for_memory(bytes);
    for (int i = 0; i < crash_count; i++) {
        if (crashes[i] == number) sigaction(number, &earlier[i], NULL);
    }
    // What the processor raised it raises again, as the program goes on where it was; what was sent has to be sent again.
    if (info->si_code <= 0) raise(number);
}

static void handle_crashes(void) {
    struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (int i = 0; i < crash_count; i++) sigaction(crashes[i], &action, &earlier[i]);
}

// MARK: The functions behind

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
    return noting(resolved_malloc()(size), size);
}

void *calloc(size_t count, size_t size) {
    count_call();
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) bytes = SIZE_MAX;
    return noting(resolved_calloc()(count, size), bytes);
}

void *realloc(void *old, size_t size) {
    count_call();
    return noting(resolved_realloc()(old, size), size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_call();
    return noting(resolved_aligned_alloc()(alignment, size), size);
}

void *memalign(size_t alignment, size_t size) {
    count_call();
    return noting(resolved_memalign()(alignment, size), size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count_call();
    int status = resolved_posix_memalign()(result, alignment, size);
    if (status == ENOMEM) note_failure(size);
    return status;
}

// All at once before anything runs: dlsym throws away what dlerror is about to tell, and must not be called inside it.
__attribute__((constructor)) static void resolve_all(void) {
    resolved_malloc();
    resolved_calloc();
    resolved_realloc();
    resolved_aligned_alloc();
    resolved_memalign();
    resolved_posix_memalign();
    handle_crashes();
}

int callocations_can_count(void) { return 1; }

#else

int callocations_can_count(void) { return 0; }
size_t callocations_failed_bytes(void) { return 0; }

#endif
