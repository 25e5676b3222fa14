#ifndef CMPI_H
#define CMPI_H

#include <stddef.h>
#include <stdint.h>

// The few functions of MPI that are needed, of Open MPI's library, which is looked for at run time: nothing of MPI is
// needed to build. A process has one communicator, that of all processes of the job. Errors of MPI itself end the job
// with a message of its own (MPI_ERRORS_ARE_FATAL, the default).

typedef enum {
    CMPI_OK = 0,
    // The library cannot be loaded; the detail says why.
    CMPI_NO_LIBRARY,
    // It is an MPI, but not Open MPI, whose handles these functions pass; the detail names it.
    CMPI_OTHER_LIBRARY,
    // It lacks a function; the detail names it.
    CMPI_MISSING_FUNCTION,
    // MPI_Init failed.
    CMPI_FAILED,
} CMPIStatus;

// Loads the library and joins the job; once in a process.
// detail: text about a failure, ended by a zero, cut to its capacity.
CMPIStatus cmpi_start(const char *_Nonnull library, char *_Nonnull detail, size_t capacity);

// The rest only after cmpi_start returned CMPI_OK, and from the thread that called it.

int cmpi_rank(void);
int cmpi_size(void);
// "Open MPI v4.1.4, …"; ended by a zero, cut to its capacity.
void cmpi_version(char *_Nonnull text, size_t capacity);

// Everyone's value, [size].
void cmpi_gather_count(int64_t count, int64_t *_Nonnull counts);
// Everyone's bytes one after the other, in the order of ranks; counts [size] as cmpi_gather_count gave them, their sum
// below 2^31.
// Returns 0, or 1 if there is no memory for the places.
int cmpi_gather(const void *_Nullable bytes, const int64_t *_Nonnull counts, void *_Nullable all);
// count below 2^31, as in the next two.
void cmpi_send(const void *_Nonnull bytes, int64_t count, int to);
void cmpi_receive(void *_Nonnull bytes, int64_t count, int from);
void cmpi_broadcast(void *_Nonnull bytes, int64_t count, int from);

// Announces this process at a point that all must reach, apart from all other traffic.
void cmpi_enter_barrier(void);
// 1 once all have entered, else 0; never waits. Not again after 1.
int cmpi_barrier_done(void);

// Ends the job orderly; all processes call it.
void cmpi_finish(void);
// Kills all processes of the job.
void cmpi_abort(int code);

#endif
