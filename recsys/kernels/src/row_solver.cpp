// The row problem: (base + sum w y y' + ridge I) x = base_rhs + sum t y, one row at a time.
//
// All work on the entries of a row is done by passes of one kind (sweeps.hpp). Later passes over a
// short row find its factors in the cache. Long rows make their passes together, one block of
// columns after the other, so that the factors of the block stay in the cache while all rows use
// them. The caller decides which rows are long.
#include "cholesky.hpp"
#include "kernels.hpp"
#include "sweeps.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kBlockFloats = 4096;  // floats of entries whose outer products are added together

int64_t block_entries(int64_t stride) {
    const int64_t n = kBlockFloats / stride / 4 * 4;
    return n < 16 ? 16 : n;
}

// One worker's memory, cut from one aligned piece: for every row of a group its state and its five
// vectors; for direct solutions a block of entries and the matrix.
constexpr int64_t kRowFloats = (sizeof(Row) + 63) / 64 * 16;
struct Scratch {
    Row* rows;
    float *block, *matrix;
    Scratch(float* memory, int64_t n, int64_t n_rows) {
        rows = reinterpret_cast<Row*>(memory);
        block = memory + n_rows * kRowFloats;
        matrix = block + block_entries(n) * n;
        float* vectors = matrix + n * n;
        for (Row* row = rows; row < rows + n_rows; ++row) {
            float** own[] = {&row->x, &row->r, &row->p, &row->q, &row->m};
            for (float** vector : own) *vector = vectors, vectors += n;
        }
    }
    static int64_t floats(int64_t n, int64_t n_rows) {
        return n_rows * (kRowFloats + 5 * n) + (block_entries(n) + n) * n;
    }
};

// Summed in double: an energy is a small difference of large terms.
double dot(const float* a, const float* b, int64_t n) {
    double s[4] = {0, 0, 0, 0};
    for (int64_t k = 0; k < n; k += 4)
        for (int i = 0; i < 4; ++i) s[i] += static_cast<double>(a[k + i]) * b[k + i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

// kLanes numbers of the diagonal of A, without the contribution of the entries.
RECSYS_INLINE Vec diagonal(const RowProblems& all, float ridge, int64_t k) {
    return splat(ridge) + (all.base ? load(all.base + k) : Vec{});
}

// What a pass computes: the residual b - A x into r, the product -A p into q, or p'A p.
enum class Pass { residual, product, last };

// The start of a pass, without the entries.
void start(const RowProblems& all, Row& row, Pass kind) {
    row.at = row.begin;
    if (kind == Pass::last) {
        double curvature = 0;
        for (int64_t k = 0; k < all.stride; k += kLanes) {
            const Vec p = load(row.p + k);
            curvature += sum(diagonal(all, row.ridge, k) * p * p);
        }
        row.curvature = curvature;
        return;
    }
    const bool residual = kind == Pass::residual;
    if (residual) row.targets = row.weights = 0;
    for (int64_t k = 0; k < all.stride; k += kLanes) {
        const Vec rhs = residual && row.rhs ? load(row.rhs + k) : Vec{};
        const Vec p = load((residual ? row.x : row.p) + k);
        store((residual ? row.r : row.q) + k, rhs - diagonal(all, row.ridge, k) * p);
    }
}

// One pass of all rows over their entries. Several rows go by blocks of columns, for which the
// columns of a row are best sorted.
void pass(const RowProblems& all, Sweeps sweeps, Row* rows, int64_t count, Pass kind) {
    const int64_t width = count > 1 ? all.block_columns : all.n_columns;
    int64_t stop = 0;
    do {
        stop += width;
        for (Row* row = rows; row < rows + count; ++row) {
            if (kind != Pass::residual && !row->moving()) continue;
            if (stop == width) start(all, *row, kind);
            int64_t to = row->end;
            if (count > 1)
                for (to = row->at; to < row->end && all.columns[to] < stop;) ++to;
            if (kind == Pass::last)
                sweeps.last(all, *row, to);
            else
                sweeps.full(all, *row, to, kind == Pass::residual);
        }
    } while (stop < all.n_columns);
}

// x'Ax - 2x'b where r is the residual.
double energy_at(const RowProblems& all, const Row& row) {
    const double energy = -dot(row.x, row.r, all.stride) - row.targets;
    return row.rhs ? energy - dot(row.x, row.rhs, all.stride) : energy;
}

// The first direction, from the residual at x and the preconditioner m = 1 / diag A. An exact
// solution uses conjugate gradients where they are expected to be faster than a factorization. Both
// sides of that comparison were fitted to measurements: the steps to reach rounding grow with the
// root of what the entries add to the diagonal. Where A might not be positive definite it is
// factorized, which detects it.
void open(const RowProblems& all, Row& row) {
    const int64_t n = all.stride;
    Vec rz{}, shares{};
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec d = diagonal(all, row.ridge, k);
        const Vec entries = splat(static_cast<float>(row.weights)) * load(all.typical + k);
        const Vec a = d + entries, r = load(row.r + k), m = a > 0 ? 1 / a : Vec{};
        store(row.m + k, m);
        store(row.p + k, m * r);
        rz += r * m * r + (a - a);  // NaN where that overflows
        shares += d < 0 ? splat(__builtin_inff()) : entries > 0 ? entries / d : Vec{};
    }
    row.rz = sum(rz);
    row.energy = row.start = energy_at(all, row) + (row.rz - row.rz);
    // Below this the residual is rounding noise, and so would be its direction.
    row.noise = 1e-14 * (row.rz + (row.energy < 0 ? -row.energy : row.energy));
    row.steps = all.n_steps;
    if (row.steps > 0) return;
    if (all.spread) {  // which needs the factorization
        row.noise = -1;
        return;
    }
    const float steps = 6 + 9 * __builtin_sqrtf(sum(shares) / all.width);
    const bool sooner = steps < 0.2f * n + n * n / (15.0f * (row.end - row.begin));
    row.steps = sooner ? static_cast<int64_t>(3 * steps) : 0;
    if (!sooner) row.noise = -1;
}

void step(const RowProblems& all, Row& row) {
    const int64_t n = all.stride;
    const float alpha = -row.rz / static_cast<float>(dot(row.p, row.q, n));
    row.energy -= static_cast<double>(alpha) * row.rz;
    Vec rz{};
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec r = load(row.r + k) + load(row.q + k) * splat(alpha);
        store(row.x + k, load(row.x + k) + load(row.p + k) * splat(alpha));
        store(row.r + k, r);
        rz += r * load(row.m + k) * r;
    }
    const float next = sum(rz);
    const Vec beta = splat(next / row.rz);
    for (int64_t k = 0; k < n; k += kLanes)
        store(row.p + k, load(row.r + k) * load(row.m + k) + load(row.p + k) * beta);
    row.rz = next;
    row.steps -= 1;
}

