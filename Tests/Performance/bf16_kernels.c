// Rates of the bfloat16 kernels on one core, in GFLOP/s: the best of seven repetitions.
//
//   clang -O2 -ISources/CKernels/include Tests/Performance/bf16_kernels.c Sources/CKernels/*.c -lm -lpthread -o bf16_kernels
//   ./bf16_kernels            the fastest kind of this processor, or the one that CJEPA_INSTRUCTION_SET names

#include "CKernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPETITIONS = 7, HEADS = 6 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *memory(long bytes) {
    void *p = NULL;
    if (posix_memalign(&p, 64, (size_t)bytes + 4096)) abort();
    memset(p, 0, (size_t)bytes + 4096);
    return p;
}

/// Small numbers of both signs, as bfloat16.
static uint16_t *numbers(long count) {
    static uint32_t state = 1;
    uint16_t *p = memory(count * 2);
    for (long i = 0; i < count; ++i) {
        state = state * 1664525 + 1013904223;
        p[i] = (uint16_t)((state >> 16 & 0x807f) | 0x3e00);
    }
    return p;
}

/// The best rate of a statement that does `flops` operations.
#define RATE(flops, ...) \
    ({ \
        double best = 1e9; \
        for (int repetition = 0; repetition < REPETITIONS; ++repetition) { \
            const double start = now(); \
            __VA_ARGS__; \
            const double seconds = now() - start; \
            if (seconds < best) best = seconds; \
        } \
        (flops) / best * 1e-9; \
    })

static void map(const CBF16Table *k, long rows, long inputs, long outputs) {
    uint16_t *x = numbers(rows * inputs), *dx = memory(rows * inputs * 2), *pre = numbers(rows * inputs);
    uint16_t *dy = numbers(rows * outputs), *y = memory(rows * outputs * 2), *activated = memory(rows * outputs * 2);
    uint16_t *forward = numbers(inputs * outputs), *backward = numbers(inputs * outputs);
    float *bias = memory(outputs * 4), *d_weight = memory(inputs * outputs * 4), *d_bias = memory(outputs * 4);
    uint16_t *scratch = memory(k->weight_gradient_scratch(outputs, inputs) * 2);
    CBF16Output narrow = {.finish = CBF16Narrow, .bias = bias, .narrow = y, .narrow_stride = outputs};
    CBF16Output gelu = narrow;
    gelu.finish = CBF16GELU;
    gelu.activated = activated;
    gelu.activated_stride = outputs;
    const CBF16Output plain = {.finish = CBF16Narrow, .narrow = dx, .narrow_stride = inputs};
    CBF16Output slope = plain;
    slope.finish = CBF16GELUBackward;
    slope.pre = slope.activated = pre;
    slope.pre_stride = slope.activated_stride = inputs;
    const double flops = 2.0 * (double)rows * (double)inputs * (double)outputs;
    printf(
        "%5ld,%5ld,%5ld %8.0f %9.0f %8.0f %9.0f %8.0f\n", rows, inputs, outputs,
        RATE(flops, k->product(x, inputs, forward, rows, inputs, outputs, narrow)),
        RATE(flops, k->product(x, inputs, forward, rows, inputs, outputs, gelu)),
        RATE(flops, k->product(dy, outputs, backward, rows, outputs, inputs, plain)),
        RATE(flops, k->product(dy, outputs, backward, rows, outputs, inputs, slope)),
        RATE(flops, k->weight_gradient(
            x, inputs, dy, outputs, rows, outputs, inputs, d_weight, d_bias, scratch)));
}

static void attention(const CBF16Table *k, long tokens, long width) {
    const long all = HEADS * width, stride = 3 * all;
    uint16_t *qkv = numbers(tokens * stride), *d_qkv = memory(tokens * stride * 2);
    uint16_t *y = memory(tokens * all * 2), *dy = numbers(tokens * all);
    float *log_sums = memory(tokens * 4);
    uint16_t *scratch = memory(k->attention_scratch(tokens, tokens, width) * 2);
#define ROWS(p) {(p) + h * width, tokens, NULL, 0, stride}
    const double flops = 4.0 * HEADS * (double)tokens * (double)tokens * (double)width;
    const double forward = RATE(flops, for (long h = 0; h < HEADS; ++h) {
        const CBF16Rows q = ROWS(qkv), keys = ROWS(qkv + all), values = ROWS(qkv + 2 * all);
        k->attention(q, keys, values, width, y + h * width, all, log_sums, scratch);
    });
    const double backward = RATE(2 * flops, for (long h = 0; h < HEADS; ++h) {
        const CBF16Rows q = ROWS(qkv), keys = ROWS(qkv + all), values = ROWS(qkv + 2 * all);
        const CBF16MutableRows dq = ROWS(d_qkv), d_keys = ROWS(d_qkv + all), d_values = ROWS(d_qkv + 2 * all);
        k->attention_backward(
            q, keys, values, width, y + h * width, dy + h * width, all, log_sums, dq, d_keys, d_values, scratch);
    });
    printf("%5ld tokens, head width %3ld: forward %4.0f, backward %4.0f\n", tokens, width, forward, backward);
}

int main(void) {
    static const char *const names[] = {"portable", "AVX2", "AVX-512", "AVX512-BF16", "AMX"};
    static const long maps[][3] = {
        {640, 192, 576},  {640, 192, 768},  {640, 768, 192},   {640, 384, 1152},  {640, 384, 384},  {640, 384, 1536},
        {640, 1536, 384}, {1200, 384, 1536}, {1200, 1536, 384}, {640, 768, 2304}, {640, 768, 3072}, {640, 3072, 768},
    };
    static const long heads[][2] = {{64, 64}, {64, 32}, {100, 64}, {140, 64}, {196, 64}, {196, 32}};
    const CBF16Table *kernels = ckernels_bf16();
    printf("%s\nrows, in, out      forward with GELU       dx with GELU'      dW\n", names[kernels->kind]);
    for (unsigned i = 0; i < sizeof maps / sizeof maps[0]; ++i) map(kernels, maps[i][0], maps[i][1], maps[i][2]);
    for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; ++i) attention(kernels, heads[i][0], heads[i][1]);
}
