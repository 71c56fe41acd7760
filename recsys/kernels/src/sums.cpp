// Sums of rows of a table: out_u = sum_j table[columns[j]] over the entries j of row u.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kAhead = 16;  // entries that are prefetched

// NV vectors of each row, from column k on. Odd and even entries are summed apart, because an
// addition takes longer than a load.
template <int NV>
void sum_block(const RowSums& all, int64_t begin, int64_t end, int64_t k) {
    const int64_t n_entries = all.indptr[all.n_rows];
    for (int64_t u = begin; u < end; ++u) {
        Vec odd[NV] = {}, even[NV] = {};
        int64_t j = all.indptr[u];
        const int64_t to = all.indptr[u + 1];
        for (; j < to; j += 2) {
            if (j + kAhead + 1 < n_entries) {
                __builtin_prefetch(all.table + all.columns[j + kAhead] * all.stride + k);
                __builtin_prefetch(all.table + all.columns[j + kAhead + 1] * all.stride + k);
            }
            const float* y = all.table + all.columns[j] * all.stride + k;
            for (int v = 0; v < NV; ++v) even[v] += load(y + v * kLanes);
            if (j + 1 == to) break;
            y = all.table + all.columns[j + 1] * all.stride + k;
            for (int v = 0; v < NV; ++v) odd[v] += load(y + v * kLanes);
        }
        float* out = all.out + u * all.stride + k;
        for (int v = 0; v < NV; ++v) store(out + v * kLanes, odd[v] + even[v]);
    }
}

}  // namespace

namespace RECSYS_ISA {

void sum_rows(const RowSums& all, int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 4 * kLanes;
    int64_t k = 0;
    for (; k + kBlock <= all.stride; k += kBlock) sum_block<4>(all, begin, end, k);
    for (; k < all.stride; k += 2 * kLanes) sum_block<2>(all, begin, end, k);
}

extern const Adder adder{sum_rows};

}  // namespace RECSYS_ISA
}  // namespace recsys
