// The row problem: (base + sum w y y' + ridge I) x = base_rhs + sum t y, one row at a time.
//
// What the entries of a row are needed for is one pass over them, `sweep`: it gives the residual
// b - A x of a guess, and without targets the product -A p of a conjugate-gradient step. It reads
// the factors where they lie and asks ahead for those to come, across the border to the next row.
// A short row's later passes find them in cache. Long rows take their passes together, one block of
// columns after the other, so that the block's factors stay in cache while all of them use it.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kAheadFloats = 1024;       // how far a sweep asks ahead
constexpr int64_t kNearFloats = 64 * 1024;   // a row this large is still in cache at its next pass
constexpr int64_t kShareFloats = 256 * 1024; // factors of a block of columns that long rows share
constexpr int64_t kGroupFloats = 32 * 1024;  // one vector each of the long rows that share it
constexpr int64_t kEntriesPerBlock = 16;     // fewer in a block would not pay for visiting it
constexpr int64_t kBlockFloats = 4096;       // entries whose outer products are added at a time
constexpr int kTileRows = kLanes == 16 ? 8 : 4;     // of the outer-product tile, broadcast
constexpr int kTileVectors = kLanes == 16 ? 2 : 3;  // its columns
constexpr int kPanel = kLanes;                // rows that Cholesky eliminates at a time

// What sweeps find besides: sum t (y . p) and sum w.
struct Sums {
    double targets, weights;
};

// One row on its way to its solution.
struct Row {
    int64_t number, begin, end, at;  // entries [begin, end), of which those before `at` are swept
    float ridge, rz;
    double energy, noise;
    Sums sums;
    float *x, *r, *p, *q, *m;

    bool moving() const { return rz > noise; }
};

int64_t share_columns(int64_t stride) {
    const int64_t n = kShareFloats / stride;
    return n < 1 ? 1 : n;
}
int64_t group(int64_t stride) {
    const int64_t n = kGroupFloats / stride;
    return n < 16 ? 16 : n;
}
int64_t block_entries(int64_t stride) {
    const int64_t n = kBlockFloats / stride / 4 * 4;
    return n < 16 ? 16 : n;
}

