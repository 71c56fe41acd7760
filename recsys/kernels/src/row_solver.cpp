// The row problem: (base + sum w y y' + ridge I) x = base_rhs + sum t y, one row at a time.
//
// What the entries of a row are needed for is one pass over them, `sweep`: it gives the residual
// b - A x of a guess, and without targets the product -A p of a conjugate-gradient step. It reads
// the factors where they lie and asks ahead for those to come, across the border to the next row.
// A short row's later passes find them in cache. Long rows take their passes together, one block of
// columns after the other, so that the block's factors stay in cache while all of them use it. The
// caller says which rows those are.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kAheadFloats = 1024;       // how far a sweep asks ahead
constexpr int64_t kBlockFloats = 4096;       // entries whose outer products are added at a time
constexpr int kTileRows = kLanes == 16 ? 8 : 4;  // of the outer-product tile, broadcast
constexpr float kDualMost = 1e3f;            // beyond it the dual form would lose too many digits

// What sweeps find besides: sum t (y . p) and sum w.
struct Sums {
    double targets, weights;
};

// One row on its way to its solution.
struct Row {
    int64_t number, begin, end, at;  // entries [begin, end), of which those before `at` are swept
    float ridge, rz;
    double energy, start, noise;
    Sums sums;
    float *x, *r, *p, *q, *m;

    bool moving() const { return rz > noise; }
};

int64_t block_entries(int64_t stride) {
    const int64_t n = kBlockFloats / stride / 4 * 4;
    return n < 16 ? 16 : n;
}
int64_t block_floats(int64_t stride) {  // for the dual form it takes a row as long as it is wide
    const int64_t entries = block_entries(stride);
    return (entries < stride ? stride : entries) * stride;
}

// One worker's memory, cut from one aligned piece: for every row of a group its five vectors and its
// state; for direct solutions a block of entries and the matrix.
constexpr int64_t kRowFloats = (sizeof(Row) + 63) / 64 * 16;
struct Scratch {
    Row* rows;
    float *block, *matrix;
    Scratch(float* memory, int64_t n, int64_t n_rows) {
        rows = reinterpret_cast<Row*>(memory);
        block = memory + n_rows * kRowFloats;
        matrix = block + block_floats(n);
        float* vectors = matrix + n * n;
        for (Row* row = rows; row < rows + n_rows; ++row, vectors += 5 * n) {
            row->x = vectors;
            row->r = row->x + n;
            row->p = row->r + n;
            row->q = row->p + n;
            row->m = row->q + n;
        }
    }
    static int64_t floats(int64_t n, int64_t n_rows) {
        return n_rows * (kRowFloats + 5 * n) + block_floats(n) + n * n;
    }
};

// Has the factors of an entry to come moved into cache.
RECSYS_INLINE void ask_for(const RowProblems& all, int64_t n, int64_t entry) {
    if (entry >= all.indptr[all.n_rows]) return;
    const float* y = all.factors + all.columns[entry] * n;
    for (int64_t k = 0; k < n; k += 16) __builtin_prefetch(y + k);
}

