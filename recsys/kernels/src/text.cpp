// What stands in the bytes of a text file, in one pass over them.
#include "kernels.hpp"
#include "vector.hpp"

namespace recsys {
namespace {

constexpr int kBytes = kLanes > 4 ? 32 : 16;
constexpr int kAhead = 4096;  // bytes to fetch ahead: the CPU does not look that far by itself
typedef uint8_t Bytes __attribute__((vector_size(kBytes)));
typedef int8_t Flags __attribute__((vector_size(kBytes)));

// What was found so far, in a vector of bytes or in a single one.
template <class Byte, class Flag>
struct Found {
    Byte all{};  // every byte, or-ed
    Flag nul{}, quote{}, x{}, lone_return{}, minus_zero{}, leading_zero{};

    RECSYS_INLINE static Flag is_digit(Byte byte) { return static_cast<Byte>(byte - '0') < 10; }

    RECSYS_INLINE void look(Byte before, Byte here, Byte after) {
        all |= here;
        nul |= here == 0;
        quote |= here == '"';
        x |= (here | 0x20) == 'x';
        lone_return |= (here == '\r') & (after != '\n');
        minus_zero |= (here == '-') & (after == '0');
        leading_zero |= (here == '0') & ~is_digit(before) & is_digit(after);
    }
};

RECSYS_INLINE Bytes bytes(const uint8_t* text) {
    Bytes v;
    std::memcpy(&v, text, sizeof v);
    return v;
}

template <class V>
bool any(V v) {
    int64_t words[kBytes / 8], found = 0;
    std::memcpy(words, &v, sizeof v);
    for (int64_t word : words) found |= word;
    return found;
}

}  // namespace

namespace RECSYS_ISA {

uint32_t text_signs(const uint8_t* text, int64_t n) {
    Found<Bytes, Flags> wide;
    Found<uint8_t, int8_t> one;
    int64_t i = 1;
    for (; i + kBytes < n; i += kBytes) {
        __builtin_prefetch(text + i + kAhead);  // past the end at last, which does no harm
        wide.look(bytes(text + i - 1), bytes(text + i), bytes(text + i + 1));
    }
    for (; i + 1 < n; ++i) one.look(text[i - 1], text[i], text[i + 1]);
    // At the ends, where a neighbour is missing, take one with which there is no sign.
    if (n > 0) one.look('0', text[0], n > 1 ? text[1] : '\n');
    if (n > 1) one.look(text[n - 2], text[n - 1], '\n');
    const auto sign = [](bool found, TextSign sign) { return found ? sign : 0u; };
    return sign(any(wide.all & 0x80) || one.all & 0x80, kNotAscii) |
           sign(any(wide.nul) || one.nul, kNul) | sign(any(wide.quote) || one.quote, kQuote) |
           sign(any(wide.x) || one.x, kX) |
           sign(any(wide.lone_return) || one.lone_return, kLoneReturn) |
           sign(any(wide.minus_zero) || one.minus_zero, kMinusZero) |
           sign(any(wide.leading_zero) || one.leading_zero, kLeadingZero);
}

extern const Text text{text_signs};

}  // namespace RECSYS_ISA
}  // namespace recsys