// The last step of a fixed number: nothing follows that would need the residual.
void last_step(const RowProblems& all, Row& row) {
    const float alpha = row.rz / static_cast<float>(row.curvature);
    row.energy -= static_cast<double>(alpha) * row.rz;
    for (int64_t k = 0; k < all.stride; k += kLanes)
        store(row.x + k, load(row.x + k) + load(row.p + k) * splat(alpha));
    row.steps = 0;
}

// Conjugate gradients (Hestenes & Stiefel 1952) from the current x, preconditioned by the diagonal
// of A (Jacobi). Where the base is diagonal, that removes most of the ill-conditioning of A; the
// entries' share of the diagonal is estimated as a typical entry times the sum of their weights.
// The energy x'Ax - 2x'b is known at the start, and every step lowers it by alpha r'm r.
void conjugate_gradients(const RowProblems& all, Sweeps sweeps, Row* rows, int64_t count) {
    pass(all, sweeps, rows, count, Pass::residual);
    for (Row* row = rows; row < rows + count; ++row) open(all, *row);
    // Of a fixed number of steps, every row that moves has as many left.
    int64_t left = all.n_steps;
    for (bool moving = true; moving; --left) {
        const bool last = left == 1;
        pass(all, sweeps, rows, count, last ? Pass::last : Pass::product);
        moving = false;
        for (Row* row = rows; row < rows + count; ++row) {
            if (row->moving()) last ? last_step(all, *row) : step(all, *row);
            moving = moving || row->moving();
        }
    }
}

