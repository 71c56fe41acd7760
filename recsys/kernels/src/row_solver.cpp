// The row problem: (base + sum w y y' + ridge I) x = base_rhs + sum t y, one row at a time.
//
// A row's factors lie scattered over the other side's table. They are gathered once into a block
// that stays in cache, padded to whole vectors, and everything else runs on that block: the
// conjugate-gradient steps, or the sum of outer products that Cholesky factorizes. Rows too long
// for the block are gathered again, block by block, each time they are needed.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int64_t kBlockFloats = 160 * 1024;  // 640 KiB: gathered factors, inside a core's L2
constexpr int64_t kPrefetchFloats = 1280;       // how far the gather asks ahead
constexpr int kTileRows = 8;                 // rows of the outer-product tile, broadcast
constexpr int kPanel = 8;                    // columns that Cholesky eliminates at a time

int64_t block_entries(int64_t stride) {
    const int64_t n = kBlockFloats / stride / 8 * 8;
    return n < 32 ? 32 : n;
}

// One worker's memory, cut from one aligned piece.
struct Scratch {
    float *block, *weights, *matrix, *x, *b, *r, *p, *q, *m;
    Scratch(float* memory, int64_t stride) {
        const int64_t n = block_entries(stride);
        block = memory;
        weights = block + n * stride;
        matrix = weights + round_up(n, 16);
        x = matrix + stride * stride;
        b = x + stride;
        r = b + stride;
        p = r + stride;
        q = p + stride;
        m = q + stride;
    }
    static int64_t floats(int64_t stride) {
        const int64_t n = block_entries(stride);
        return n * stride + round_up(n, 16) + stride * stride + 6 * stride;
    }
};

struct Row {
    const RowProblems& problems;
    const Scratch& scratch;
    int64_t stride, begin, end, capacity;
    float ridge;

    bool fits() const { return end - begin <= capacity; }

    // Copies the factors of entries [from, to) into the block.
    void gather(int64_t from, int64_t to) const {
        const int64_t width = problems.width, ahead_by = kPrefetchFloats / stride + 2;
        for (int64_t j = from; j < to; ++j) {
            if (j + ahead_by < to) {
                const float* ahead = problems.factors + problems.columns[j + ahead_by] * width;
                for (int64_t k = 0; k < width; k += 16) __builtin_prefetch(ahead + k);
            }
            float* y = scratch.block + (j - from) * stride;
            std::memcpy(y, problems.factors + problems.columns[j] * width, width * sizeof(float));
            for (int64_t k = width; k < stride; ++k) y[k] = 0;
            scratch.weights[j - from] = problems.weights ? problems.weights[j] : 1.0f;
        }
    }
};

// out += sum_j w_j (y_j . p) y_j over a block: both halves while y_j is at hand.
// NV is the number of vectors in a row; 0 leaves it to run time.
template <int NV>
void add_normal_product(const float* block, const float* weights, int64_t n, int64_t stride,
                        const float* p_in, float* out) {
    const int64_t nv = NV ? NV : stride / kLanes;
    constexpr int kHeld = NV ? NV : 1;
    Vec p[kHeld], acc[kHeld];
    if (NV)
        for (int v = 0; v < NV; ++v) {
            p[v] = load(p_in + v * kLanes);
            acc[v] = load(out + v * kLanes);
        }
    auto p_at = [&](int64_t v) { return NV ? p[NV ? v : 0] : load(p_in + v * kLanes); };
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
        const float* y = block + j * stride;
        Vec d0{}, d1{}, d2{}, d3{};
        for (int64_t v = 0; v < nv; ++v) {
            const Vec pv = p_at(v);
            const float* yv = y + v * kLanes;
            d0 += load(yv) * pv;
            d1 += load(yv + stride) * pv;
            d2 += load(yv + 2 * stride) * pv;
            d3 += load(yv + 3 * stride) * pv;
        }
        Vec4 w;
        std::memcpy(&w, weights + j, sizeof w);
        const Vec4 d = sum4(d0, d1, d2, d3) * w;
        const Vec s0 = splat(d[0]), s1 = splat(d[1]), s2 = splat(d[2]), s3 = splat(d[3]);
        for (int64_t v = 0; v < nv; ++v) {
            const float* yv = y + v * kLanes;
            Vec a = NV ? acc[NV ? v : 0] : load(out + v * kLanes);
            a += load(yv) * s0;
            a += load(yv + stride) * s1;
            a += load(yv + 2 * stride) * s2;
            a += load(yv + 3 * stride) * s3;
            if (NV) acc[NV ? v : 0] = a;
            else store(out + v * kLanes, a);
        }
    }
    for (; j < n; ++j) {
        const float* y = block + j * stride;
        Vec d{};
        for (int64_t v = 0; v < nv; ++v) d += load(y + v * kLanes) * p_at(v);
        const Vec s = splat(sum(d) * weights[j]);
        for (int64_t v = 0; v < nv; ++v) {
            if (NV) acc[NV ? v : 0] += load(y + v * kLanes) * s;
            else store(out + v * kLanes, load(out + v * kLanes) + load(y + v * kLanes) * s);
        }
    }
    if (NV)
        for (int v = 0; v < NV; ++v) store(out + v * kLanes, acc[v]);
}

