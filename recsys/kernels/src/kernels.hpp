// Interfaces of the kernels. Plain arrays only: these files are compiled once per
// instruction set, and anything inline from the standard library could leak AVX-512 code into the
// copy that an older CPU runs. Threads and memory are therefore left to module.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace recsys {

// Every row u of a CSR matrix poses
//     (base + sum_j w_j y_j y_j' + ridge_u I) x_u = base_rhs + sum_j t_j y_j
// over its entries j, with y_j row columns[j] of the other side's factors. The base is diagonal:
// the caller rotates the coordinates. A row of `stride` floats is a row of `width` floats padded
// with zeros to whole vectors.
struct RowProblems {
    const int64_t* indptr;
    const int32_t* columns;
    const float* weights;  // w_j >= 0; null means all 1
    const float* targets;  // t_j; null means all `target`
    float target;
    const float* factors;    // (n_columns, stride)
    const uint16_t* halves;  // (n_columns, stride), or null: factors that `halve` made
    int64_t width, stride;
    const float* base;      // (stride,) its diagonal, or null
    const float* base_rhs;  // (n_rows, stride), or null
    int64_t rhs_stride;     // from one row's right side to the next; 0 where all rows share one
    const float* typical;   // (stride,) mean square of an entry's factors, for the preconditioner
    const float* ridge;     // (n_rows,)
    float* solution;        // (n_rows, width): the start on entry, x on return
    double* energy;         // (n_rows,): x'Ax - 2x'b there; NaN where there is none
    int64_t n_rows, n_columns;
    int64_t block_columns;  // columns whose factors stay in cache while several rows use them
    int64_t n_steps;        // of conjugate gradients; 0 solves to float32 rounding
    float relaxation;       // how far to go from the start towards the solution: 1 ends there
    const float* spread;    // (n_rows, stride) z, or null: x = A^-1 b + U^-1 z, where A = U'U
};

// A table to be kept in 16 bits a number.
struct Halving {
    float* table;          // (n_rows, width), rounded to what the halves hold
    uint16_t* halves;      // (n_rows, stride)
    const float* weights;  // (n_rows,); null means all 1
    float* changes;        // (n_blocks, width) by how much a block's sums of weighted squares grow
    int64_t n_rows, width, stride, block_rows;
};

// The items in 8 bits, for a bound on each score that takes a quarter of the memory to read: with x
// a query, its score of a column is at most reach + step x'levels + |x| error.
struct Screen {
    // (n_panels, words + 3, panel_width), null where there is no screen. A word has four levels;
    // the last three lines of a panel are floats: reach, step and error.
    const int32_t* panels;
    const float* rows;  // (n_items, width) the items themselves
};

// The k best columns of `queries @ items.T + bias` for every query.
struct TopK {
    const float* queries;           // (n_queries, width)
    const float* packed_items;      // panels of `panel_width` items: (n_panels, width, panel_width)
    const float* packed_bias;       // (n_panels * panel_width,)
    const float* most_norm;         // (n_panels,) longest factors of a panel and those after it,
    const float* most_bias;         // (n_panels,) their largest bias; both a little more
    const int32_t* item_of_column;  // (n_columns,)
    int64_t n_columns;
    int64_t width;
    const int64_t* excluded_indptr;  // CSR of the items not to return, columns sorted; or null
    const int32_t* excluded;
    int64_t k;
    int32_t* items;  // (n_queries, k); -1 where a list ends
    float* scores;   // (n_queries, k); NaN there
    Screen screen;
};

// Sums of the rows of a table that the rows of a CSR matrix name.
struct RowSums {
    const int64_t* indptr;
    const int32_t* columns;
    const float* table;  // (n_columns, stride), padded as for the row solver
    float* out;          // (n_rows, stride)
    int64_t n_rows, stride;
};

// What may stand in the bytes of a text file.
enum TextSign : uint32_t {
    kNotAscii = 1,
    kNul = 2,
    kQuote = 4,
    kX = 8,             // x or X
    kLoneReturn = 16,   // a carriage return that no line feed follows
    kMinusZero = 32,    // "-0"
    kLeadingZero = 64,  // a 0 before a digit and after something that is none
};

// What is in a column of a text.
enum Column : uint8_t { kOther, kUser, kItem, kRating, kTime };

// Where its numbers go: one for each row; null where no column has them.
struct NumberColumns {
    int32_t *users, *items;
    float* ratings;
    double* times;
};

// Reads lines of plain numbers, of which `columns` (n_columns,) says what they are, as long as
// there is room. Returns the number of rows, more than `room` if there was none for all of them, or
// -1 where something is not written as this reader knows it: an id that is no whole number of 32
// bits or begins with 0, more digits than the type holds exactly, a blank, a quote, a letter that
// is not ASCII, another number of fields, an empty line.
int64_t read_numbers(const uint8_t* text, int64_t n, uint8_t separator, int64_t n_separators,
                     const uint8_t* columns, int64_t n_columns, int64_t room,
                     const NumberColumns& out);

// to[i] = from[order[i]]
template <class T>
void gather(const T* from, const int32_t* order, int64_t n, T* to);

// The entries of the rows from `first` to `last` in CSR order, equal ones as they came: their
// positions among all `n`, and their columns.
void sort_rows(const int32_t* rows, const int32_t* columns, int64_t n, const int64_t* indptr,
               int64_t first, int64_t last, int32_t* order, int32_t* indices);

// The code of one instruction set. `scratch` is in floats, 64-byte aligned.
struct RowSolver {
    int64_t unit;  // of the stride
    int64_t (*scratch)(int64_t stride, int64_t at_once);
    // Solves `count` rows, `at_once` of them at a time; rows solved together share their passes.
    void (*solve)(const RowProblems&, const int64_t* rows, int64_t count, int64_t at_once,
                  float* scratch);
};
struct Ranker {
    int64_t panel_width;
    int64_t (*scratch)(int64_t width, int64_t n_queries);
    void (*top_k)(const TopK&, int64_t begin, int64_t end, float* scratch);
};
struct Text {
    // The signs in `n` bytes; one that needs a neighbour is not seen where that is missing.
    uint32_t (*signs)(const uint8_t* text, int64_t n);
};
struct Adder {
    void (*sum_rows)(const RowSums&, int64_t begin, int64_t end);
};
struct Halver {
    // One block of rows; `scratch` has a stride of floats.
    void (*halve)(const Halving&, int64_t block, float* scratch);
};
#define RECSYS_DECLARE(isa)            \
    namespace isa {                    \
    extern const RowSolver row_solver; \
    extern const Ranker ranker;        \
    extern const Text text;            \
    extern const Adder adder;          \
    extern const Halver halver;        \
    }
RECSYS_DECLARE(baseline)
RECSYS_DECLARE(avx2)
RECSYS_DECLARE(avx512)

constexpr int64_t kTopKBlock = 64;  // queries that share one pass over the items

}  // namespace recsys
