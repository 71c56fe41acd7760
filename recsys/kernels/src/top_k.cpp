// The k best items for every query. Scores are never stored: a tile of queries x items is computed
// in registers and compared at once with each query's k-th best score so far; the few that exceed
// it enter that query's list. Long items come first: by Cauchy-Schwarz |x| |y| bounds a score, and
// once no later item can reach the k-th best, the query is done.
//
// A query alone has nobody to share its pass with and waits for memory. It reads the items in 8
// bits, y = step q + r, with x'y <= step x'q + |x| |r|, and only those whose bound reaches its k-th
// best as they are. Their scores are summed in the order of a tile, so that they have its bits.
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

// Puts an item that is not excluded in its place among those found so far, best first, ties by item
// order.
void offer(const TopK& job, Query& query, int32_t item, float score) {
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
                if (reached[lane] && !is_excluded(job, state[q].row, item[lane]))
                    offer(job, state[q], item[lane], acc[q][v][lane]);
        }
}

// All queries together, tile by tile.
void tiled(const TopK& job, Query* state, int64_t n, int64_t n_panels, float* scratch) {
    // Queries are packed kQueries at a time, (width, kQueries), so that a tile reads one line.
    const float* queries = job.queries + state[0].row * job.width;
    for (int64_t q = 0; q < round_up(n, kQueries); ++q)
        for (int64_t k = 0; k < job.width; ++k)
            scratch[(q / kQueries * job.width + k) * kQueries + q % kQueries] =
                q < n ? queries[q * job.width + k] : 0.0f;
    for (int64_t panel = 0; panel < n_panels; ++panel)
        for (int64_t q = 0; q < n; q += kQueries) {  // the queries of a tile stay together
            const int rows = static_cast<int>(n - q < kQueries ? n - q : kQueries);
            bool done = true;
            for (int i = 0; i < rows; ++i)
                done = done && state[q + i].norm * job.most_norm[panel] + job.most_bias[panel] <
                                   state[q + i].threshold;
            if (!done) tile(job, scratch + q * job.width, state + q, rows, panel);
        }
}

// One step of a sum, rounded as in a tile: once where the CPU multiplies and adds in one go. As a
// plain sum, the compiler may round the products of a loop over coordinates first.
RECSYS_INLINE float plus_product(float sum, float x, float y) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(x, y, sum);
#else
    return sum + x * y;
#endif
}

constexpr int kTogether = 8;  // items whose scores are summed at the same time

// Columns whose scores are still to be summed.
struct Waiting {
    int64_t columns[kTogether];
    int n;
};

// Offers the items that wait by their true scores.
void settle(const TopK& job, Query& query, Waiting& waiting) {
    const int64_t* columns = waiting.columns;
    const int n = waiting.n;
    const float* x = job.queries + query.row * job.width;
    const float* y[kTogether];
    float score[kTogether];
    for (int i = 0; i < kTogether; ++i) {
        const int64_t column = columns[i < n ? i : 0];
        y[i] = job.screen.rows + job.item_of_column[column] * job.width;
        score[i] = job.packed_bias[column];
    }
    for (int64_t k = 0; k < job.width; ++k)
        for (int i = 0; i < kTogether; ++i) score[i] = plus_product(score[i], x[k], y[i][k]);
    for (int i = 0; i < n; ++i)
        if (score[i] >= query.threshold)
            offer(job, query, job.item_of_column[columns[i]], score[i]);
    waiting.n = 0;
}