using NormalProduct = void (*)(const float*, const float*, int64_t, int64_t, const float*, float*);

NormalProduct normal_product_for(int64_t n_vectors) {
    switch (n_vectors) {
        case 1: return add_normal_product<1>;
        case 2: return add_normal_product<2>;
        case 3: return add_normal_product<3>;
        case 4: return add_normal_product<4>;
        case 5: return add_normal_product<5>;
        case 6: return add_normal_product<6>;
        case 7: return add_normal_product<7>;
        case 8: return add_normal_product<8>;
        default: return add_normal_product<0>;
    }
}

float dot(const float* a, const float* b, int64_t n) {
    Vec s0{}, s1{};
    int64_t v = 0;
    for (; v + 2 * kLanes <= n; v += 2 * kLanes) {
        s0 += load(a + v) * load(b + v);
        s1 += load(a + v + kLanes) * load(b + v + kLanes);
    }
    if (v < n) s0 += load(a + v) * load(b + v);
    return sum(s0 + s1);
}

void add_scaled(float* out, const float* a, float s, int64_t n) {
    for (int64_t v = 0; v < n; v += kLanes) store(out + v, load(out + v) + load(a + v) * splat(s));
}

// out = (base + ridge) p: the part of the product that has no entries in it.
void start_product(const Row& row, const float* p, float* out) {
    const float* base = row.problems.base;
    const bool diagonal = base && row.problems.n_steps;
    for (int64_t v = 0; v < row.stride; v += kLanes)
        store(out + v, load(p + v) * ((diagonal ? load(base + v) : Vec{}) + splat(row.ridge)));
    if (base && !diagonal)  // symmetric, so its rows serve as columns
        for (int64_t k = 0; k < row.problems.width; ++k)
            add_scaled(out, base + k * row.stride, p[k], row.stride);
}

// out = A p for one row. A row that fits was gathered before.
void apply(const Row& row, NormalProduct product, const float* p, float* out) {
    const Scratch& s = row.scratch;
    start_product(row, p, out);
    if (row.fits()) {
        product(s.block, s.weights, row.end - row.begin, row.stride, p, out);
        return;
    }
    for (int64_t from = row.begin; from < row.end; from += row.capacity) {
        const int64_t to = from + row.capacity < row.end ? from + row.capacity : row.end;
        row.gather(from, to);
        product(s.block, s.weights, to - from, row.stride, p, out);
    }
}

// b += sum t y and, of the matrix, its diagonal: m += sum w y y, over entries [from, to), which
// are in the block. Four entries at a time, so that b and m are stored once for them.
void add_right_side(const Row& row, int64_t from, int64_t to) {
    const Scratch& s = row.scratch;
    const float* targets = row.problems.targets;
    for (int64_t j = from; j < to; j += 4) {
        const int n = to - j < 4 ? static_cast<int>(to - j) : 4;
        const float* y = s.block + (j - from) * row.stride;
        for (int64_t v = 0; v < row.stride; v += kLanes) {
            Vec b = load(s.b + v), m = load(s.m + v);
            for (int i = 0; i < n; ++i) {
                const Vec yi = load(y + i * row.stride + v);
                if (targets) b += yi * splat(targets[j + i]);
                m += yi * yi * splat(s.weights[j - from + i]);
            }
            store(s.b + v, b);
            store(s.m + v, m);
        }
    }
}

