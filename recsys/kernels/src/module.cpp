// The Python interface of the kernels: picks the instruction set, owns memory and threads.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "entries.hpp"
#include "kernels.hpp"

namespace nb = nanobind;
template <class T>
using Array1 = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Array2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

namespace {

struct Isa {
    const char* name;
    const recsys::RowSolver& row_solver;
    const recsys::Ranker& ranker;
    const recsys::Text& text;
    const recsys::Adder& adder;
    const recsys::Halver& halver;
};

// What this CPU can run, best first.
const std::vector<Isa>& isas() {
    static const std::vector<Isa> found = [] {
        using namespace recsys;
        std::vector<Isa> found;
#ifdef RECSYS_X86
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            found.push_back({"avx512", avx512::row_solver, avx512::ranker, avx512::text,
                             avx512::adder, avx512::halver});
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found.push_back(
                {"avx2", avx2::row_solver, avx2::ranker, avx2::text, avx2::adder, avx2::halver});
#endif
        found.push_back({"baseline", baseline::row_solver, baseline::ranker, baseline::text,
                         baseline::adder, baseline::halver});
        return found;
    }();
    return found;
}

struct alignas(64) CacheLine {
    float floats[16];
};

// Splits [0, n) into pieces of `grain`; each worker takes the next piece when it is free. Which
// worker takes a piece does not change the result: every row is written by one iteration.
template <class Work>
void parallel_for(int64_t n, int64_t grain, int n_threads, int64_t scratch_floats,
                  const Work& work) {
    const int64_t pieces = (n + grain - 1) / grain, lines = scratch_floats / 16 + 1;
    const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(n_threads, pieces));
    std::vector<CacheLine> scratch(workers * lines);
    std::atomic<int64_t> next{0};
    auto loop = [&](int64_t worker) {
        float* memory = scratch[worker * lines].floats;
        for (int64_t begin; (begin = next.fetch_add(grain)) < n;)
            work(begin, std::min(begin + grain, n), memory);
    };
    std::vector<std::thread> threads;
    try {
        for (int64_t i = 1; i < workers; ++i) threads.emplace_back(loop, i);
    } catch (const std::system_error&) {
        // The system allows no more threads: the ones already started do all the work.
    }
    loop(0);
    for (std::thread& thread : threads) thread.join();
}

// Lets other Python threads run meanwhile, unless the work is over sooner than they would take
// over.
class Unlocked {
public:
    explicit Unlocked(int64_t n_products) {
        if (n_products > kSoon) released.emplace();
    }

private:
    static constexpr int64_t kSoon = 1 << 20;
    std::optional<nb::gil_scoped_release> released;
};

constexpr int64_t kEntriesAtHand = 4096;  // pairs that a thread takes at a time
constexpr int64_t kRowsAtHand = 64;       // rows that it sums at a time

template <class T>
using Maybe = std::optional<Array1<const T>>;

template <class T>
const T* data(const Maybe<T>& given) {
    return given ? given->data() : nullptr;
}

// Python decides which rows are solved when, and which together: `order` holds the rows, `pieces`
// the start of each piece of work in it. The first `n_shared` pieces hold long rows.
void solve_rows(int64_t isa, Array1<const int64_t> indptr, Array1<const int32_t> columns,
                Maybe<float> weights, Maybe<float> targets, float target,
                Array2<const float> factors, std::optional<Array2<const uint16_t>> halves,
                Maybe<float> base, std::optional<Array2<const float>> base_rhs,
                Array1<const float> typical, Array1<const float> ridge, Array2<float> solution,
                Array1<double> energy, std::optional<Array2<const float>> spread,
                Array1<const int64_t> order, Array1<const int64_t> pieces, int64_t n_shared,
                int64_t at_once, int64_t block_columns, int64_t n_steps, float relaxation,
                int n_threads) {
    const recsys::RowSolver& solver = isas().at(isa).row_solver;
    const int64_t n_rows = solution.shape(0), n_columns = factors.shape(0);
    const int64_t width = solution.shape(1);
    const int64_t stride = halves ? halves->shape(1) : factors.shape(1);
    const Unlocked unlocked(static_cast<int64_t>(columns.shape(0)) * width * width);
    const recsys::RowProblems problems{indptr.data(),
                                       columns.data(),
                                       data(weights),
                                       data(targets),
                                       target,
                                       factors.data(),
                                       halves ? halves->data() : nullptr,
                                       width,
                                       stride,
                                       data(base),
                                       base_rhs ? base_rhs->data() : nullptr,
                                       base_rhs && base_rhs->shape(0) > 1 ? stride : 0,
                                       typical.data(),
                                       ridge.data(),
                                       solution.data(),
                                       energy.data(),
                                       n_rows,
                                       n_columns,
                                       block_columns,
                                       n_steps,
                                       relaxation,
                                       spread ? spread->data() : nullptr};
    parallel_for(pieces.shape(0) - 1, 1, n_threads, solver.scratch(stride, at_once),
                 [&](int64_t piece, int64_t, float* memory) {
                     const int64_t first = pieces.data()[piece];
                     const int64_t count = pieces.data()[piece + 1] - first;
                     solver.solve(problems, order.data() + first, count,
                                  piece < n_shared ? count : 1, memory);
                 });
}