// The bounds of one panel of items; those that may be among the best wait until they are enough.
// `x` is the query, with zeros up to a whole number of words.
void screen(const TopK& job, Query& query, Waiting& waiting, const float* x, int64_t panel) {
    const int64_t n_words = (job.width + 3) / 4, first = panel * kPanelWidth;
    const int32_t* line = job.screen.panels + panel * (n_words + 3) * kPanelWidth;
    Vec even[kPanelVectors] = {}, odd[kPanelVectors] = {};  // a sum has to wait for itself
    for (int64_t w = 0; w < n_words; ++w, x += 4, line += kPanelWidth)
        for (int v = 0; v < kPanelVectors; ++v) {
            IntVec four;
            std::memcpy(&four, line + v * kLanes, sizeof four);
            even[v] += splat(x[0]) * __builtin_convertvector(four << 24 >> 24, Vec);
            odd[v] += splat(x[1]) * __builtin_convertvector(four << 16 >> 24, Vec);
            even[v] += splat(x[2]) * __builtin_convertvector(four << 8 >> 24, Vec);
            odd[v] += splat(x[3]) * __builtin_convertvector(four >> 24, Vec);
        }
    for (int v = 0; v < kPanelVectors; ++v) {
        const int64_t at = first + v * kLanes;
        Vec ends[3];
        for (int i = 0; i < 3; ++i)
            std::memcpy(&ends[i], line + i * kPanelWidth + v * kLanes, sizeof(Vec));
        const Vec likely = ends[0] + ends[1] * (even[v] + odd[v]);
        const Vec bound = likely + splat(query.norm) * ends[2] + splat(1e-36f);  // underflows
        const IntVec reached = bound >= splat(query.threshold);
        if (!any(reached)) continue;
        for (int64_t lane = 0; lane < kLanes && at + lane < job.n_columns; ++lane) {
            if (!reached[lane] || is_excluded(job, query.row, job.item_of_column[at + lane]))
                continue;
            waiting.columns[waiting.n++] = at + lane;
            if (waiting.n == kTogether) settle(job, query, waiting);
        }
    }
}

// Beyond these lengths of a query a bound could overflow, or vanish in what underflows.
constexpr float kShortest = 1e-15f, kLongest = 1e15f;

void screened(const TopK& job, Query& query, int64_t n_panels, float* scratch) {
    for (int64_t k = 0; k < round_up(job.width, 4); ++k)
        scratch[k] = k < job.width ? job.queries[query.row * job.width + k] : 0.0f;
    Waiting waiting{};
    for (int64_t panel = 0; panel < n_panels; ++panel) {
        const float most = query.norm * job.most_norm[panel] + job.most_bias[panel];
        if (most < query.threshold) break;
        screen(job, query, waiting, scratch, panel);
    }
    if (waiting.n) settle(job, query, waiting);
}

}  // namespace

namespace RECSYS_ISA {

int64_t ranker_scratch(int64_t width, int64_t n_queries) {
    // A screen needs room for one query, whole words long.
    const int64_t n = n_queries < kTopKBlock ? n_queries : kTopKBlock;
    return round_up(n, kQueries) * round_up(width, 4);
}

void top_k(const TopK& job, int64_t begin, int64_t end, float* scratch) {
    const int64_t n_panels = (job.n_columns + kPanelWidth - 1) / kPanelWidth;
    const int64_t n = end - begin;  // at most kTopKBlock
    Query state[kTopKBlock];
    for (int64_t q = 0; q < n; ++q) {
        const float* x = job.queries + (begin + q) * job.width;
        double squares = 0;  // squares of small floats underflow
        for (int64_t k = 0; k < job.width; ++k) squares += static_cast<double>(x[k]) * x[k];
        const float norm = static_cast<float>(__builtin_sqrt(squares));
        state[q] = Query{begin + q, 0, -__builtin_inff(), norm};
    }
    if (n == 1 && job.screen.panels && state[0].norm > kShortest && state[0].norm < kLongest)
        screened(job, state[0], n_panels, scratch);
    else
        tiled(job, state, n, n_panels, scratch);
    for (int64_t q = 0; q < n; ++q)
        for (int64_t i = state[q].found; i < job.k; ++i) {
            job.items[state[q].row * job.k + i] = -1;
            job.scores[state[q].row * job.k + i] = __builtin_nanf("");
        }
}

extern const Ranker ranker{kPanelWidth, ranker_scratch, top_k};

}  // namespace RECSYS_ISA
}  // namespace recsys
