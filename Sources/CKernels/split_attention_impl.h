// softmax(q kᵀ / √width) v and its gradient for one sequence whose tokens lie in two parts: those that it shares with
// other sequences, and its own.

/// Each row of x [rows, count] becomes exp(x − most) · factor; both numbers are kept, two for each row.
static void softmax_rows_keeping(float *x, long rows, long count, float *kept) {
    for (long i = 0; i < rows; ++i, x += count, kept += 2) {
        if (count < WIDTH) {
            float most;
            const float factor = 1 / exponentials_of_row(x, x, count, &most);
            scale(x, factor, count);
            kept[0] = most;
            kept[1] = factor;
            continue;
        }
        const long full = (count - 1) / WIDTH;
        float *end = x + count - WIDTH;
        Vector last = load(end), highest = last;
        for (long j = 0; j < full; ++j) {
            const Vector v = load(x + j * WIDTH);
            highest = pick(v > highest, v, highest);
        }
        const float most = max_lanes(highest);
        last = exponential(last - most);
        Vector total = pick(lanes_below((int)((full + 1) * WIDTH - count)), splat(0), last);
        long j = 0;
        for (; j + VECTORS_AT_ONCE <= full; j += VECTORS_AT_ONCE) {
            Vector v[VECTORS_AT_ONCE];
            EACH(k, VECTORS_AT_ONCE) v[k] = load(x + (j + k) * WIDTH) - most;
            exponentials(VECTORS_AT_ONCE, v, v);
            EACH(k, VECTORS_AT_ONCE) {
                total += v[k];
                store(x + (j + k) * WIDTH, v[k]);
            }
        }
        for (; j < full; ++j) {
            const Vector v = exponential(load(x + j * WIDTH) - most);
            total += v;
            store(x + j * WIDTH, v);
        }
        const float factor = 1 / sum_lanes(total);
        for (j = 0; j < full; ++j) store(x + j * WIDTH, load(x + j * WIDTH) * factor);
        store(end, last * factor);
        kept[0] = most;
        kept[1] = factor;
    }
}

/// The same probabilities again, from scores and the two numbers of each row.
static void softmax_rows_again(float *x, long rows, long count, const float *kept) {
    for (long i = 0; i < rows; ++i, x += count, kept += 2) {
        long j = 0;
        for (; j + VECTORS_AT_ONCE * WIDTH <= count; j += VECTORS_AT_ONCE * WIDTH) {
            Vector v[VECTORS_AT_ONCE];
            EACH(k, VECTORS_AT_ONCE) v[k] = load(x + j + k * WIDTH) - kept[0];
            exponentials(VECTORS_AT_ONCE, v, v);
            EACH(k, VECTORS_AT_ONCE) store(x + j + k * WIDTH, v[k] * kept[1]);
        }
        const long done = j;
        FOR_VECTORS(k, n, count - done, {
            const Vector v = exponential(load_first(x + done + k, n) - kept[0]);
            store_first(x + done + k, v * kept[1], n);
        });
    }
}

/// p [queries, tokens] = factor · q kᵀ of one head.
static void scores(const CAttentionParts *parts, long head, float factor, float *p) {
    const long at = head * parts->width, tokens = parts->shared_keys + parts->own_keys;
    const float *q[2] = {parts->q_shared, parts->q_own}, *k[2] = {parts->k_shared, parts->k_own};
    const long q_rows[2] = {parts->shared_queries, parts->own_queries};
    const long k_rows[2] = {parts->shared_keys, parts->own_keys};
    for (int i = 0; i < 2; ++i) {
        float *row = p + (i ? q_rows[0] * tokens : 0);
        for (int j = 0; j < 2; ++j) {
            if (!q_rows[i] || !k_rows[j]) continue;
            product_nt(
                q_rows[i], k_rows[j], parts->width, factor, q[i] + at, parts->q_stride, k[j] + at, parts->k_stride, 0,
                0, row + (j ? k_rows[0] : 0), tokens);
        }
    }
}

static void attend(const CAttentionParts *parts, float *p, long p_step, float *kept, float *y) {
    const long d = parts->heads * parts->width, tokens = parts->shared_keys + parts->own_keys;
    const long queries = parts->shared_queries + parts->own_queries;
    const float factor = 1 / __builtin_sqrtf((float)parts->width);
    if (!queries) return;
    for (long h = 0; h < parts->heads; ++h, p += p_step) {
        const long at = h * parts->width;
        scores(parts, h, factor, p);
        if (kept) {
            softmax_rows_keeping(p, queries, tokens, kept + h * 2 * queries);
        } else {
            softmax_rows(p, queries, tokens);
        }
        if (parts->shared_keys) {
            product_nn(
                queries, parts->width, parts->shared_keys, p, tokens, parts->k_shared + d + at, parts->k_stride, 0,
                y + at, d);
        }
        if (parts->own_keys) {
            product_nn(
                queries, parts->width, parts->own_keys, p + parts->shared_keys, tokens, parts->k_own + d + at,
                parts->k_stride, parts->shared_keys > 0, y + at, d);
        }
    }
}

static void attend_backward(
    const CAttentionParts *parts, const float *given, long given_step, const float *kept, const float *dy,
    const CAttentionGradients *to, float *scratch) {
    const long d = parts->heads * parts->width, tokens = parts->shared_keys + parts->own_keys;
    const long queries = parts->shared_queries + parts->own_queries, width = parts->width;
    const float factor = 1 / __builtin_sqrtf((float)width);
    const float *q[2] = {parts->q_shared, parts->q_own}, *k[2] = {parts->k_shared, parts->k_own};
    float *dq[2] = {to->q_shared, to->q_own}, *dk[2] = {to->k_shared, to->k_own};
    const long q_rows[2] = {parts->shared_queries, parts->own_queries};
    const long k_rows[2] = {parts->shared_keys, parts->own_keys};
    float *again = scratch, *ds = scratch + queries * tokens;
    for (long h = 0; h < parts->heads; ++h, given += given ? given_step : 0) {
        const long at = h * width;
        const float *p = given;
        if (!given) {
            scores(parts, h, factor, again);
            softmax_rows_again(again, queries, tokens, kept + h * 2 * queries);
            p = again;
        }
        for (int j = 0; j < 2; ++j) {
            if (!k_rows[j]) continue;
            const long column = j ? k_rows[0] : 0;
            product_tn(
                k_rows[j], width, queries, p + column, tokens, dy + at, d, j == 0, dk[j] + d + at, parts->k_stride);
            product_nt(
                queries, k_rows[j], width, 1, dy + at, d, k[j] + d + at, parts->k_stride, 0, 0, ds + column, tokens);
        }
        softmax_rows_backward(p, ds, queries, tokens, factor);
        for (int i = 0; i < 2; ++i) {
            if (!q_rows[i]) continue;
            const float *rows = ds + (i ? q_rows[0] * tokens : 0);
            for (int j = 0; j < 2; ++j) {
                if (!k_rows[j]) continue;
                const long column = j ? k_rows[0] : 0;
                // What is shared is added to; the first of two parts overwrites what is the sequence's own.
                product_nn(
                    q_rows[i], width, k_rows[j], rows + column, tokens, k[j] + at, parts->k_stride,
                    i == 0 || (j == 1 && k_rows[0] > 0), dq[i] + at, parts->q_stride);
                product_tn(
                    k_rows[j], width, q_rows[i], rows + column, tokens, q[i] + at, parts->q_stride,
                    j == 0 || (i == 1 && q_rows[0] > 0), dk[j] + at, parts->k_stride);
            }
        }
    }
}
