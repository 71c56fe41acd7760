// What the kernels promise each other. Plain arrays only: these files are compiled once per
// instruction set, and anything inline from the standard library could leak AVX-512 code into the
// copy that an older CPU runs. Threads and memory are therefore the business of module.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace recsys {

// Every row u of a CSR matrix poses
//     (base + sum_j w_j y_j y_j' + ridge_u I) x_u = base_rhs + sum_j t_j y_j
// over its entries j, with y_j row columns[j] of the other side's factors. For conjugate gradients
// the base is diagonal: the coordinates are turned beforehand. Everything of `stride` floats is a
// row of `width` padded with zeros to whole vectors.
struct RowProblems {
    const int64_t* indptr;
    const int32_t* columns;
    const float* weights;   // w_j >= 0; null means all 1
    const float* targets;   // t_j; null means all `target`
    float target;
    const float* factors;   // (n_columns, stride)
    int64_t width, stride;
    const float* base;      // (stride, stride) for Cholesky, (stride,) its diagonal for conjugate
                            // gradients; or null
    const float* base_rhs;  // (stride,) or null
    const float* typical;   // (stride,) mean square of an entry's factors, for the preconditioner
    const float* ridge;     // (n_rows,)
    float* solution;        // (n_rows, width): the start on entry (conjugate gradients), x on return
    double* energy;         // (n_rows,): x'Ax - 2x'b at the solution; NaN where there is none
    int64_t n_rows, n_columns;
    int n_steps;            // conjugate-gradient steps; 0 asks for Cholesky
};

// The k best columns of `queries @ items.T + bias` for every query.
struct TopK {
    const float* queries;            // (n_queries, width)
    const float* packed_items;       // panels of `panel_width` items: (n_panels, width, panel_width)
    const float* packed_bias;        // (n_panels * panel_width,)
    const int32_t* item_of_column;   // (n_columns,), increasing
    int64_t n_columns;
    int64_t width;
    const int64_t* excluded_indptr;  // CSR of the items not to return, columns sorted; or null
    const int32_t* excluded;
    int64_t k;
    int32_t* items;                  // (n_queries, k), -1 where nothing was left
    float* scores;                   // (n_queries, k), NaN there
};

// One instruction set's worth of code.
struct Isa {
    const char* name;
    int64_t (*row_scratch)(int64_t width);  // floats of 64-byte aligned scratch a worker needs
    int64_t (*stride)(int64_t width);       // width rounded up to whole vectors
    int64_t (*long_row)(const RowProblems&);  // entries from which a row is long
    int64_t (*group_rows)(int64_t width);     // most rows that one call of solve may be given
    // Rows that are all long, and solved together, or all short.
    void (*solve)(const RowProblems&, const int64_t* rows, int64_t count, float* scratch);
    int64_t panel_width;
    int64_t (*top_k_scratch)(int64_t width, int64_t k);
    void (*top_k)(const TopK&, int64_t begin, int64_t end, float* scratch);
};

#define RECSYS_DECLARE(isa)                                                       \
    namespace isa {                                                               \
    int64_t row_scratch(int64_t width);                                           \
    int64_t stride(int64_t width);                                                \
    int64_t long_row(const RowProblems&);                                         \
    int64_t group_rows(int64_t width);                                            \
    void solve(const RowProblems&, const int64_t* rows, int64_t, float* scratch); \
    int64_t panel_width();                                                        \
    int64_t top_k_scratch(int64_t width, int64_t k);                              \
    void top_k(const TopK&, int64_t begin, int64_t end, float* scratch);          \
    }
RECSYS_DECLARE(baseline)
RECSYS_DECLARE(avx2)
RECSYS_DECLARE(avx512)

constexpr int64_t kTopKBlock = 64;  // queries that share one pass over the items

}  // namespace recsys
