// The k best items for every query. Scores are never stored: a tile of queries x items is computed
// in registers and compared at once with each query's k-th best score so far; the few survivors
// enter that query's list. Long items come first: by Cauchy and Schwarz |x| |y| bounds a score, and
// once no item to come could reach the k-th best, a query is done.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int kQueries = kLanes == 16 ? 8 : kLanes == 8 ? 6 : 4;  // rows of a tile
constexpr int kPanelVectors = 2;
constexpr int64_t kPanelWidth = kPanelVectors * kLanes;

RECSYS_INLINE bool any(IntVec mask) {
    int64_t words[kLanes / 2], found = 0;
    std::memcpy(words, &mask, sizeof mask);
    for (int64_t word : words) found |= word;
    return found;
}

struct Query {
    int64_t row, found;
    float threshold, norm;
};

// The first number from `low` on of which `before` is false.
template <class Before>
int64_t bisected(int64_t low, int64_t high, const Before& before) {
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (before(middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool is_excluded(const TopK& job, int64_t row, int32_t item) {
    if (!job.excluded_indptr) return false;
    const int64_t end = job.excluded_indptr[row + 1];
    const int64_t at =
        bisected(job.excluded_indptr[row], end, [&](int64_t i) { return job.excluded[i] < item; });
    return at < end && job.excluded[at] == item;
}

// Puts an item in its place among those found so far, best first, ties by item order.
void offer(const TopK& job, Query& query, int32_t item, float score) {
    if (is_excluded(job, query.row, item)) return;
    float* scores = job.scores + query.row * job.k;
    int32_t* items = job.items + query.row * job.k;
    const int64_t low = bisected(0, query.found, [&](int64_t i) {
        return scores[i] > score || (scores[i] == score && items[i] < item);
    });
    if (low == job.k) return;
    const int64_t after = query.found - low - (query.found == job.k);
    std::memmove(scores + low + 1, scores + low, after * sizeof *scores);
    std::memmove(items + low + 1, items + low, after * sizeof *items);
    scores[low] = score;
    items[low] = item;
    query.found += query.found < job.k;
    if (query.found == job.k) query.threshold = scores[job.k - 1];
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
            const IntVec reached = acc[q][v] >= splat(state[q].threshold);
            if (!any(reached)) continue;
            const int64_t first = panel * kPanelWidth + v * kLanes;
            const int64_t lanes = job.n_columns - first < kLanes ? job.n_columns - first : kLanes;
            const int32_t* item = job.item_of_column + first;
            for (int64_t lane = 0; lane < lanes; ++lane)
                if (reached[lane]) offer(job, state[q], item[lane], acc[q][v][lane]);
        }
}

}  // namespace

namespace RECSYS_ISA {

int64_t ranker_scratch(int64_t width) { return (kTopKBlock + kQueries) * width; }

void top_k(const TopK& job, int64_t begin, int64_t end, float* scratch) {
    const int64_t n_panels = (job.n_columns + kPanelWidth - 1) / kPanelWidth;
    const int64_t n = end - begin;  // at most kTopKBlock
    Query state[kTopKBlock];
    // Queries are packed kQueries at a time, (width, kQueries), so that a tile reads one line.
    for (int64_t q = 0; q < round_up(n, kQueries); ++q)
        for (int64_t k = 0; k < job.width; ++k)
            scratch[(q / kQueries * job.width + k) * kQueries + q % kQueries] =
                q < n ? job.queries[(begin + q) * job.width + k] : 0.0f;
    for (int64_t q = 0; q < n; ++q) {
        const float* x = job.queries + (begin + q) * job.width;
        double squares = 0;  // of small numbers float knows none
        for (int64_t k = 0; k < job.width; ++k) squares += static_cast<double>(x[k]) * x[k];
        const float norm = static_cast<float>(__builtin_sqrt(squares));
        state[q] = Query{begin + q, 0, -__builtin_inff(), norm};
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
}

extern const Ranker ranker{kPanelWidth, ranker_scratch, top_k};

}  // namespace RECSYS_ISA
}  // namespace recsys
