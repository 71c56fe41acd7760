// The passes of the row solver over the entries of a row. A pass computes the residual b - A x of a
// guess, or, without targets, the product -A p of a conjugate-gradient step. The last step of a
// fixed number needs no more than p'A p, half of that work. A pass reads the factors in place and
// prefetches the next ones, also across the end of the row. At hundreds of factors it is bound by
// what it reads, so there may be factors in 16 bits to read instead of floats.
#pragma once
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kAheadBytes = 4096;  // how far a sweep prefetches
template <class T>
constexpr int64_t kLine = 64 / sizeof(T);  // numbers in a cache line

// The state of a row while it is being solved.
struct Row {
    int64_t number, begin, end, at;  // entries [begin, end), of which those before `at` are swept
    int64_t steps;                   // conjugate-gradient steps left
    float ridge, rz;
    double energy, start, noise;
    double targets, weights;  // sum t (y . x) and sum w
    double curvature;         // p'A p of the last step
    const float* rhs;         // base_rhs of this row, or null
    float *x, *r, *p, *q, *m;

    bool solved() const { return !(rz > noise); }
    bool moving() const { return !solved() && steps > 0; }
};

// The factors of an entry.
template <class T>
RECSYS_INLINE const T* factors_of(const RowProblems& all, int64_t n, int64_t entry) {
    if constexpr (sizeof(T) == sizeof(float))
        return all.factors + all.columns[entry] * n;
    else
        return all.halves + all.columns[entry] * n;
}

// Prefetches the factors of an entry, if there is such an entry.
template <class T>
RECSYS_INLINE void prefetch(const RowProblems& all, int64_t n, int64_t entry) {
    if (entry >= all.indptr[all.n_rows]) return;
    const T* y = factors_of<T>(all, n, entry);
    for (int64_t k = 0; k < n; k += kLine<T>) __builtin_prefetch(y + k);
}

// Prefetches what `load_pair(y + k)` will read, every cache line once.
template <class T>
RECSYS_INLINE void prefetch_pair(const T* y, int64_t k) {
    if (2 * kLanes >= kLine<T> || k % kLine<T> == 0)
        for (int64_t i = 0; i < 2 * kLanes; i += kLine<T>) __builtin_prefetch(y + k + i);
}

// Whether the prefetches of an entry are spread over the work on another: many at a time would hold
// it up.
template <int NV>
constexpr bool kWide = NV == 0 || NV > 8;

// The factors of `real` entries from j on, the first of them again where there are fewer than N,
// and those to prefetch meanwhile; of narrow rows they are prefetched now.
template <int NV, int N, class T>
RECSYS_INLINE void gather(const RowProblems& all, int64_t n, int64_t j, int64_t real,
                          const T* (&y)[N], const T* (&next)[N]) {
    const int64_t ahead = kAheadBytes / sizeof(T) / n + N, n_entries = all.indptr[all.n_rows];
    for (int64_t i = 0; i < N; ++i) {
        y[i] = factors_of<T>(all, n, j + (i < real ? i : 0));
        const int64_t later = j + ahead + i;
        if (kWide<NV>)
            next[i] = factors_of<T>(all, n, later < n_entries ? later : j);
        else
            prefetch<T>(all, n, later);
    }
}

