// Entries of sorted CSR rows: where pairs are among them, and room for more. They move bytes and do
// no arithmetic, so one copy serves every instruction set.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

namespace recsys {

// For pairs [begin, end): the position of the entry in its row, or of the one before which it
// belongs, and whether it is there.
inline void find_entries(const int64_t* indptr, const int32_t* columns, const int64_t* pair_rows,
                         const int32_t* pair_columns, int64_t begin, int64_t end, int64_t* at,
                         bool* there) {
    for (int64_t i = begin; i < end; ++i) {
        const int32_t* first = columns + indptr[pair_rows[i]];
        const int32_t* last = columns + indptr[pair_rows[i] + 1];
        const int32_t* found = std::lower_bound(first, last, pair_columns[i]);
        at[i] = found - columns;
        there[i] = found != last && *found == pair_columns[i];
    }
}

// Puts the values [begin, end) of `more` before the elements `at` of `old` (not decreasing), with
// what comes before each of them; the last one brings the rest of `old` along.
template <class T>
void insert(const T* old, int64_t n_old, const int64_t* at, const T* more, int64_t n_more,
            int64_t begin, int64_t end, T* out) {
    for (int64_t i = begin; i < end; ++i) {
        const int64_t from = i ? at[i - 1] : 0;
        std::memcpy(out + from + i, old + from, sizeof *old * (at[i] - from));
        out[at[i] + i] = more[i];
    }
    if (end == n_more)
        std::memcpy(out + at[end - 1] + end, old + at[end - 1],
                    sizeof *old * (n_old - at[end - 1]));
}

}  // namespace recsys