// out += sum_j (t_j - w_j (y_j . p)) y_j over entries [from, to), four at a time so that p and out
// are read once for them; without `sums`, the targets count as zero. Entries given in one call or in
// several: the bits are the same, because all sums go entry by entry. NV is the number of vectors in
// a row; 0 leaves it to run time, which costs a third at narrow widths.
template <int NV>
void sweep(const RowProblems& all, int64_t from, int64_t to, const float* p, float* out,
           Sums* sums) {
    const float* targets = sums ? all.targets : nullptr;
    const float target = sums ? all.target : 0.0f;
    Sums sum = sums ? *sums : Sums{};
    const int64_t n = NV ? NV * kLanes : all.stride;
    const int64_t ahead = kAheadFloats / n + 4;
    const auto at = [&](int64_t j) { return all.factors + all.columns[j] * n; };
    const auto four = [&](const float* y0, const float* y1, const float* y2, const float* y3, Vec4 w,
                          Vec4 t) __attribute__((always_inline)) {
        Vec d0{}, d1{}, d2{}, d3{};
        for (int64_t k = 0; k < n; k += kLanes) {
            const Vec pk = load(p + k);
            d0 += load(y0 + k) * pk;
            d1 += load(y1 + k) * pk;
            d2 += load(y2 + k) * pk;
            d3 += load(y3 + k) * pk;
        }
        const Vec4 d = sum4(d0, d1, d2, d3), c = t - w * d;
        const Vec4 td = t * d;
        for (int i = 0; sums && i < 4; ++i) {
            sum.targets += td[i];
            sum.weights += w[i];
        }
        const Vec c0 = splat(c[0]), c1 = splat(c[1]), c2 = splat(c[2]), c3 = splat(c[3]);
        for (int64_t k = 0; k < n; k += kLanes)
            store(out + k, load(out + k) + load(y0 + k) * c0 + load(y1 + k) * c1 +
                               load(y2 + k) * c2 + load(y3 + k) * c3);
    };
    const Vec4 one = Vec4{} + 1.0f;
    int64_t j = from;
    for (; j + 4 <= to; j += 4) {
        for (int64_t i = 0; i < 4; ++i) ask_for(all, n, j + ahead + i);
        Vec4 w = one, t = one * target;
        if (all.weights) std::memcpy(&w, all.weights + j, sizeof w);
        if (targets) std::memcpy(&t, targets + j, sizeof t);
        four(at(j), at(j + 1), at(j + 2), at(j + 3), w, t);
    }
    for (; j < to; ++j) {
        const float* y = at(j);
        ask_for(all, n, j + ahead);
        const float w = all.weights ? all.weights[j] : 1.0f, t = targets ? targets[j] : target;
        four(y, y, y, y, Vec4{w}, Vec4{t});  // the other three weigh nothing
    }
    if (sums) *sums = sum;
}

using Sweep = void (*)(const RowProblems&, int64_t, int64_t, const float*, float*, Sums*);

Sweep sweep_for(int64_t n_vectors) {
    constexpr Sweep few[] = {sweep<0>, sweep<1>, sweep<2>, sweep<3>, sweep<4>,
                             sweep<5>, sweep<6>, sweep<7>, sweep<8>};
    return n_vectors <= 8 ? few[n_vectors] : n_vectors == 12 ? sweep<12> :
           n_vectors == 16 ? sweep<16> : sweep<0>;
}

float dot(const float* a, const float* b, int64_t n) {
    Vec s{};
    for (int64_t k = 0; k < n; k += kLanes) s += load(a + k) * load(b + k);
    return sum(s);
}