// Sweeps the entries from `at` to `to`: r += sum_j (t_j - w_j (y_j . x)) y_j, or without targets
// q += sum_j -w_j (y_j . p) y_j. Takes four entries at a time, so that x and r are read once for
// all four. One call or several give the same bits, because all sums go entry by entry. NV is the
// number of vectors in a row; 0 leaves it to run time, which is a third slower at narrow widths.
template <int NV, class T>
void sweep(const RowProblems& all, Row& row, int64_t to, bool residual) {
    const float* p = residual ? row.x : row.p;
    float* out = residual ? row.r : row.q;
    const float* targets = residual ? all.targets : nullptr;
    const Vec4 one = Vec4{} + 1.0f, target = one * (residual ? all.target : 0);
    const int64_t n = NV ? NV * kLanes : all.stride;
    double sum_t = row.targets, sum_w = row.weights;
    for (int64_t j = row.at; j < to; j += 4) {
        const T *y[4], *next[4];
        Vec4 w = one, t = target;  // missing entries of the last four get weight 0
        const int64_t real = to - j < 4 ? to - j : 4;
        gather<NV>(all, n, j, real, y, next);
        if (all.weights) std::memcpy(&w, all.weights + j, real * sizeof(float));
        if (targets) std::memcpy(&t, targets + j, real * sizeof(float));
        for (int64_t i = real; i < 4; ++i) w[i] = t[i] = 0;
        Vec d[4] = {}, e[4] = {};
        for (int64_t k = 0; k < n; k += 2 * kLanes) {
            const Pair of_p = load_pair(p + k);
            for (int i = 0; kWide<NV> && i < 4; ++i) prefetch_pair(next[i], k);
            for (int i = 0; i < 4; ++i) {
                const Pair of_y = load_pair(y[i] + k);
                d[i] += of_y.first * of_p.first;
                e[i] += of_y.second * of_p.second;
            }
        }
        const Vec4 yp = sum4(d[0] + e[0], d[1] + e[1], d[2] + e[2], d[3] + e[3]);
        const Vec4 c = t - w * yp, typ = t * yp;
        for (int i = 0; residual && i < 4; ++i) {
            sum_t += typ[i];
            sum_w += w[i];
        }
        for (int64_t k = 0; k < n; k += 2 * kLanes) {
            Pair more = load_pair(out + k);
            for (int i = 0; i < 4; ++i) {
                const Pair of_y = load_pair(y[i] + k);
                more.first += of_y.first * splat(c[i]);
                more.second += of_y.second * splat(c[i]);
            }
            store(out + k, more.first);
            store(out + k + kLanes, more.second);
        }
    }
    row.targets = sum_t;
    row.weights = sum_w;
    row.at = to;
}

// Sweeps the entries from `at` to `to`: curvature += sum_j w_j (y_j . p)^2. Takes eight entries at
// a time, so that p is read once for all eight.
template <int NV, class T>
void sweep_last(const RowProblems& all, Row& row, int64_t to) {
    const float* p = row.p;
    const int64_t n = NV ? NV * kLanes : all.stride;
    double curvature = row.curvature;
    for (int64_t j = row.at; j < to; j += 8) {
        const T *y[8], *next[8];
        const int64_t real = to - j < 8 ? to - j : 8;
        gather<NV>(all, n, j, real, y, next);
        Vec d[8] = {};
        for (int64_t k = 0; k < n; k += 2 * kLanes) {
            const Pair of_p = load_pair(p + k);
            for (int i = 0; kWide<NV> && i < 8; ++i) prefetch_pair(next[i], k);
            for (int i = 0; i < 8; ++i) {
                const Pair of_y = load_pair(y[i] + k);
                d[i] += of_y.first * of_p.first;
                d[i] += of_y.second * of_p.second;
            }
        }
        const Vec4 yp[2] = {sum4(d[0], d[1], d[2], d[3]), sum4(d[4], d[5], d[6], d[7])};
        for (int64_t i = 0; i < real; ++i) {
            const double one = yp[i / 4][i % 4];
            curvature += (all.weights ? all.weights[j + i] : 1) * one * one;
        }
    }
    row.curvature = curvature;
    row.at = to;
}

struct Sweeps {
    void (*full)(const RowProblems&, Row&, int64_t, bool);
    void (*last)(const RowProblems&, Row&, int64_t);
};
template <int NV, class T>
constexpr Sweeps sweeps{sweep<NV, T>, sweep_last<NV, T>};

template <class T>
Sweeps sweeps_for(int64_t n_vectors) {
    constexpr Sweeps few[] = {sweeps<0, T>, sweeps<2, T>, sweeps<4, T>, sweeps<6, T>, sweeps<8, T>};
    return n_vectors <= 8    ? few[n_vectors / 2]
           : n_vectors == 12 ? sweeps<12, T>
           : n_vectors == 16 ? sweeps<16, T>
                             : sweeps<0, T>;
}

Sweeps sweeps_of(const RowProblems& all) {
    const int64_t n_vectors = all.stride / kLanes;
    return all.halves ? sweeps_for<uint16_t>(n_vectors) : sweeps_for<float>(n_vectors);
}

}  // namespace
}  // namespace recsys
