// The k best items for every query. Scores are never stored: a tile of queries x items is computed
// in registers and compared at once with each query's k-th best score so far; the few survivors
// enter that query's heap. Long items come first: by Cauchy and Schwarz |x| |y| bounds a score, and
// once no item to come could reach the k-th best, a query is done.
#include "kernels.hpp"
#include "vector.hpp"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace recsys {
namespace {

constexpr int kQueries = kLanes == 16 ? 8 : kLanes == 8 ? 6 : 4;  // rows of a tile
constexpr int kPanelVectors = 2;
constexpr int64_t kPanelWidth = kPanelVectors * kLanes;

// Which lanes reach the threshold, as bits.
RECSYS_INLINE uint32_t above(Vec scores, float threshold) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask((__m512)scores, _mm512_set1_ps(threshold), _CMP_GE_OQ);
#elif defined(__AVX2__)
    return _mm256_movemask_ps(
        _mm256_cmp_ps((__m256)scores, _mm256_set1_ps(threshold), _CMP_GE_OQ));
#else
    const IntVec mask = scores >= splat(threshold);
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= mask[i] ? 1u << i : 0u;
    return bits;
#endif
}

RECSYS_INLINE bool worse(float score_a, int32_t item_a, float score_b, int32_t item_b) {
    return score_a < score_b || (score_a == score_b && item_a > item_b);
}

// A binary heap whose root is the worst entry kept.
struct Heap {
    float* scores;
    int32_t* items;

    void sift_down(int64_t size, int64_t i, float score, int32_t item) {
        for (;;) {
            int64_t child = 2 * i + 1;
            if (child >= size) break;
            if (child + 1 < size &&
                worse(scores[child + 1], items[child + 1], scores[child], items[child]))
                ++child;
            if (!worse(scores[child], items[child], score, item)) break;
            scores[i] = scores[child];
            items[i] = items[child];
            i = child;
        }
        scores[i] = score;
        items[i] = item;
    }
    void push(int64_t size, float score, int32_t item) {
        int64_t i = size;
        while (i > 0 && worse(score, item, scores[(i - 1) / 2], items[(i - 1) / 2])) {
            scores[i] = scores[(i - 1) / 2];
            items[i] = items[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        scores[i] = score;
        items[i] = item;
    }
    // Best first: the worst moves to the end, again and again.
    void sort(int64_t size) {
        for (int64_t n = size - 1; n > 0; --n) {
            const float score = scores[n];
            const int32_t item = items[n];
            scores[n] = scores[0];
            items[n] = items[0];
            sift_down(n, 0, score, item);
        }
    }
};

struct Query {
    int64_t row, found;
    float threshold, norm;
};

bool is_excluded(const TopK& job, int64_t row, int32_t item) {
    if (!job.excluded_indptr) return false;
    int64_t low = job.excluded_indptr[row], high = job.excluded_indptr[row + 1];
    const int64_t end = high;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (job.excluded[middle] < item) low = middle + 1;
        else high = middle;
    }
    return low < end && job.excluded[low] == item;
}

void offer(const TopK& job, Query& query, int32_t item, float score) {
    if (is_excluded(job, query.row, item)) return;
    Heap heap{job.scores + query.row * job.k, job.items + query.row * job.k};
    if (query.found < job.k) heap.push(query.found++, score, item);
    else if (worse(heap.scores[0], heap.items[0], score, item))
        heap.sift_down(job.k, 0, score, item);
    if (query.found == job.k) query.threshold = heap.scores[0];
}

// Scores of kQueries queries against one panel of items, then the comparison.
void tile(const TopK& job, const float* queries, Query* state, int n_queries, int64_t panel) {
    const float* items = job.packed_items + panel * job.width * kPanelWidth;
    Vec acc[kQueries][kPanelVectors];
    for (int q = 0; q < kQueries; ++q)
        for (int v = 0; v < kPanelVectors; ++v)
            acc[q][v] = load(job.packed_bias + panel * kPanelWidth + v * kLanes);
    for (int64_t k = 0; k < job.width; ++k) {
        Vec y[kPanelVectors];
        for (int v = 0; v < kPanelVectors; ++v) y[v] = load(items + k * kPanelWidth + v * kLanes);
        for (int q = 0; q < kQueries; ++q) {
            const Vec x = splat(queries[k * kQueries + q]);
            for (int v = 0; v < kPanelVectors; ++v) acc[q][v] += x * y[v];
        }
    }
    for (int q = 0; q < n_queries; ++q)
        for (int v = 0; v < kPanelVectors; ++v) {
            uint32_t bits = above(acc[q][v], state[q].threshold);
            while (bits) {
                const int lane = __builtin_ctz(bits);
                bits &= bits - 1;
                const int64_t column = panel * kPanelWidth + v * kLanes + lane;
                float score[kLanes];
                store(score, acc[q][v]);
                if (column < job.n_columns)
                    offer(job, state[q], job.item_of_column[column], score[lane]);
            }
        }
}

}  // namespace

namespace RECSYS_ISA {

int64_t ranker_scratch(int64_t width) { return (kTopKBlock + kQueries) * width; }

void top_k(const TopK& job, int64_t begin, int64_t end, float* scratch) {
    const int64_t n_panels = (job.n_columns + kPanelWidth - 1) / kPanelWidth;
    for (int64_t first = begin; first < end; first += kTopKBlock) {
        const int64_t n = end - first < kTopKBlock ? end - first : kTopKBlock;
        Query state[kTopKBlock];
        // Queries are packed kQueries at a time, (width, kQueries), so that a tile reads one line.
        for (int64_t q = 0; q < round_up(n, kQueries); ++q)
            for (int64_t k = 0; k < job.width; ++k)
                scratch[(q / kQueries * job.width + k) * kQueries + q % kQueries] =
                    q < n ? job.queries[(first + q) * job.width + k] : 0.0f;
        for (int64_t q = 0; q < n; ++q) {
            const float* x = job.queries + (first + q) * job.width;
            float squares = 0;
            for (int64_t k = 0; k < job.width; ++k) squares += x[k] * x[k];
            state[q] = Query{first + q, 0, -__builtin_inff(), __builtin_sqrtf(squares)};
        }
        for (int64_t panel = 0; panel < n_panels; ++panel)
            for (int64_t q = 0; q < n; q += kQueries) {  // those of a tile go on together
                const int rows = static_cast<int>(n - q < kQueries ? n - q : kQueries);
                bool done = true;
                for (int i = 0; i < rows; ++i)
                    done = done && state[q + i].norm * job.most_norm[panel] + job.most_bias[panel] <
                                       state[q + i].threshold;
                if (!done) tile(job, scratch + q * job.width, state + q, rows, panel);
            }
        for (const Query* query = state; query < state + n; ++query)
            Heap{job.scores + query->row * job.k, job.items + query->row * job.k}.sort(query->found);
    }
}

extern const Ranker ranker{kPanelWidth, ranker_scratch, top_k};

}  // namespace RECSYS_ISA
}  // namespace recsys