// One worker's memory, cut from one aligned piece: for every row of a group its five vectors and its
// state, and for Cholesky a block of entries and the matrix.
constexpr int64_t kRowFloats = (sizeof(Row) + 63) / 64 * 16;
struct Scratch {
    Row* rows;
    float *block, *matrix;
    Scratch(float* memory, int64_t n, int64_t n_rows) {
        rows = reinterpret_cast<Row*>(memory);
        block = memory + group(n) * kRowFloats;
        matrix = block + block_entries(n) * n;
        float* vectors = matrix + n * n;
        for (Row* row = rows; row < rows + n_rows; ++row, vectors += 5 * n) {
            row->x = vectors;
            row->r = row->x + n;
            row->p = row->r + n;
            row->q = row->p + n;
            row->m = row->q + n;
        }
    }
    static int64_t floats(int64_t n) {
        return group(n) * (kRowFloats + 5 * n) + (block_entries(n) + n) * n;
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
    switch (n_vectors) {
        case 1: return sweep<1>;
        case 2: return sweep<2>;
        case 3: return sweep<3>;
        case 4: return sweep<4>;
        case 5: return sweep<5>;
        case 6: return sweep<6>;
        case 7: return sweep<7>;
        case 8: return sweep<8>;
        case 12: return sweep<12>;
        case 16: return sweep<16>;
        default: return sweep<0>;
    }
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

// out = rhs - (base + ridge) p: the part of the residual that has no entries in it.
void start_residual(const RowProblems& all, float ridge, const float* rhs, const float* p,
                    float* out) {
    const int64_t n = all.stride;
    const bool diagonal = all.base && all.n_steps;
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec a = splat(ridge) + (diagonal ? load(all.base + k) : Vec{});
        store(out + k, (rhs ? load(rhs + k) : Vec{}) - a * load(p + k));
    }
    if (all.base && !diagonal)  // symmetric, so its rows serve as columns
        for (int64_t i = 0; i < all.width; ++i) add_scaled(out, all.base + i * n, -p[i], n);
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
    const int64_t width = count > 1 ? share_columns(all.stride) : all.n_columns;
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

// The first direction, from the residual at x and the preconditioner m = 1 / diag A.
void open(const RowProblems& all, Row& row) {
    const int64_t n = all.stride;
    Vec rz{};
    for (int64_t k = 0; k < n; k += kLanes) {
        const Vec a = splat(row.ridge) + (all.base ? load(all.base + k) : Vec{}) +
                      splat(static_cast<float>(row.sums.weights)) * load(all.typical + k);
        const Vec r = load(row.r + k), m = a > 0 ? 1 / a : Vec{};
        store(row.m + k, m);
        store(row.p + k, m * r);
        rz += r * m * r;
    }
    row.rz = sum(rz);
    row.energy = -exact_dot(row.x, row.r, n) - row.sums.targets;
    if (all.base_rhs) row.energy -= exact_dot(row.x, all.base_rhs, n);
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

// matrix[i, j] +-= sum_e y_e[i] y_e[j] for a tile of kTileRows rows and NV vectors of columns, held
// in registers while the entries stream past.
template <int NV, bool Minus>
RECSYS_INLINE void outer_tile(float* matrix, int64_t n, const float* block, int64_t entries,
                              int64_t i, int64_t j) {
    Vec acc[kTileRows][NV];
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < NV; ++v) acc[a][v] = load(matrix + (i + a) * n + j + v * kLanes);
    for (const float* y = block; y < block + entries * n; y += n) {
        Vec yj[NV];
        for (int v = 0; v < NV; ++v) yj[v] = load(y + j + v * kLanes);
        for (int a = 0; a < kTileRows; ++a) {
            const Vec yi = splat(Minus ? -y[i + a] : y[i + a]);
            for (int v = 0; v < NV; ++v) acc[a][v] += yi * yj[v];
        }
    }
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < NV; ++v) store(matrix + (i + a) * n + j + v * kLanes, acc[a][v]);
}

// Adds (or takes) sum_e y_e y_e' in the upper triangle of the matrix, from row `first` on (whole
// tiles: what is written below the diagonal is never read).
template <bool Minus>
void add_outer_products(float* matrix, int64_t n, const float* block, int64_t entries,
                        int64_t first) {
    constexpr int64_t kTile = kTileVectors * kLanes;
    for (int64_t i = first; i < n; i += kTileRows) {
        int64_t j = i / kLanes * kLanes;
        for (; j + kTile <= n; j += kTile)
            outer_tile<kTileVectors, Minus>(matrix, n, block, entries, i, j);
        if (kTileVectors > 2 && j + 2 * kLanes <= n) {
            outer_tile<2, Minus>(matrix, n, block, entries, i, j);
            j += 2 * kLanes;
        }
        if (j < n) outer_tile<1, Minus>(matrix, n, block, entries, i, j);
    }
}

// A = U'U in place, U upper triangular, its diagonal inverted; false where A is not positive
// definite. A panel of kPanel rows is eliminated within its own columns, then in the others, held in
// registers; then its outer products are taken from the rest.
bool factorize(float* a, int64_t n) {
    for (int64_t first = 0; first < n; first += kPanel) {
        float* panel = a + first * n;
        Vec own[kPanel];
        for (int k = 0; k < kPanel; ++k) own[k] = load(panel + k * n + first);
        for (int k = 0; k < kPanel; ++k) {
            const float pivot = own[k][k];
            if (!(pivot > 0)) return false;  // also catches NaN
            const float scale = 1.0f / __builtin_sqrtf(pivot);
            own[k] *= splat(scale);
            for (int i = k + 1; i < kPanel; ++i) own[i] -= own[k] * splat(own[k][i]);
            own[k][k] = scale;
        }
        for (int k = 0; k < kPanel; ++k) store(panel + k * n + first, own[k]);
        for (int64_t v = first + kPanel; v < n; v += kLanes) {
            Vec r[kPanel];
            for (int k = 0; k < kPanel; ++k) r[k] = load(panel + k * n + v);
            for (int k = 0; k < kPanel; ++k) {
                const float* row = panel + k * n + first;
                r[k] *= splat(row[k]);
                for (int i = k + 1; i < kPanel; ++i) r[i] -= r[k] * splat(row[i]);
            }
            for (int k = 0; k < kPanel; ++k) store(panel + k * n + v, r[k]);
        }
        add_outer_products<true>(a, n, panel, kPanel, first + kPanel);
    }
    return true;
}

// x = A^-1 b from U: U'z = b forward, then U x = z backward, kPanel rows of U at a time.
void substitute(const float* u, int64_t n, float* x) {
    for (int64_t first = 0; first < n; first += kPanel) {
        const float* panel = u + first * n;
        Vec z = load(x + first);
        for (int k = 0; k < kPanel; ++k) {
            const Vec row = load(panel + k * n + first);
            const float zk = z[k] * row[k];
            z -= row * splat(zk);  // what this leaves in lanes up to k is written over
            x[first + k] = zk;
        }
        for (int64_t v = first + kPanel; v < n; v += kLanes) {
            Vec sum = load(x + v);
            for (int k = 0; k < kPanel; ++k) sum -= load(panel + k * n + v) * splat(x[first + k]);
            store(x + v, sum);
        }
    }
    for (int64_t first = n - kPanel; first >= 0; first -= kPanel) {
        const float* panel = u + first * n;
        const int64_t rest = first + kPanel;
        float z[kPanel];
        for (int k = 0; k < kPanel; ++k)
            z[k] = x[first + k] - dot(panel + k * n + rest, x + rest, n - rest);
        for (int k = kPanel - 1; k >= 0; --k) {
            z[k] *= panel[k * n + first + k];
            for (int j = 0; j < k; ++j) z[j] -= z[k] * panel[j * n + first + k];
        }
        std::memcpy(x + first, z, sizeof z);
    }
}

// The matrix A and the right side b of a row, from blocks of entries, four at a time: sqrt(w) y goes
// into the block whose outer products are added, t y to b. What is missing of four weighs nothing.
void normal_equations(const RowProblems& all, const Row& row, const Scratch& s, float* b) {
    const int64_t n = all.stride, capacity = block_entries(n);
    std::memset(s.matrix, 0, n * n * sizeof(float));
    if (all.base) std::memcpy(s.matrix, all.base, all.width * n * sizeof(float));
    for (int64_t k = 0; k < n; ++k) s.matrix[k * n + k] += k < all.width ? row.ridge : 1;
    if (all.base_rhs) std::memcpy(b, all.base_rhs, n * sizeof(float));
    else std::memset(b, 0, n * sizeof(float));
    for (int64_t from = row.begin; from < row.end; from += capacity) {
        const int64_t to = row.end - from < capacity ? row.end : from + capacity;
        float* out = s.block;
        for (int64_t j = from; j < to; j += 4, out += 4 * n) {
            const float* y[4];
            Vec root[4], t[4];
            for (int64_t i = 0; i < 4; ++i) {
                const bool real = j + i < to;
                const int64_t e = real ? j + i : j;
                ask_for(all, n, e + capacity);
                y[i] = all.factors + all.columns[e] * n;
                root[i] = splat(!real ? 0 : all.weights ? __builtin_sqrtf(all.weights[e]) : 1);
                t[i] = splat(!real ? 0 : all.targets ? all.targets[e] : all.target);
            }
            for (int64_t k = 0; k < n; k += kLanes) {
                Vec sum = load(b + k);
                for (int64_t i = 0; i < 4; ++i) {
                    const Vec yi = load(y[i] + k);
                    sum += yi * t[i];
                    store(out + i * n + k, yi * root[i]);
                }
                store(b + k, sum);
            }
        }
        add_outer_products<false>(s.matrix, n, s.block, (out - s.block) / n, 0);
    }
}

// Solves directly, then corrects once by the residual that the entries themselves give: float32
// factorization with one step of refinement (Wilkinson 1963) holds the normal equations to about
// the accuracy of the factors.
void cholesky(const RowProblems& all, Sweep sweep, const Scratch& s) {
    Row& row = s.rows[0];
    const int64_t n = all.stride;
    normal_equations(all, row, s, row.q);
    row.energy = __builtin_nan("");
    if (!factorize(s.matrix, n)) return;
    std::memcpy(row.x, row.q, n * sizeof(float));
    substitute(s.matrix, n, row.x);
    pass(all, sweep, &row, 1, true);
    std::memcpy(row.p, row.r, n * sizeof(float));
    substitute(s.matrix, n, row.p);
    row.energy = -exact_dot(row.x, row.q, n) - exact_dot(row.x, row.r, n) -
                 exact_dot(row.p, row.r, n);
    add_scaled(row.x, row.p, 1, n);
}

}  // namespace