void sum_rows(int64_t isa, Array1<const int64_t> indptr, Array1<const int32_t> columns,
              Array2<const float> table, Array2<float> out, int n_threads) {
    const recsys::Adder& adder = isas().at(isa).adder;
    const int64_t n_rows = out.shape(0), stride = out.shape(1);
    nb::gil_scoped_release release;
    const recsys::RowSums job{indptr.data(), columns.data(), table.data(),
                              out.data(),    n_rows,         stride};
    parallel_for(n_rows, kRowsAtHand, n_threads, 0,
                 [&](int64_t begin, int64_t end, float*) { adder.sum_rows(job, begin, end); });
}

void halve(int64_t isa, Array2<float> table, Maybe<float> weights, Array2<uint16_t> halves,
           Array2<float> changes, int64_t block_rows, int n_threads) {
    const recsys::Halver& halver = isas().at(isa).halver;
    const int64_t n_rows = table.shape(0), width = table.shape(1), stride = halves.shape(1);
    nb::gil_scoped_release release;
    const recsys::Halving job{table.data(), halves.data(), data(weights), changes.data(),
                              n_rows,       width,         stride,        block_rows};
    parallel_for(changes.shape(0), 1, n_threads, stride,
                 [&](int64_t block, int64_t, float* row) { halver.halve(job, block, row); });
}

// Packed items as `top_k` takes them. What the pointers point to, Python keeps.
struct Items {
    const recsys::Ranker& ranker;
    const recsys::TopK job;
};

// Taken from Python once, as taking them takes as long as the search for one question.
nb::capsule packed_items(int64_t isa, Array1<const float> packed, Array1<const float> bias,
                         Array1<const float> most_norm, Array1<const float> most_bias,
                         Array1<const int32_t> item_of_column, int64_t width, Maybe<int32_t> screen,
                         std::optional<Array2<const float>> rows) {
    recsys::TopK job{};
    job.packed_items = packed.data();
    job.packed_bias = bias.data();
    job.most_norm = most_norm.data();
    job.most_bias = most_bias.data();
    job.item_of_column = item_of_column.data();
    job.n_columns = item_of_column.shape(0);
    job.width = width;
    job.screen = {data(screen), rows ? rows->data() : nullptr};
    return nb::capsule(new Items{isas().at(isa).ranker, job},
                       [](void* items) noexcept { delete static_cast<Items*>(items); });
}

void top_k(nb::capsule packed, Array2<const float> queries, Maybe<int64_t> excluded_indptr,
           Maybe<int32_t> excluded, Array2<int32_t> found, Array2<float> scores, int n_threads) {
    const Items& items = *static_cast<const Items*>(packed.data());
    recsys::TopK job = items.job;
    job.queries = queries.data();
    job.excluded_indptr = data(excluded_indptr);
    job.excluded = data(excluded);
    job.k = found.shape(1);
    job.items = found.data();
    job.scores = scores.data();
    const int64_t n = queries.shape(0);
    const Unlocked unlocked(n * job.n_columns * job.width);
    parallel_for(n, recsys::kTopKBlock, n_threads, items.ranker.scratch(job.width, n),
                 [&](int64_t begin, int64_t end, float* memory) {
                     items.ranker.top_k(job, begin, end, memory);
                 });
}

// Whether the numbers increase, from 0 or more to below n.
bool increases(Array1<const int32_t> numbers, int64_t n) {
    int64_t before = -1;
    for (size_t i = 0; i < numbers.shape(0); before = numbers.data()[i++])
        if (numbers.data()[i] <= before) return false;
    return before < n;
}

