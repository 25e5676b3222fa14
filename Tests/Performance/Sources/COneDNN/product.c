#include "COneDNN.h"

#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

struct COneDNNProduct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3];
    void *data[3];
    dnnl_exec_arg_t arguments[3];
};

static void *filled(size_t bytes, int narrow) {
    void *data = aligned_alloc(64, (bytes + 63) / 64 * 64);
    // Small numbers of both signs, in either format.
    for (size_t i = 0; i < bytes / (narrow ? 2 : 4); i++) {
        float value = (float)(i % 17) / 17 - 0.5f;
        if (narrow) {
            unsigned bits;
            memcpy(&bits, &value, 4);
            ((unsigned short *)data)[i] = (unsigned short)(bits >> 16);
        } else {
            ((float *)data)[i] = value;
        }
    }
    return data;
}

COneDNNProduct *conednn_product(
    long n, long k, long d, int transposes_a, int transposes_b, int accumulates, int narrow, int packs
) {
    COneDNNProduct *product = calloc(1, sizeof *product);
    if (dnnl_engine_create(&product->engine, dnnl_cpu, 0) || dnnl_stream_create(&product->stream, product->engine, 0)) {
        goto fail;
    }
    dnnl_data_type_t type = narrow ? dnnl_bf16 : dnnl_f32;
    dnnl_data_type_t result = narrow && !accumulates ? dnnl_bf16 : dnnl_f32;
    dnnl_dims_t dims[3] = {{n, k}, {k, d}, {n, d}};
    dnnl_dims_t strides[3] = {{k, 1}, {d, 1}, {d, 1}};
    if (transposes_a) strides[0][0] = 1, strides[0][1] = n;
    if (transposes_b) strides[1][0] = 1, strides[1][1] = k;
    dnnl_memory_desc_t a, b, c;
    dnnl_memory_desc_init_by_strides(&a, 2, dims[0], type, strides[0]);
    if (packs) {
        dnnl_memory_desc_init_by_tag(&b, 2, dims[1], type, dnnl_format_tag_any);
    } else {
        dnnl_memory_desc_init_by_strides(&b, 2, dims[1], type, strides[1]);
    }
    dnnl_memory_desc_init_by_strides(&c, 2, dims[2], result, strides[2]);
    dnnl_matmul_desc_t description;
    if (dnnl_matmul_desc_init(&description, &a, &b, NULL, &c)) goto fail;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_attr_create(&attributes);
    if (accumulates) {
        dnnl_post_ops_t additions;
        dnnl_post_ops_create(&additions);
        dnnl_post_ops_append_sum(additions, 1);
        dnnl_primitive_attr_set_post_ops(attributes, additions);
        dnnl_post_ops_destroy(additions);
    }
    dnnl_primitive_desc_t chosen;
    dnnl_status_t status =
        dnnl_primitive_desc_create(&chosen, &description, attributes, product->engine, NULL);
    dnnl_primitive_attr_destroy(attributes);
    if (status) goto fail;
    status = dnnl_primitive_create(&product->primitive, chosen);
    const dnnl_memory_desc_t *layouts[3] = {&a, dnnl_primitive_desc_query_md(chosen, dnnl_query_weights_md, 0), &c};
    static const int places[3] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    for (int i = 0; i < 3 && !status; i++) {
        // What the numbers of a packed operand are does not matter for its speed.
        product->data[i] = filled(dnnl_memory_desc_get_size(layouts[i]), (i < 2 ? type : result) == dnnl_bf16);
        status = dnnl_memory_create(&product->memory[i], layouts[i], product->engine, product->data[i]);
        product->arguments[i].arg = places[i];
        product->arguments[i].memory = product->memory[i];
    }
    dnnl_primitive_desc_destroy(chosen);
    if (status) goto fail;
    return product;
fail:
    conednn_free(product);
    return NULL;
}

void conednn_run(COneDNNProduct *product) {
    dnnl_primitive_execute(product->primitive, product->stream, 3, product->arguments);
    dnnl_stream_wait(product->stream);
}

void conednn_free(COneDNNProduct *product) {
    for (int i = 0; i < 3; i++) {
        if (product->memory[i]) dnnl_memory_destroy(product->memory[i]);
        free(product->data[i]);
    }
    if (product->primitive) dnnl_primitive_destroy(product->primitive);
    if (product->stream) dnnl_stream_destroy(product->stream);
    if (product->engine) dnnl_engine_destroy(product->engine);
    free(product);
}