// The same summed in double: an energy is a small difference of large terms.
double exact_dot(const float* a, const float* b, int64_t n) {
    double s[4] = {0, 0, 0, 0};
    for (int64_t k = 0; k < n; k += 4)
        for (int i = 0; i < 4; ++i) s[i] += static_cast<double>(a[k + i]) * b[k + i];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

void add_scaled(float* out, const float* a, float s, int64_t n) {
    for (int64_t k = 0; k < n; k += kLanes) store(out + k, load(out + k) + load(a + k) * splat(s));
}

// kLanes numbers of what stands on the diagonal of A without the entries (and of a full base).
RECSYS_INLINE Vec diagonal(const RowProblems& all, float ridge, int64_t k) {
    return splat(ridge) + (all.base && !all.full ? load(all.base + k) : Vec{});
}

// out = rhs - (base + ridge) p: the part of the residual that has no entries in it.
void start_residual(const RowProblems& all, float ridge, const float* rhs, const float* p,
                    float* out) {
    const int64_t n = all.stride;
    for (int64_t k = 0; k < n; k += kLanes)
        store(out + k, (rhs ? load(rhs + k) : Vec{}) - diagonal(all, ridge, k) * load(p + k));
    for (int64_t i = 0; all.full && i < all.width; ++i)  // its rows serve as columns
        add_scaled(out, all.base + i * n, -p[i], n);
}

// One pass of all rows over their entries: the residual at x into r, or the product -A p into q.
// Several rows go by blocks of columns, which are best sorted within a row.
void pass(const RowProblems& all, Sweep sweep, Row* rows, int64_t count, bool residual) {
    for (Row* row = rows; row < rows + count; ++row) {
        row->at = row->begin;
        if (residual) {
            row->sums = {};
            start_residual(all, row->ridge, all.base_rhs, row->x, row->r);
        } else if (row->moving()) {
            start_residual(all, row->ridge, nullptr, row->p, row->q);
        }
    }
    const int64_t width = count > 1 ? all.block_columns : all.n_columns;
    for (int64_t stop = width; stop < all.n_columns + width; stop += width)
        for (Row* row = rows; row < rows + count; ++row) {
            if (!residual && !row->moving()) continue;
            int64_t to = row->end;
            if (count > 1)
                for (to = row->at; to < row->end && all.columns[to] < stop;) ++to;
            if (residual) sweep(all, row->at, to, row->x, row->r, &row->sums);
            else sweep(all, row->at, to, row->p, row->q, nullptr);
            row->at = to;
        }
}

// x'Ax - 2x'b where r is the residual.
double energy_at(const RowProblems& all, const Row& row) {
    const double energy = -exact_dot(row.x, row.r, all.stride) - row.sums.targets;
    return all.base_rhs ? energy - exact_dot(row.x, all.base_rhs, all.stride) : energy;
}

// The first direction, from the residual at x and the preconditioner m = 1 / diag A.
void open(const RowProblems& all, Row& row) {
    const int64_t n = all.stride;
    Vec rz{};
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec a = diagonal(all, row.ridge, k) +
                      splat(static_cast<float>(row.sums.weights)) * load(all.typical + k);
        const Vec r = load(row.r + k), m = a > 0 ? 1 / a : Vec{};
        store(row.m + k, m);
        store(row.p + k, m * r);
        rz += r * m * r;
    }
    row.rz = sum(rz);
    row.energy = row.start = energy_at(all, row);
    // Below this the residual is rounding noise, and its direction would be too.
    row.noise = 1e-14 * (row.rz + (row.energy < 0 ? -row.energy : row.energy));
}

void step(int64_t n, Row& row) {
    const float alpha = -row.rz / dot(row.p, row.q, n);
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
}

// Conjugate gradients (Hestenes & Stiefel 1952) from the x at hand, preconditioned by the diagonal
// of A (Jacobi). In coordinates where the base is diagonal that is most of what makes A
// ill-conditioned; the entries' share of it is taken as that of a typical entry times their weight.
// The energy x'Ax - 2x'b is known at the start, and every step lowers it by alpha r'm r.
void conjugate_gradients(const RowProblems& all, Sweep sweep, Row* rows, int64_t count) {
    pass(all, sweep, rows, count, true);
    for (Row* row = rows; row < rows + count; ++row) open(all, *row);
    for (int i = 0; i < all.n_steps; ++i) {
        pass(all, sweep, rows, count, false);
        for (Row* row = rows; row < rows + count; ++row)
            if (row->moving()) step(all.stride, *row);
    }
}

// matrix[i, j] +-= sum_e y_e[i] y_e[j] for a tile of Rows rows and NV vectors of columns, held in
// registers while the entries stream past.
template <int Rows, int NV, bool Minus>
RECSYS_INLINE void outer_tile(float* matrix, int64_t n, const float* block, int64_t entries,
                              int64_t i, int64_t j) {
    Vec acc[Rows][NV];
    for (int a = 0; a < Rows; ++a)
        for (int v = 0; v < NV; ++v) acc[a][v] = load(matrix + (i + a) * n + j + v * kLanes);
    for (const float* y = block; y < block + entries * n; y += n) {
        Vec yj[NV];
        for (int v = 0; v < NV; ++v) yj[v] = load(y + j + v * kLanes);
        for (int a = 0; a < Rows; ++a) {
            const Vec yi = splat(Minus ? -y[i + a] : y[i + a]);
            for (int v = 0; v < NV; ++v) acc[a][v] += yi * yj[v];
        }
    }
    for (int a = 0; a < Rows; ++a)
        for (int v = 0; v < NV; ++v) store(matrix + (i + a) * n + j + v * kLanes, acc[a][v]);
}