// The arrays of numbers have `room` elements, or none where no column has them.
int64_t read_numbers(Array1<const uint8_t> text, int64_t separator, int64_t n_separators,
                     Array1<const uint8_t> columns, int64_t room, Array1<int32_t> users,
                     Array1<int32_t> items, Array1<float> ratings, Array1<double> times) {
    const recsys::NumberColumns out{users.data(), items.data(), ratings.data(), times.data()};
    nb::gil_scoped_release release;
    return recsys::read_numbers(text.data(), text.shape(0), static_cast<uint8_t>(separator),
                                n_separators, columns.data(), columns.shape(0), room, out);
}

template <class T>
void gather(Array1<const T> from, Array1<const int32_t> order, Array1<T> to, int n_threads) {
    nb::gil_scoped_release release;
    parallel_for(order.shape(0), 1 << 18, n_threads, 0, [&](int64_t begin, int64_t end, float*) {
        recsys::gather(from.data(), order.data() + begin, end - begin, to.data() + begin);
    });
}

// `bounds` are the rows where each piece of work begins, and the end of the last.
void sort_rows(Array1<const int32_t> rows, Array1<const int32_t> columns,
               Array1<const int64_t> indptr, Array1<const int64_t> bounds, Array1<int32_t> order,
               Array1<int32_t> indices, int n_threads) {
    nb::gil_scoped_release release;
    parallel_for(bounds.shape(0) - 1, 1, n_threads, 0, [&](int64_t piece, int64_t, float*) {
        const int64_t* bound = bounds.data() + piece;
        recsys::sort_rows(rows.data(), columns.data(), rows.shape(0), indptr.data(), bound[0],
                          bound[1], order.data(), indices.data());
    });
}

uint32_t text_signs(int64_t isa, Array1<const uint8_t> text) {
    const recsys::Text& kernel = isas().at(isa).text;
    nb::gil_scoped_release release;
    return kernel.signs(text.data(), text.shape(0));
}

void find_entries(Array1<const int64_t> indptr, Array1<const int32_t> columns,
                  Array1<const int64_t> pair_rows, Array1<const int32_t> pair_columns,
                  Array1<int64_t> at, Array1<bool> there, int n_threads) {
    nb::gil_scoped_release release;
    parallel_for(at.shape(0), kEntriesAtHand, n_threads, 0,
                 [&](int64_t begin, int64_t end, float*) {
                     recsys::find_entries(indptr.data(), columns.data(), pair_rows.data(),
                                          pair_columns.data(), begin, end, at.data(), there.data());
                 });
}

template <class T>
void insert(Array1<const T> old, Array1<const int64_t> at, Array1<const T> more, Array1<T> out,
            int n_threads) {
    nb::gil_scoped_release release;
    parallel_for(at.shape(0), kEntriesAtHand, n_threads, 0,
                 [&](int64_t begin, int64_t end, float*) {
                     recsys::insert(old.data(), old.shape(0), at.data(), more.data(), at.shape(0),
                                    begin, end, out.data());
                 });
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.def("instruction_sets", [] {
        nb::list found;
        for (const Isa& isa : isas())
            found.append(nb::make_tuple(isa.name, isa.row_solver.unit, isa.ranker.panel_width));
        return found;
    });
    m.def("solve_rows", &solve_rows);
    // Without conversions: nobody would keep a converted copy.
    m.def("packed_items", &packed_items, nb::arg(), nb::arg().noconvert(), nb::arg().noconvert(),
          nb::arg().noconvert(), nb::arg().noconvert(), nb::arg().noconvert(), nb::arg(),
          nb::arg().noconvert().none(), nb::arg().noconvert().none());
    m.def("top_k", &top_k);
    m.def("increases", &increases);
    m.def("sum_rows", &sum_rows);
    m.def("halve", &halve, nb::arg(), nb::arg().noconvert(), nb::arg().none(),
          nb::arg().noconvert(), nb::arg().noconvert(), nb::arg(), nb::arg());
    m.def("text_signs", &text_signs);
    m.def("gather", &gather<float>);
    m.def("gather", &gather<double>);
    m.def("read_numbers", &read_numbers);
    m.def("sort_rows", &sort_rows);
    m.def("find_entries", &find_entries);
    m.def("insert", &insert<uint32_t>);
    m.def("insert", &insert<uint64_t>);
}
