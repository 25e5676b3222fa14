// Operations on the elements and along the axes of matrices, for terms of an objective that are written as expressions.

#define APPLY(f) FOR_VECTORS(i, n, count, store_first(y + i, f(load_first(x + i, n)), n);)

static void apply(CFunction function, const float *x, float *y, long count) {
    switch (function) {
    case CFunctionSquareRoot: APPLY(square_root); break;
    case CFunctionExponential: APPLY(exponential_of_any); break;
    case CFunctionLogarithm: APPLY(logarithm); break;
    case CFunctionSine: APPLY(sine); break;
    case CFunctionCosine: APPLY(cosine); break;
    case CFunctionReLU: APPLY(positive_part); break;
    case CFunctionStep: APPLY(step_function); break;
    }
}

#undef APPLY

INLINE Vector combination(const COperation operation, Vector a, Vector b) {
    switch (operation) {
    case COperationAdd: return a + b;
    case COperationSubtract: return a - b;
    case COperationMultiply: return a * b;
    case COperationDivide: return a / b;
    }
    __builtin_unreachable();
}

/// The rows of y for one operation; an operand either has a number for each column or one for all.
INLINE void combine_rows(
    const COperation operation, const float *a, long a_row, const int a_repeats, const float *b, long b_row,
    const int b_repeats, float *y, long rows, long columns) {
    for (long i = 0; i < rows; ++i, a += a_row, b += b_row, y += columns) {
        const Vector left = splat(*a);
        const Vector right = splat(*b);
        FOR_VECTORS(j, n, columns, {
            const Vector u = a_repeats ? left : load_first(a + j, n);
            const Vector v = b_repeats ? right : load_first(b + j, n);
            store_first(y + j, combination(operation, u, v), n);
        });
    }
}

INLINE void combine_operands(
    const COperation operation, COperand a, COperand b, float *y, long rows, long columns) {
    if (a.repeats_columns && b.repeats_columns) {
        combine_rows(operation, a.x, a.row_step, 1, b.x, b.row_step, 1, y, rows, columns);
    } else if (a.repeats_columns) {
        combine_rows(operation, a.x, a.row_step, 1, b.x, b.row_step, 0, y, rows, columns);
    } else if (b.repeats_columns) {
        combine_rows(operation, a.x, a.row_step, 0, b.x, b.row_step, 1, y, rows, columns);
    } else {
        combine_rows(operation, a.x, a.row_step, 0, b.x, b.row_step, 0, y, rows, columns);
    }
}

static void combine(COperation operation, COperand a, COperand b, float *y, long rows, long columns) {
    switch (operation) {
    case COperationAdd: combine_operands(COperationAdd, a, b, y, rows, columns); break;
    case COperationSubtract: combine_operands(COperationSubtract, a, b, y, rows, columns); break;
    case COperationMultiply: combine_operands(COperationMultiply, a, b, y, rows, columns); break;
    case COperationDivide: combine_operands(COperationDivide, a, b, y, rows, columns); break;
    }
}

static void sum_rows(const float *x, long rows, long columns, float *sums) {
    for (long i = 0; i < rows; ++i, x += columns) {
        DoubleVector total = {};
        FOR_VECTORS(j, n, columns, total += widen(load_first(x + j, n)););
        sums[i] = (float)sum_double_lanes(total);
    }
}

static void sum_columns(const float *x, long rows, long columns, float *sums) {
    FOR_VECTORS(j, n, columns, {
        DoubleVector total = {};
        for (long i = 0; i < rows; ++i) total += widen(load_first(x + i * columns + j, n));
        store_first(sums + j, narrow(total), n);
    });
}

/// The larger one; a NaN of either stays.
INLINE Vector larger(Vector a, Vector b) { return pick((a > b) | (a != a), a, b); }

static void max_rows(const float *x, long rows, long columns, float *maxima) {
    const Vector lowest = splat(-__builtin_inff());
    for (long i = 0; i < rows; ++i, x += columns) {
        Vector most = lowest;
        FOR_VECTORS(j, n, columns, most = larger(pick(lanes_below(n), load_first(x + j, n), lowest), most););
        float result = most[0];
        for (int lane = 1; lane < WIDTH; ++lane) {
            if (most[lane] > result || most[lane] != most[lane]) result = most[lane];
        }
        maxima[i] = result;
    }
}

static void max_columns(const float *x, long rows, long columns, float *maxima) {
    FOR_VECTORS(j, n, columns, {
        Vector most = load_first(x + j, n);
        for (long i = 1; i < rows; ++i) most = larger(load_first(x + i * columns + j, n), most);
        store_first(maxima + j, most, n);
    });
}

static void transpose(const float *x, long rows, long columns, float *y) {
    const long whole_rows = rows - rows % WIDTH, whole_columns = columns - columns % WIDTH;
    for (long i = 0; i < whole_rows; i += WIDTH) {
        for (long j = 0; j < whole_columns; j += WIDTH) {
            transpose_block(x + i * columns + j, columns, WIDTH, WIDTH, y + j * rows + i, rows);
        }
    }
    for (long i = 0; i < rows; ++i) {
        for (long j = i < whole_rows ? whole_columns : 0; j < columns; ++j) y[j * rows + i] = x[i * columns + j];
    }
}