// The same for kLanes rows from row i on and all columns from there, which is what the upper
// triangle needs (what is written below the diagonal is never read).
template <bool Minus>
void outer_strip(float* matrix, int64_t n, const float* block, int64_t entries, int64_t i) {
    int64_t j = i;
    if ((n - i) / kLanes % 2) {
        outer_tile<kLanes, 1, Minus>(matrix, n, block, entries, i, j);
        j += kLanes;
    }
    for (; j < n; j += 2 * kLanes)
        for (int a = 0; a < kLanes; a += kTileRows)
            outer_tile<kTileRows, 2, Minus>(matrix, n, block, entries, i + a, j);
}

// A = U'U in place, U upper triangular; false where A is not positive definite. A panel of kLanes
// rows gets what the rows above take from it, then its own square is eliminated. In the place of
// that square stands V = its U'^-1, lower triangular, so that whatever follows is products with V.
bool factorize(float* a, int64_t n) {
    for (int64_t first = 0; first < n; first += kLanes) {
        outer_strip<true>(a, n, a, first, first);
        float* panel = a + first * n;
        Vec own[kLanes], v[kLanes];
        for (int k = 0; k < kLanes; ++k) {
            own[k] = load(panel + k * n + first);
            v[k] = Vec{};
            v[k][k] = 1;
        }
        for (int k = 0; k < kLanes; ++k) {
            if (!(own[k][k] > 0)) return false;  // also catches NaN
            const Vec share = own[k] * splat(1 / own[k][k]);
            for (int i = k + 1; i < kLanes; ++i) {
                own[i] -= own[k] * splat(share[i]);
                v[i] -= v[k] * splat(share[i]);
            }
        }
        for (int k = 0; k < kLanes; ++k)
            store(panel + k * n + first, v[k] * splat(1 / __builtin_sqrtf(own[k][k])));
        for (int64_t j = first + kLanes; j < n; j += kLanes) {
            Vec r[kLanes];
            for (int k = 0; k < kLanes; ++k) r[k] = load(panel + k * n + j);
            for (int k = 0; k < kLanes; ++k) {
                const float* row = panel + k * n + first;
                Vec sum = r[0] * splat(row[0]);
                for (int i = 1; i <= k; ++i) sum += r[i] * splat(row[i]);
                store(panel + k * n + j, sum);
            }
        }
    }
    return true;
}

// The products of four rows, n apart, with x.
RECSYS_INLINE Vec4 dot4(const float* rows, int64_t n, const float* x, int64_t count) {
    Vec d[4] = {};
    for (int64_t k = 0; k < count; k += kLanes)
        for (int i = 0; i < 4; ++i) d[i] += load(rows + i * n + k) * load(x + k);
    return sum4(d[0], d[1], d[2], d[3]);
}

// x = A^-1 b from U: U'z = b forward, then U x = z backward, a panel at a time.
void substitute(const float* u, int64_t n, float* x) {
    for (int64_t first = 0; first < n; first += kLanes) {
        const float* panel = u + first * n;
        Vec4 z[kLanes / 4];
        for (int k = 0; k < kLanes; k += 4)
            z[k / 4] = dot4(panel + k * n + first, n, x + first, kLanes);
        std::memcpy(x + first, z, sizeof z);
        for (int64_t j = first + kLanes; j < n; j += kLanes) {
            Vec sum = load(x + j);
            for (int k = 0; k < kLanes; ++k) sum -= load(panel + k * n + j) * splat(x[first + k]);
            store(x + j, sum);
        }
    }
    for (int64_t first = n - kLanes; first >= 0; first -= kLanes) {
        const float* panel = u + first * n;
        const int64_t rest = first + kLanes;
        Vec sum{};
        for (int k = 0; k < kLanes; k += 4) {
            Vec4 z;
            std::memcpy(&z, x + first + k, sizeof z);
            z -= dot4(panel + k * n + rest, n, x + rest, n - rest);
            for (int i = 0; i < 4; ++i) sum += load(panel + (k + i) * n + first) * splat(z[i]);
        }
        store(x + first, sum);
    }
}

