// Sums of outer products and Cholesky factorization of one dense matrix, in tiles held in
// registers.
#pragma once
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int kTileRows = kLanes == 16 ? 8 : 4;  // rows of the outer-product tile

// matrix[i, j] +-= sum_e y_e[i] y_e[j] for a tile of kTileRows rows and two vectors of columns,
// held in registers while the entries stream past.
template <bool Minus>
RECSYS_INLINE void outer_tile(float* matrix, int64_t n, const float* block, int64_t entries,
                              int64_t i, int64_t j) {
    Vec acc[kTileRows][2];
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < 2; ++v) acc[a][v] = load(matrix + (i + a) * n + j + v * kLanes);
    for (const float* y = block; y < block + entries * n; y += n)
        for (int a = 0; a < kTileRows; ++a)
            for (int v = 0; v < 2; ++v)
                acc[a][v] += splat(Minus ? -y[i + a] : y[i + a]) * load(y + j + v * kLanes);
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < 2; ++v) store(matrix + (i + a) * n + j + v * kLanes, acc[a][v]);
}

// The same for kLanes rows from row i on and all columns from there: the upper triangle. What is
// written below the diagonal is never read.
template <bool Minus>
void outer_strip(float* matrix, int64_t n, const float* block, int64_t entries, int64_t i) {
    for (int64_t j = i / (2 * kLanes) * (2 * kLanes); j < n; j += 2 * kLanes)
        for (int a = 0; a < kLanes; a += kTileRows)
            outer_tile<Minus>(matrix, n, block, entries, i + a, j);
}

// A = U'U in place, U upper triangular with its diagonal inverted. From a panel of kLanes rows the
// contributions of the rows above are subtracted, then those of its own rows, a vector of columns
// at a time. Where A is not positive definite a root is NaN, and so is everything computed from it.
void factorize(float* a, int64_t n) {
    for (int64_t first = 0; first < n; first += kLanes) {
        outer_strip<true>(a, n, a, first, first);
        float* square = a + first * n + first;
        float inverse[kLanes];
        for (int64_t j = 0; j < n - first; j += kLanes) {
            Vec r[kLanes];
            for (int k = 0; k < kLanes; ++k) r[k] = load(square + k * n + j);
            for (int k = 0; k < kLanes; ++k) {
                if (j == 0) inverse[k] = 1 / __builtin_sqrtf(r[k][k]);
                store(square + k * n + j, r[k] *= splat(inverse[k]));
                for (int i = k + 1; i < kLanes; ++i) r[i] -= r[k] * splat(square[k * n + i]);
            }
        }
        for (int k = 0; k < kLanes; ++k) square[k * n + k] = inverse[k];
    }
}

// z = U'^-1 z in place.
void forward(const float* u, int64_t n, float* z) {
    for (int64_t k = 0; k < n; ++k) {
        z[k] *= u[k * n + k];
        for (int64_t j = k + 1; j < n; ++j) z[j] -= u[k * n + j] * z[k];
    }
}

// x = U^-1 z.
void backward(const float* u, int64_t n, const float* z, float* x) {
    std::memset(x, 0, n * sizeof(float));
    for (int64_t k = n - 1; k >= 0; --k) {
        Vec taken{};  // x is still zero up to k
        for (int64_t j = k / kLanes * kLanes; j < n; j += kLanes)
            taken += load(u + k * n + j) * load(x + j);
        x[k] = (z[k] - sum(taken)) * u[k * n + k];
    }
}

}  // namespace
}  // namespace recsys