namespace RECSYS_ISA {

int64_t stride(int64_t width) { return round_up(width, kLanes > 8 ? kLanes : 8); }
int64_t row_scratch(int64_t width) { return Scratch::floats(stride(width)); }
int64_t group_rows(int64_t width) { return group(stride(width)); }

int64_t long_row(const RowProblems& all) {
    if (!all.n_steps) return INT64_MAX;
    const int64_t n_blocks = all.n_columns / share_columns(all.stride) + 1;
    const int64_t near = kNearFloats / all.stride, enough = kEntriesPerBlock * n_blocks;
    return near > enough ? near : enough;
}

void solve(const RowProblems& all, const int64_t* rows, int64_t count, float* memory) {
    const int64_t width = all.width, n = all.stride;
    const Sweep sweep = sweep_for(n / kLanes);
    const bool together = all.indptr[rows[0] + 1] - all.indptr[rows[0]] >= long_row(all);
    const int64_t at_once = together ? count : 1;
    const Scratch s(memory, n, at_once);
    for (; count > 0; rows += at_once, count -= at_once) {
        for (int64_t i = 0; i < at_once; ++i) {
            Row& row = s.rows[i];
            row.number = rows[i];
            row.begin = all.indptr[rows[i]];
            row.end = all.indptr[rows[i] + 1];
            row.ridge = all.ridge[rows[i]];
            std::memset(row.x, 0, n * sizeof(float));
            if (all.n_steps)
                std::memcpy(row.x, all.solution + rows[i] * width, width * sizeof(float));
        }
        if (s.rows[0].begin == s.rows[0].end && !all.base_rhs) {
            std::memset(s.rows[0].x, 0, n * sizeof(float));
            s.rows[0].energy = 0;
        } else if (all.n_steps) {
            conjugate_gradients(all, sweep, s.rows, at_once);
        } else {
            cholesky(all, sweep, s);
        }
        for (Row* row = s.rows; row < s.rows + at_once; ++row) {
            if (!(row->energy - row->energy == 0)) {  // NaN and infinity fail the comparison
                for (int64_t k = 0; k < width; ++k) row->x[k] = __builtin_nanf("");
                row->energy = __builtin_nan("");
            }
            std::memcpy(all.solution + row->number * width, row->x, width * sizeof(float));
            all.energy[row->number] = row->energy;
        }
    }
}

}  // namespace RECSYS_ISA
}  // namespace recsys