// The matrix A of a row, from blocks of entries: sqrt(w) y goes into the block, whose outer
// products are added. Between its strips the next block is prefetched.
void normal_matrix(const RowProblems& all, const Row& row, const Scratch& s) {
    const int64_t n = all.stride, capacity = block_entries(n);
    std::memset(s.matrix, 0, n * n * sizeof(float));
    for (int64_t k = 0; k < n; ++k)  // 1 in the padding
        s.matrix[k * n + k] = k < all.width ? row.ridge + (all.base ? all.base[k] : 0) : 1;
    for (int64_t from = row.begin; from < row.end; from += capacity) {
        const int64_t to = row.end - from < capacity ? row.end : from + capacity;
        float* out = s.block;
        for (int64_t j = from; j < to; ++j, out += n) {
            const float* y = all.factors + all.columns[j] * n;
            const Vec root = splat(all.weights ? __builtin_sqrtf(all.weights[j]) : 1);
            for (int64_t k = 0; k < n; k += kLanes) store(out + k, load(y + k) * root);
        }
        int64_t next = to;
        for (int64_t i = 0; i < n; i += kLanes) {
            for (; next < to + (i + kLanes) * capacity / n; ++next) prefetch<float>(all, n, next);
            outer_strip<false>(s.matrix, n, s.block, to - from, i);
        }
    }
}

// x += A^-1 r with the current residual, that of the start or of the last conjugate-gradient step.
// With a spread also U^-1 z, whose covariance is A^-1 where that of z is I. That is the noise of a
// draw, and raises x'Ax - 2x'b by z'z above its minimum.
void direct(const RowProblems& all, Row& row, const Scratch& s) {
    normal_matrix(all, row, s);
    factorize(s.matrix, all.stride);
    std::memcpy(row.q, row.r, all.stride * sizeof(float));
    forward(s.matrix, all.stride, row.q);
    if (all.spread) {
        const float* z = all.spread + row.number * all.stride;
        row.energy += dot(z, z, all.stride) - dot(row.q, row.q, all.stride);
        for (int64_t k = 0; k < all.stride; ++k) row.q[k] += z[k];
    }
    backward(s.matrix, all.stride, row.q, row.p);
    if (!all.spread) row.energy -= dot(row.p, row.r, all.stride);
    for (int64_t k = 0; k < all.stride; ++k) row.x[k] += row.p[k];
}

}  // namespace

namespace RECSYS_ISA {

int64_t scratch(int64_t stride, int64_t at_once) { return Scratch::floats(stride, at_once); }

void solve(const RowProblems& all, const int64_t* rows, int64_t count, int64_t at_once,
           float* memory) {
    const int64_t width = all.width, n = all.stride;
    const Sweeps sweeps = sweeps_of(all);
    const Scratch s(memory, n, at_once);
    for (; count > 0; rows += at_once, count -= at_once) {
        for (int64_t i = 0; i < at_once; ++i) {
            Row& row = s.rows[i];
            row.number = rows[i];
            row.begin = all.indptr[rows[i]];
            row.end = all.indptr[rows[i] + 1];
            row.ridge = all.ridge[rows[i]];
            row.rhs = all.base_rhs ? all.base_rhs + rows[i] * all.rhs_stride : nullptr;
            std::memset(row.x, 0, n * sizeof(float));
            std::memcpy(row.x, all.solution + rows[i] * width, width * sizeof(float));
        }
        if (s.rows[0].begin == s.rows[0].end && !all.base_rhs && !all.spread) {
            std::memset(s.rows[0].x, 0, n * sizeof(float));
            std::memset(all.solution + rows[0] * width, 0, width * sizeof(float));
            s.rows[0].energy = s.rows[0].start = 0;
        } else {
            conjugate_gradients(all, sweeps, s.rows, at_once);
            for (Row* row = s.rows; all.n_steps == 0 && row < s.rows + at_once; ++row)
                if (!row->solved()) direct(all, *row, s);
        }
        for (Row* row = s.rows; row < s.rows + at_once; ++row) {
            float* out = all.solution + row->number * width;
            // Along the line from the start through x the energy is a parabola with its minimum at
            // x.
            const float beyond = all.relaxation - 1;
            row->energy += static_cast<double>(beyond) * beyond * (row->start - row->energy);
            for (int64_t k = 0; k < width; ++k) row->x[k] += beyond * (row->x[k] - out[k]);
            if (!(row->energy - row->energy == 0)) {  // NaN and infinity fail the comparison
                for (int64_t k = 0; k < width; ++k) row->x[k] = __builtin_nanf("");
                row->energy = __builtin_nan("");
            }
            std::memcpy(out, row->x, width * sizeof(float));
            all.energy[row->number] = row->energy;
        }
    }
}

extern const RowSolver row_solver{2 * kLanes, scratch, solve};

}  // namespace RECSYS_ISA
}  // namespace recsys