// The matrix A of a row and its residual at x, from blocks of entries: sqrt(w) y goes into the block
// whose outer products are added. Between its strips the next block is asked for.
void normal_equations(const RowProblems& all, Sweep sweep, Row& row, const Scratch& s) {
    const int64_t n = all.stride, capacity = block_entries(n);
    std::memset(s.matrix, 0, n * n * sizeof(float));
    if (all.full) std::memcpy(s.matrix, all.base, all.width * n * sizeof(float));
    for (int64_t k = 0; k < n; ++k)  // 1 where there are no more coordinates
        s.matrix[k * n + k] +=
            k < all.width ? diagonal(all, row.ridge, k / kLanes * kLanes)[k % kLanes] : 1;
    for (int64_t from = row.begin; from < row.end; from += capacity) {
        const int64_t to = row.end - from < capacity ? row.end : from + capacity;
        sweep(all, from, to, row.x, row.r, &row.sums);
        float* out = s.block;
        for (int64_t j = from; j < to; ++j, out += n) {
            const float* y = all.factors + all.columns[j] * n;
            const Vec root = splat(all.weights ? __builtin_sqrtf(all.weights[j]) : 1);
            for (int64_t k = 0; k < n; k += kLanes) store(out + k, load(y + k) * root);
        }
        int64_t next = to;
        for (int64_t i = 0; i < n; i += kLanes) {
            for (; next < to + (i + kLanes) * capacity / n; ++next) ask_for(all, n, next);
            outer_strip<false>(s.matrix, n, s.block, to - from, i);
        }
    }
}

// The dual form, for rows of few entries. With D = base + ridge and Z = sqrt(W) Y D^-1/2,
//     A^-1 = D^-1/2 (I - Z' (I + Z Z')^-1 Z) D^-1/2          (Woodbury 1950)
// so that the matrix to factorize is only as large as the row is long. D^-1/2 goes into m, Z' into
// the block, a coordinate a row; false where rounding would win.
bool dual_equations(const RowProblems& all, const Row& row, const Scratch& s, int64_t size) {
    const int64_t n = all.stride;
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec d = diagonal(all, row.ridge, k);
        for (int i = 0; i < kLanes; ++i) {
            if (!(d[i] > 0)) return false;
            row.m[k + i] = 1 / __builtin_sqrtf(d[i]);
        }
    }
    for (int64_t e = 0; e < size; e += 4) {
        const float* y[4];
        float root[4];
        for (int64_t i = 0; i < 4; ++i) {
            const int64_t j = row.begin + e + i;
            const bool real = j < row.end;  // what is missing of four weighs nothing
            y[i] = all.factors + all.columns[real ? j : row.begin] * n;
            root[i] = !real ? 0 : all.weights ? __builtin_sqrtf(all.weights[j]) : 1;
        }
        for (int64_t k = 0; k < n; k += 4) {
            Vec4 m, part[4];
            std::memcpy(&m, row.m + k, sizeof m);
            for (int i = 0; i < 4; ++i) {
                std::memcpy(&part[i], y[i] + k, sizeof m);
                part[i] *= m * root[i];
            }
            transpose(part);
            for (int i = 0; i < 4; ++i)
                std::memcpy(s.block + (k + i) * size + e, &part[i], sizeof m);
        }
    }
    std::memset(s.matrix, 0, size * size * sizeof(float));
    for (int64_t i = 0; i < size; ++i) s.matrix[i * size + i] = 1;
    for (int64_t i = 0; i < size; i += kLanes) outer_strip<false>(s.matrix, size, s.block, n, i);
    for (int64_t i = 0; i < size; ++i)
        if (!(s.matrix[i * size + i] < kDualMost)) return false;
    return true;
}