// Conjugate gradients (Hestenes & Stiefel 1952) from the x at hand, whose product is in q,
// preconditioned by the diagonal of A (Jacobi): z = m r with m = 1 / diag A. In the coordinates in
// which the base is diagonal that is most of what makes A ill-conditioned.
// Leaves r = b - A x, which makes the energy x'Ax - 2x'b = -(b + r)'x free of charge.
void conjugate_gradients(const Row& row, NormalProduct product) {
    const Scratch& s = row.scratch;
    const int64_t n = row.stride;
    float rz = 0, bz = 0;
    for (int64_t k = 0; k < n; ++k) {
        s.m[k] = s.m[k] > 0 ? 1.0f / s.m[k] : 0.0f;
        s.r[k] = s.b[k] - s.q[k];
        s.p[k] = s.m[k] * s.r[k];
        rz += s.r[k] * s.p[k];
        bz += s.b[k] * s.m[k] * s.b[k];
    }
    // Below this the residual is rounding noise, and its direction would be too.
    const float noise = 1e-14f * bz + 1e-30f;
    for (int step = 0; step < row.problems.n_steps && rz > noise; ++step) {
        apply(row, product, s.p, s.q);
        const float alpha = rz / dot(s.p, s.q, n);
        add_scaled(s.x, s.p, alpha, n);
        Vec sums{};
        for (int64_t v = 0; v < n; v += kLanes) {
            const Vec r = load(s.r + v) - load(s.q + v) * splat(alpha);
            store(s.r + v, r);
            sums += r * r * load(s.m + v);
        }
        const float next = sum(sums);
        const Vec beta = splat(next / rz);
        for (int64_t v = 0; v < n; v += kLanes)
            store(s.p + v, load(s.r + v) * load(s.m + v) + load(s.p + v) * beta);
        rz = next;
    }
}

// matrix[i, j] += sum_e sign w_e y_e[i] y_e[j] for a tile of kTileRows rows and NV vectors of
// columns, held in registers while the entries stream past.
template <int NV>
RECSYS_INLINE void outer_tile(float* matrix, int64_t stride, const float* block,
                              const float* weights, int64_t n, int64_t i, int64_t j) {
    Vec acc[kTileRows][NV];
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < NV; ++v) acc[a][v] = load(matrix + (i + a) * stride + j + v * kLanes);
    for (int64_t e = 0; e < n; ++e) {
        const float* y = block + e * stride;
        Vec yj[NV];
        for (int v = 0; v < NV; ++v) yj[v] = load(y + j + v * kLanes) * splat(weights[e]);
        for (int a = 0; a < kTileRows; ++a) {
            const Vec yi = splat(y[i + a]);
            for (int v = 0; v < NV; ++v) acc[a][v] += yi * yj[v];
        }
    }
    for (int a = 0; a < kTileRows; ++a)
        for (int v = 0; v < NV; ++v) store(matrix + (i + a) * stride + j + v * kLanes, acc[a][v]);
}

// Adds sum_e w_e y_e y_e' to the upper triangle of the matrix, from row `first` on (whole tiles:
// what is written below the diagonal is never read).
void add_outer_products(float* matrix, int64_t stride, const float* block, const float* weights,
                        int64_t n, int64_t first) {
    for (int64_t i = first; i < stride; i += kTileRows) {
        int64_t j = i / kLanes * kLanes;
        for (; j + 2 * kLanes <= stride; j += 2 * kLanes)
            outer_tile<2>(matrix, stride, block, weights, n, i, j);
        if (j < stride) outer_tile<1>(matrix, stride, block, weights, n, i, j);
    }
}

// A = U'U in place, U upper triangular; false where A is not positive definite. Panels of kPanel
// rows are eliminated one by one, then taken from the rest as kPanel outer products at once.
bool factorize(float* a, int64_t width, int64_t stride) {
    static const float minus_one[kPanel] = {-1, -1, -1, -1, -1, -1, -1, -1};
    for (int64_t first = 0; first < width; first += kPanel) {
        const int64_t last = first + kPanel < width ? first + kPanel : width;
        for (int64_t k = first; k < last; ++k) {
            float* row = a + k * stride;
            const float pivot = row[k];
            if (!(pivot > 0)) return false;  // also catches NaN
            const float scale = 1.0f / __builtin_sqrtf(pivot);
            const int64_t from = k / kLanes * kLanes;
            for (int64_t v = from; v < stride; v += kLanes) store(row + v, load(row + v) * splat(scale));
            for (int64_t i = k + 1; i < last; ++i) {
                const float s = -row[i];
                for (int64_t v = i / kLanes * kLanes; v < stride; v += kLanes)
                    store(a + i * stride + v, load(a + i * stride + v) + load(row + v) * splat(s));
            }
        }
        if (last < width)
            add_outer_products(a, stride, a + first * stride, minus_one, kPanel, last);
    }
    return true;
}

