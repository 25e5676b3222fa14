#include "CKernels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

extern const KernelTable ckernels_portable;
#if defined(__x86_64__)
extern const KernelTable ckernels_avx2;
extern const KernelTable ckernels_avx512;
#endif

extern const CBF16Table ckernels_bf16_portable;
extern const CBF16Table ckernels_bf16_amx_emulated;
#if defined(__x86_64__)
extern const CBF16Table ckernels_bf16_avx2;
extern const CBF16Table ckernels_bf16_avx512;
extern const CBF16Table ckernels_bf16_avx512bf16;
extern const CBF16Table ckernels_bf16_amx;
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

/// Whether the processor has AMX for bfloat16 and the kernel lets this process use it.
static int has_amx(void) {
#if defined(__x86_64__) && defined(__linux__)
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    const unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    if ((edx & amx_bf16) == 0 || (edx & amx_tile) == 0) return 0;
    // The state of the tiles is large, so that each process has to ask for it (ARCH_REQ_XCOMP_PERM, XTILEDATA). Threads that
    // begin later inherit the permission; asking twice does no harm.
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
    return 0;
#endif
}

const CBF16Table *ckernels_bf16_for(CBF16Kind kind) {
    switch (kind) {
    case CBF16Portable:
        return &ckernels_bf16_portable;
    case CBF16AMXEmulated:
        return &ckernels_bf16_amx_emulated;
#if defined(__x86_64__)
    case CBF16AVX2:
        return ckernels_for(CKernelsAVX2) ? &ckernels_bf16_avx2 : NULL;
    case CBF16AVX512:
        return ckernels_for(CKernelsAVX512) ? &ckernels_bf16_avx512 : NULL;
    case CBF16AVX512BF16:
        return ckernels_for(CKernelsAVX512) && __builtin_cpu_supports("avx512bf16") ? &ckernels_bf16_avx512bf16 : NULL;
    case CBF16AMX:
        return ckernels_bf16_for(CBF16AVX512BF16) && has_amx() ? &ckernels_bf16_amx : NULL;
#else
    case CBF16AVX2:
    case CBF16AVX512:
    case CBF16AVX512BF16:
    case CBF16AMX:
        return NULL;
#endif
    }
    return NULL;
}

static const CBF16Table *chosen_bf16 = &ckernels_bf16_portable;

static void choose_bf16(void) {
    static const char *const names[] = {"portable", "avx2", "avx512", "avx512_bf16", "amx"};
    CBF16Kind fastest = CBF16AMX;
    const char *wanted = getenv("CJEPA_INSTRUCTION_SET");
    for (int kind = CBF16Portable; wanted && kind <= CBF16AMX; ++kind) {
        if (strcmp(wanted, names[kind]) == 0) fastest = (CBF16Kind)kind;
    }
    for (int candidate = fastest; candidate > CBF16Portable; --candidate) {
        const CBF16Table *kernels = ckernels_bf16_for((CBF16Kind)candidate);
        if (kernels) {
            chosen_bf16 = kernels;
            return;
        }
    }
}

const CBF16Table *ckernels_bf16(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose_bf16);
    return chosen_bf16;
}
