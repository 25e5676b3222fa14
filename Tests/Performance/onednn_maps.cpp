// The same linear maps through oneDNN 2.x, for comparison: bfloat16, weights packed beforehand, one thread.
//
//   apt-get install libdnnl-dev
//   clang++ -O2 Tests/Performance/onednn_maps.cpp -ldnnl -o onednn_maps && OMP_NUM_THREADS=1 ./onednn_maps

#include <chrono>
#include <cstdio>
#include <cstring>
#include <dnnl.hpp>

using namespace dnnl;
using desc = memory::desc;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The best rate of seven executions, GFLOP/s.
template <typename Body> double rate(double flops, Body body) {
    double best = 1e9;
    for (int repetition = 0; repetition < 7; ++repetition) {
        const double start = now();
        body();
        best = std::min(best, now() - start);
    }
    return flops / best * 1e-9;
}

void map(engine &cpu, stream &queue, memory::dim rows, memory::dim inputs, memory::dim outputs) {
    const auto bf16 = memory::data_type::bf16, f32 = memory::data_type::f32;
    const auto any = memory::format_tag::any, rowMajor = memory::format_tag::ab;
    const desc x({rows, inputs}, bf16, rowMajor), y({rows, outputs}, bf16, rowMajor);
    const desc weight({outputs, inputs}, bf16, any), dWeight({outputs, inputs}, f32, any);
    const desc bias({outputs}, f32, memory::format_tag::a);
    const inner_product_forward::primitive_desc forward(
        {prop_kind::forward_training, x, weight, bias, y}, cpu);
    const inner_product_backward_data::primitive_desc backward({x, weight, y}, cpu, forward);
    const inner_product_backward_weights::primitive_desc gradient({x, dWeight, bias, y}, cpu, forward);
    auto zeros = [&](const desc &d) {
        memory m(d, cpu);
        std::memset(m.get_data_handle(), 0, d.get_size());
        return m;
    };
    auto mx = zeros(x), my = zeros(y), mb = zeros(bias), mdx = zeros(x), mdb = zeros(bias);
    auto mw = zeros(forward.weights_desc()), mwb = zeros(backward.weights_desc());
    auto mdw = zeros(gradient.diff_weights_desc());
    const double flops = 2.0 * rows * inputs * outputs;
    auto run = [&](auto primitive, std::unordered_map<int, memory> arguments) {
        return rate(flops, [&] { primitive.execute(queue, arguments), queue.wait(); });
    };
    const double y_rate = run(
        inner_product_forward(forward),
        {{DNNL_ARG_SRC, mx}, {DNNL_ARG_WEIGHTS, mw}, {DNNL_ARG_BIAS, mb}, {DNNL_ARG_DST, my}});
    const double dx_rate = run(
        inner_product_backward_data(backward),
        {{DNNL_ARG_DIFF_DST, my}, {DNNL_ARG_WEIGHTS, mwb}, {DNNL_ARG_DIFF_SRC, mdx}});
    const double dw_rate = run(
        inner_product_backward_weights(gradient),
        {{DNNL_ARG_SRC, mx}, {DNNL_ARG_DIFF_DST, my}, {DNNL_ARG_DIFF_WEIGHTS, mdw}, {DNNL_ARG_DIFF_BIAS, mdb}});
    std::printf(
        "%5ld,%5ld,%5ld forward %4.0f, dx %4.0f, dW %4.0f (%s)\n", long(rows), long(inputs), long(outputs), y_rate,
        dx_rate, dw_rate, forward.impl_info_str());
}

}  // namespace

int main() {
    engine cpu(engine::kind::cpu, 0);
    stream queue(cpu);
    const memory::dim maps[][3] = {
        {640, 192, 576},  {640, 192, 768},  {640, 768, 192},   {640, 384, 1152},  {640, 384, 384},  {640, 384, 1536},
        {640, 1536, 384}, {1200, 384, 1536}, {1200, 1536, 384}, {640, 768, 2304}, {640, 768, 3072}, {640, 3072, 768},
    };
    for (const auto &m : maps) map(cpu, queue, m[0], m[1], m[2]);
}