// x = A^-1 b from U: U'z = b forward by columns, then U x = z backward by rows.
void substitute(const float* u, int64_t width, int64_t stride, float* x) {
    for (int64_t k = 0; k < width; ++k) {
        const float* row = u + k * stride;
        const float z = x[k] / row[k];
        x[k] = z;
        for (int64_t j = k + 1; j < width; ++j) x[j] -= z * row[j];
    }
    for (int64_t k = width - 1; k >= 0; --k) {
        const float* row = u + k * stride;
        Vec acc{};
        int64_t j = round_up(k + 1, kLanes);
        float s = x[k];
        for (int64_t i = k + 1; i < j && i < width; ++i) s -= row[i] * x[i];
        for (; j < stride; j += kLanes) acc += load(row + j) * load(x + j);
        x[k] = (s - sum(acc)) / row[k];
    }
}

// Solves directly, then corrects once by the residual that the entries themselves give: float32
// factorization with one step of refinement (Wilkinson 1963) holds the normal equations to about
// the accuracy of the factors.
bool cholesky(const Row& row, NormalProduct product) {
    const Scratch& s = row.scratch;
    const int64_t n = row.stride, width = row.problems.width;
    if (!factorize(s.matrix, width, n)) return false;
    std::memcpy(s.x, s.b, n * sizeof(float));
    substitute(s.matrix, width, n, s.x);
    apply(row, product, s.x, s.q);
    for (int64_t k = 0; k < n; ++k) s.r[k] = s.p[k] = s.b[k] - s.q[k];
    substitute(s.matrix, width, n, s.p);
    apply(row, product, s.p, s.q);
    for (int64_t k = 0; k < n; ++k) {
        s.x[k] += s.p[k];
        s.r[k] -= s.q[k];
    }
    return true;
}

void start_matrix(const Row& row) {
    const int64_t n = row.stride;
    float* a = row.scratch.matrix;
    std::memset(a, 0, n * n * sizeof(float));
    if (row.problems.base) std::memcpy(a, row.problems.base, row.problems.width * n * sizeof(float));
    for (int64_t k = 0; k < row.problems.width; ++k) a[k * n + k] += row.ridge;
}

}  // namespace

namespace RECSYS_ISA {

int64_t stride(int64_t width) { return round_up(width, kLanes > kTileRows ? kLanes : kTileRows); }
int64_t row_scratch(int64_t width) { return Scratch::floats(stride(width)); }

void solve(const RowProblems& problems, int64_t begin, int64_t end, float* memory) {
    const int64_t width = problems.width, n = stride(width);
    const Scratch s(memory, n);
    const NormalProduct product = normal_product_for(n / kLanes);
    for (int64_t u = begin; u < end; ++u) {
        float* solution = problems.solution + u * width;
        const Row row{problems, s,       n, problems.indptr[u], problems.indptr[u + 1],
                      block_entries(n), problems.ridge[u]};
        if (row.begin == row.end && !problems.base_rhs) {
            std::memset(solution, 0, width * sizeof(float));
            problems.energy[u] = 0;
            continue;
        }
        if (problems.base_rhs) std::memcpy(s.b, problems.base_rhs, n * sizeof(float));
        else std::memset(s.b, 0, n * sizeof(float));
        const bool direct = problems.n_steps == 0;
        std::memset(s.x, 0, n * sizeof(float));
        std::memset(s.m, 0, n * sizeof(float));
        if (direct) {
            start_matrix(row);
        } else {
            std::memcpy(s.x, solution, width * sizeof(float));
            start_product(row, s.x, s.q);
            for (int64_t k = 0; k < n; ++k)
                s.m[k] = row.ridge + (problems.base ? problems.base[k] : 0.0f);
        }
        // One pass over the entries gives the right side, and A x at the start or A itself.
        for (int64_t from = row.begin; from < row.end; from += row.capacity) {
            const int64_t to = from + row.capacity < row.end ? from + row.capacity : row.end;
            row.gather(from, to);
            add_right_side(row, from, to);
            if (direct) add_outer_products(s.matrix, n, s.block, s.weights, to - from, 0);
            else product(s.block, s.weights, to - from, n, s.x, s.q);
        }
        bool solved = true;
        if (direct) solved = cholesky(row, product);
        else conjugate_gradients(row, product);
        double energy = 0;
        for (int64_t k = 0; k < width; ++k)
            energy -= (static_cast<double>(s.b[k]) + s.r[k]) * s.x[k];
        if (!solved || !(energy - energy == 0)) {  // NaN and infinity fail the comparison
            for (int64_t k = 0; k < width; ++k) s.x[k] = __builtin_nanf("");
            energy = __builtin_nan("");
        }
        std::memcpy(solution, s.x, width * sizeof(float));
        problems.energy[u] = energy;
    }
}

}  // namespace RECSYS_ISA
}  // namespace recsys