// p = A^-1 p by the dual form.
void apply_dual(int64_t n, const Row& row, const Scratch& s, int64_t size) {
    float *p = row.p, *v = row.q;
    std::memset(v, 0, size * sizeof(float));
    for (int64_t k = 0; k < n; ++k) {
        p[k] *= row.m[k];
        add_scaled(v, s.block + k * size, p[k], size);
    }
    substitute(s.matrix, size, v);
    for (int64_t k = 0; k < n; k += 4) {
        const Vec4 d = dot4(s.block + k * size, size, v, size);
        for (int i = 0; i < 4; ++i) p[k + i] = row.m[k + i] * (p[k + i] - d[i]);
    }
}

// x += A^-1 r, n_steps times, with the residual that the entries themselves give: float32
// factorization with refinement (Wilkinson 1963) holds the normal equations to about the accuracy of
// the factors.
void direct(const RowProblems& all, Sweep sweep, const Scratch& s) {
    Row& row = s.rows[0];
    const int64_t n = all.stride, size = round_up(row.end - row.begin, kLanes);
    const bool dual = !all.full && 4 * size <= 3 * n && dual_equations(all, row, s, size);
    if (dual) {
        pass(all, sweep, &row, 1, true);
    } else {
        row.sums = {};
        start_residual(all, row.ridge, all.base_rhs, row.x, row.r);
        normal_equations(all, sweep, row, s);
    }
    row.energy = __builtin_nan("");
    if (!factorize(s.matrix, dual ? size : n)) return;
    for (int i = 0; i < all.n_steps; ++i) {
        if (i) pass(all, sweep, &row, 1, true);
        row.energy = energy_at(all, row);
        if (!i) row.start = row.energy;
        std::memcpy(row.p, row.r, n * sizeof(float));
        if (dual) apply_dual(n, row, s, size);
        else substitute(s.matrix, n, row.p);
        row.energy -= exact_dot(row.p, row.r, n);
        add_scaled(row.x, row.p, 1, n);
    }
}

}  // namespace

namespace RECSYS_ISA {

int64_t scratch(int64_t stride, int64_t at_once) { return Scratch::floats(stride, at_once); }

void solve(const RowProblems& all, const int64_t* rows, int64_t count, int64_t at_once,
           float* memory) {
    const int64_t width = all.width, n = all.stride;
    const Sweep sweep = sweep_for(n / kLanes);
    const Scratch s(memory, n, at_once);
    for (; count > 0; rows += at_once, count -= at_once) {
        for (int64_t i = 0; i < at_once; ++i) {
            Row& row = s.rows[i];
            row.number = rows[i];
            row.begin = all.indptr[rows[i]];
            row.end = all.indptr[rows[i] + 1];
            row.ridge = all.ridge[rows[i]];
            std::memset(row.x, 0, n * sizeof(float));
            std::memcpy(row.x, all.solution + rows[i] * width, width * sizeof(float));
        }
        if (s.rows[0].begin == s.rows[0].end && !all.base_rhs) {
            std::memset(s.rows[0].x, 0, n * sizeof(float));
            s.rows[0].energy = s.rows[0].start = 0;
        } else if (all.exact) {
            direct(all, sweep, s);
        } else {
            conjugate_gradients(all, sweep, s.rows, at_once);
        }
        for (Row* row = s.rows; row < s.rows + at_once; ++row) {
            float* out = all.solution + row->number * width;
            // The energy is a parabola from the start over x, its lowest point on that line.
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

extern const RowSolver row_solver{kLanes < 8 ? 8 : kLanes, scratch, solve};

}  // namespace RECSYS_ISA
}  // namespace recsys
