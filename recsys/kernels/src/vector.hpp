// The widest float vector of the instruction set being compiled, through GCC/Clang vector types.
#pragma once
#include <cstdint>
#include <cstring>

namespace recsys {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;  // SSE2, NEON
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float Vec4 __attribute__((vector_size(16)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));

#define RECSYS_INLINE inline __attribute__((always_inline))

RECSYS_INLINE Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
// Two vectors that lie next to each other in a row of factors.
struct Pair {
    Vec first, second;
};
RECSYS_INLINE Pair load_pair(const float* p) { return {load(p), load(p + kLanes)}; }
// In 16 bits a number, a word of 32 bits has one number of each vector in its halves. The lower
// half of a float may have any digits, so the word itself is the second number: see `halve`.
RECSYS_INLINE Pair load_pair(const uint16_t* p) {
    IntVec words;
    std::memcpy(&words, p, sizeof words);
    return {reinterpret_cast<Vec>(words << 16), reinterpret_cast<Vec>(words)};
}
RECSYS_INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
RECSYS_INLINE Vec splat(float s) { return s - Vec{}; }

RECSYS_INLINE Vec4 fold_to_4(Vec v) {
    Vec4 part[kLanes / 4];
    std::memcpy(part, &v, sizeof v);
    Vec4 sum = part[0];
    for (int i = 1; i < kLanes / 4; ++i) sum += part[i];
    return sum;
}
RECSYS_INLINE float sum(Vec v) {
    const Vec4 s = fold_to_4(v);
    return (s[0] + s[2]) + (s[1] + s[3]);
}
RECSYS_INLINE Vec4 sum4(Vec a, Vec b, Vec c, Vec d) {
    const auto half = [](Vec4 x, Vec4 y) __attribute__((always_inline)) {
        return __builtin_shufflevector(x, y, 0, 4, 1, 5) +
               __builtin_shufflevector(x, y, 2, 6, 3, 7);
    };
    const Vec4 x = half(fold_to_4(a), fold_to_4(b)), y = half(fold_to_4(c), fold_to_4(d));
    return __builtin_shufflevector(x, y, 0, 1, 4, 5) + __builtin_shufflevector(x, y, 2, 3, 6, 7);
}

RECSYS_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace
}  // namespace recsys
