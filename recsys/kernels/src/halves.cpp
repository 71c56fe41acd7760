// Tables of factors in 16 bits a number, half of the memory that the row solver reads.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr uint32_t kSign = 0x80000000, kUpper = 0xffff0000;
constexpr uint32_t kLeast = 0x21800000;  // 2^-60

// Of two numbers, the word that holds both. The first is rounded to the upper 16 bits of a float,
// the second to the nearest float whose lower 16 bits are those of the first. Either way 8
// significant bits are left. A second number near 0 becomes 2^-60 where its lower bits alone would
// be a denormal number, which is slow to compute with.
RECSYS_INLINE uint32_t word(uint32_t first, uint32_t second) {
    const uint32_t low = (first + 0x7fff + (first >> 16 & 1)) >> 16;
    const uint32_t size = (second & ~kSign) + 0x8000, upper = size > low ? size - low : 0;
    return low | ((low && upper < kLeast ? kLeast : upper) & kUpper) | (second & kSign);
}

}  // namespace

namespace RECSYS_ISA {

void halve(const Halving& all, int64_t block, float* row) {
    const int64_t n = all.width, begin = block * all.block_rows;
    const int64_t left = all.n_rows - begin;
    const int64_t end = begin + (left < all.block_rows ? left : all.block_rows);
    float* changes = all.changes + block * n;
    std::memset(changes, 0, n * sizeof(float));
    for (int64_t k = 0; k < all.stride; ++k) row[k] = 0;
    for (int64_t i = begin; i < end; ++i) {
        float* own = all.table + i * n;
        uint16_t* halves = all.halves + i * all.stride;
        std::memcpy(row, own, n * sizeof(float));
        for (int64_t k = 0; k < all.stride; k += 2 * kLanes) {
            uint32_t bits[2 * kLanes], words[kLanes];
            std::memcpy(bits, row + k, sizeof bits);
            for (int j = 0; j < kLanes; ++j) words[j] = word(bits[j], bits[kLanes + j]);
            std::memcpy(halves + k, words, sizeof words);
            const Pair rounded = load_pair(halves + k);
            store(row + k, rounded.first);
            store(row + k + kLanes, rounded.second);
        }
        const float weight = all.weights ? all.weights[i] : 1;
        for (int64_t k = 0; k < n; ++k) {
            changes[k] += weight * (row[k] - own[k]) * (row[k] + own[k]);
            own[k] = row[k];
        }
        for (int64_t k = n; k < all.stride; ++k) row[k] = 0;
    }
}

extern const Halver halver{halve};

}  // namespace RECSYS_ISA
}  // namespace recsys
