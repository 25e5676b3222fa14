#include "CMPI.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Handles are pointers in Open MPI; those that are constants are addresses of objects in the library.
typedef void *Handle;

static struct {
    int (*init_thread)(int *, char ***, int, int *);
    int (*finalize)(void);
    int (*abort)(Handle, int);
    int (*comm_rank)(Handle, int *);
    int (*comm_size)(Handle, int *);
    int (*comm_dup)(Handle, Handle *);
    int (*get_library_version)(char *, int *);
    int (*allgather)(const void *, int, Handle, void *, int, Handle, Handle);
    int (*allgatherv)(const void *, int, Handle, void *, const int *, const int *, Handle, Handle);
    int (*send)(const void *, int, Handle, int, int, Handle);
    int (*receive)(void *, int, Handle, int, int, Handle, void *);
    int (*broadcast)(void *, int, Handle, int, Handle);
    int (*ibarrier)(Handle, Handle *);
    int (*test)(Handle *, int *, void *);
    // All processes, and the same once more for barriers.
    Handle world, barriers;
    Handle byte;
    Handle barrier;
    int rank, size;
} mpi;

// MPI_THREAD_FUNNELED, and a call's tag.
enum { FUNNELED = 1, TAG = 1 };

static void explain(char *detail, size_t capacity, const char *text) {
    snprintf(detail, capacity, "%s", text ? text : "unknown");
}

static CMPIStatus load(void *library, char *detail, size_t capacity) {
    const struct {
        const char *name;
        void **place;
    } symbols[] = {
        {"MPI_Init_thread", (void **)&mpi.init_thread},
        {"MPI_Finalize", (void **)&mpi.finalize},
        {"MPI_Abort", (void **)&mpi.abort},
        {"MPI_Comm_rank", (void **)&mpi.comm_rank},
        {"MPI_Comm_size", (void **)&mpi.comm_size},
        {"MPI_Comm_dup", (void **)&mpi.comm_dup},
        {"MPI_Get_library_version", (void **)&mpi.get_library_version},
        {"MPI_Allgather", (void **)&mpi.allgather},
        {"MPI_Allgatherv", (void **)&mpi.allgatherv},
        {"MPI_Send", (void **)&mpi.send},
        {"MPI_Recv", (void **)&mpi.receive},
        {"MPI_Bcast", (void **)&mpi.broadcast},
        {"MPI_Ibarrier", (void **)&mpi.ibarrier},
        {"MPI_Test", (void **)&mpi.test},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        *symbols[i].place = dlsym(library, symbols[i].name);
        if (!*symbols[i].place) {
            explain(detail, capacity, symbols[i].name);
            return CMPI_MISSING_FUNCTION;
        }
    }
    mpi.world = dlsym(library, "ompi_mpi_comm_world");
    mpi.byte = dlsym(library, "ompi_mpi_byte");
    if (!mpi.world || !mpi.byte) {
        cmpi_version(detail, capacity);
        return CMPI_OTHER_LIBRARY;
    }
    return CMPI_OK;
}

CMPIStatus cmpi_start(const char *path, char *detail, size_t capacity) {
    explain(detail, capacity, "");
    // Its own plug-ins look for its symbols among those of the whole process.
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        explain(detail, capacity, dlerror());
        return CMPI_NO_LIBRARY;
    }
    CMPIStatus status = load(library, detail, capacity);
    if (status != CMPI_OK) return status;
    int provided;
    if (mpi.init_thread(NULL, NULL, FUNNELED, &provided) != 0) return CMPI_FAILED;
    if (mpi.comm_rank(mpi.world, &mpi.rank) != 0 || mpi.comm_size(mpi.world, &mpi.size) != 0) return CMPI_FAILED;
    if (mpi.comm_dup(mpi.world, &mpi.barriers) != 0) return CMPI_FAILED;
    return CMPI_OK;
}

int cmpi_rank(void) { return mpi.rank; }
int cmpi_size(void) { return mpi.size; }

void cmpi_version(char *text, size_t capacity) {
    // MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI and 8192 in MPICH.
    static char version[8192];
    int length = 0;
    if (mpi.get_library_version(version, &length) != 0) length = 0;
    version[length < 0 ? 0 : (size_t)length < sizeof version ? (size_t)length : sizeof version - 1] = 0;
    // The first line says who and which.
    version[strcspn(version, "\n")] = 0;
    explain(text, capacity, version);
}

void cmpi_gather_count(int64_t count, int64_t *counts) {
    mpi.allgather(&count, sizeof count, mpi.byte, counts, sizeof count, mpi.byte, mpi.world);
}

int cmpi_gather(const void *bytes, const int64_t *counts, void *all) {
    int *places = malloc(2 * sizeof(int) * (size_t)mpi.size);
    if (!places) return 1;
    int *sizes = places + mpi.size;
    int place = 0;
    for (int rank = 0; rank < mpi.size; rank++) {
        places[rank] = place;
        sizes[rank] = (int)counts[rank];
        place += sizes[rank];
    }
    mpi.allgatherv(bytes, sizes[mpi.rank], mpi.byte, all, sizes, places, mpi.byte, mpi.world);
    free(places);
    return 0;
}

void cmpi_send(const void *bytes, int64_t count, int to) {
    mpi.send(bytes, (int)count, mpi.byte, to, TAG, mpi.world);
}

void cmpi_receive(void *bytes, int64_t count, int from) {
    // MPI_STATUS_IGNORE is a null pointer in Open MPI.
    mpi.receive(bytes, (int)count, mpi.byte, from, TAG, mpi.world, NULL);
}

void cmpi_broadcast(void *bytes, int64_t count, int from) {
    mpi.broadcast(bytes, (int)count, mpi.byte, from, mpi.world);
}

void cmpi_enter_barrier(void) { mpi.ibarrier(mpi.barriers, &mpi.barrier); }

int cmpi_barrier_done(void) {
    int done = 0;
    mpi.test(&mpi.barrier, &done, NULL);
    return done;
}

void cmpi_finish(void) { mpi.finalize(); }
void cmpi_abort(int code) { mpi.abort(mpi.world, code); }
