#include "CKernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const KernelTable ckernels_portable;
#if defined(__x86_64__)
extern const KernelTable ckernels_avx2;
extern const KernelTable ckernels_avx512;
#endif

const KernelTable *ckernels_for(CKernelsInstructionSet instruction_set) {
    switch (instruction_set) {
    case CKernelsPortable:
        return &ckernels_portable;
    case CKernelsAVX2:
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &ckernels_avx2;
#endif
        return NULL;
    case CKernelsAVX512:
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            return &ckernels_avx512;
        }
#endif
        return NULL;
    }
    return NULL;
}

static const KernelTable *chosen = &ckernels_portable;

static void choose(void) {
    CKernelsInstructionSet widest = CKernelsAVX512;
    const char *wanted = getenv("CJEPA_INSTRUCTION_SET");
    if (wanted && strcmp(wanted, "portable") == 0) widest = CKernelsPortable;
    if (wanted && strcmp(wanted, "avx2") == 0) widest = CKernelsAVX2;
    for (int candidate = widest; candidate > CKernelsPortable; --candidate) {
        const KernelTable *kernels = ckernels_for((CKernelsInstructionSet)candidate);
        if (kernels) {
            chosen = kernels;
            return;
        }
    }
}

const KernelTable *ckernels(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}
