#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stddef.h>
#include <stdint.h>

/// Counts what a program asks of malloc and its relatives, on all threads.
///
/// A program that this is linked into gets its own malloc, calloc, realloc, aligned_alloc, memalign and posix_memalign,
/// for all libraries too; they pass every call on to the ones that would be called without them, so that an allocator
/// that is preloaded still does the work. While nothing is counted a call costs a load and a branch more. Where the C
/// library is not glibc nothing is put in between, and nothing can be counted.

/// From now on calls are counted, from zero.
void callocations_start(void);

/// Ends counting; returns the calls since `callocations_start`.
uint64_t callocations_stop(void);

/// 1 where calls are counted at all.
int callocations_can_count(void);

// What becomes of allocations that fail. Where that makes the program crash, or makes a library ask for the same memory
// for ever, the program says on standard error that memory ran out, and ends with this code instead.

/// The exit code of a program that memory ran out for (EX_OSERR).
#define CALLOCATIONS_OUT_OF_MEMORY 71

/// Bytes of the calling thread's latest allocation that failed, if that was within the last second; otherwise 0.
size_t callocations_failed_bytes(void);

#endif
