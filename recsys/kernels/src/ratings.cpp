// Ratings on their way into a sparse matrix: plain numbers in text, and the order of CSR.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels.hpp"

namespace recsys {
namespace {

constexpr size_t kFew = 64;     // entries of a row that are sorted by comparing
constexpr int64_t kAhead = 24;  // entries whose place in memory is fetched ahead

constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
constexpr int kExact = 10;  // powers of ten that float32 holds exactly
constexpr float kTens[kExact + 1] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f,
                                     1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
constexpr double kWideTens[16] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// A number in the text, as digits and how many of them stand behind the point.
struct Decimal {
    uint64_t digits = 0;
    int n_digits = 0, n_behind = 0;
    bool negative = false, leading_zero = false;
};

// Reads digits up to the first letter that is none. The text ends with a line feed.
inline const uint8_t* digits(const uint8_t* at, Decimal& number) {
    for (unsigned digit; (digit = *at - '0') < 10u; ++at) {
        number.digits = 10 * number.digits + digit;
        ++number.n_digits;
    }
    return at;
}

// Eight digits at once, where there are as many; `end` is that of the text.
inline const uint8_t* eight_digits(const uint8_t* at, const uint8_t* end, Decimal& number) {
    if (end - at < 8) return at;
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    word -= 0x3030303030303030;
    if ((word | (word + 0x7676767676767676)) & 0x8080808080808080) return at;
    word = word * 10 + (word >> 8);  // pairs, then fours, then all
    word = ((word & 0x000000ff000000ff) * 0x000f424000000064 +
            (word >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
           32;
    number.digits = word;
    number.n_digits = 8;
    return at + 8;
}

inline const uint8_t* whole(const uint8_t* at, const uint8_t* end, Decimal& number) {
    number.negative = *at == '-';
    at += number.negative;
    const uint8_t first = *at;
    if (kLittleEndian && end) at = eight_digits(at, end, number);
    at = digits(at, number);
    number.leading_zero = first == '0' && number.n_digits > 1;
    return at;
}

inline const uint8_t* decimal(const uint8_t* at, const uint8_t* end, Decimal& number) {
    at = whole(at, end, number);
    if (number.n_digits && *at == '.') {
        const int before = number.n_digits;
        at = digits(at + 1, number);
        number.n_behind = number.n_digits - before;
        if (!number.n_behind) number.n_digits = 0;  // "4." is not plain
    }
    return at;
}

inline bool id(const Decimal& number, int32_t& out) {
    if (!number.n_digits || number.n_digits > 10 || number.leading_zero ||
        number.digits > INT32_MAX || (number.negative && !number.digits))
        return false;
    out = static_cast<int32_t>(number.digits) * (number.negative ? -1 : 1);
    return true;
}

// A quotient of two numbers that the type holds exactly is the number closest to the text.
inline bool rating(const Decimal& number, float& out) {
    if (!number.n_digits || number.n_digits > 15 || number.leading_zero ||
        number.n_behind > kExact || number.digits >= 1u << 24)
        return false;
    const float value = static_cast<float>(number.digits) / kTens[number.n_behind];
    out = number.negative ? -value : value;
    return true;
}

inline bool time(const Decimal& number, double& out) {
    const int most = number.n_behind ? 15 : 18;
    if (!number.n_digits || number.n_digits > most || number.leading_zero) return false;
    const double value = static_cast<double>(number.digits) / kWideTens[number.n_behind];
    out = number.negative ? -value : value;
    return true;
}

inline bool field(const uint8_t*& at, const uint8_t* end, Column column, int64_t row,
                  const NumberColumns& out, uint8_t separator) {
    Decimal number;
    switch (column) {
        case kUser:
        case kItem:
            at = whole(at, nullptr, number);
            return id(number, (column == kUser ? out.users : out.items)[row]);
        case kRating:
            at = decimal(at, nullptr, number);
            return rating(number, out.ratings[row]);
        case kTime:
            at = decimal(at, end, number);
            return time(number, out.times[row]);
        default:
            while (*at >= ' ' && *at < 0x7f && *at != '"' && *at != separator) ++at;
            return true;
    }
}

// Sorts by the upper half; the lower halves increase already. Digit by digit, of eight bits each,
// because comparing takes several times as long.
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& spare) {
    if (keys.size() < kFew) return std::sort(keys.begin(), keys.end());
    uint64_t bits = 0;
    for (uint64_t key : keys) bits |= key;
    spare.resize(keys.size());
    for (int shift = 32; shift < 64 && bits >> shift; shift += 8) {
        uint32_t start[257] = {};
        for (uint64_t key : keys) ++start[(key >> shift & 0xff) + 1];
        for (int digit = 0; digit < 256; ++digit) start[digit + 1] += start[digit];
        for (uint64_t key : keys) spare[start[key >> shift & 0xff]++] = key;
        keys.swap(spare);
    }
}

}  // namespace

int64_t read_numbers(const uint8_t* text, int64_t n, uint8_t separator, int64_t n_separators,
                     const uint8_t* columns, int64_t n_columns, int64_t room,
                     const NumberColumns& out) {
    if (n && text[n - 1] != '\n') return -1;
    int64_t row = 0;
    for (const uint8_t *at = text, *end = text + n; at < end; ++row) {
        if (row == room) return room + 1;
        for (int64_t column = 0; column < n_columns; ++column) {
            const Column kind = static_cast<Column>(columns[column]);
            if (!field(at, end, kind, row, out, separator)) return -1;
            if (column + 1 < n_columns)
                for (int64_t i = 0; i < n_separators; ++i)
                    if (*at++ != separator) return -1;  // which is no line feed
        }
        at += *at == '\r';
        if (*at++ != '\n') return -1;
    }
    return row;
}

template <class T>
void gather(const T* from, const int32_t* order, int64_t n, T* to) {
    for (int64_t i = 0; i < n; ++i) {
        if (i + kAhead < n) __builtin_prefetch(from + order[i + kAhead]);
        to[i] = from[order[i]];
    }
}
template void gather(const float*, const int32_t*, int64_t, float*);
template void gather(const double*, const int32_t*, int64_t, double*);

void sort_rows(const int32_t* rows, const int32_t* columns, int64_t n, const int64_t* indptr,
               int64_t first, int64_t last, int32_t* order, int32_t* indices) {
    std::vector<int64_t> next(indptr + first, indptr + last);
    const uint32_t count = static_cast<uint32_t>(last - first);
    for (int64_t i = 0; i < n; ++i) {
        if (i + kAhead < n) {
            const uint32_t soon = static_cast<uint32_t>(rows[i + kAhead] - first);
            if (soon < count) {  // where it will go, or close to it
                __builtin_prefetch(order + next[soon], 1);
                __builtin_prefetch(indices + next[soon], 1);
            }
        }
        const uint32_t row = static_cast<uint32_t>(rows[i] - first);
        if (row >= count) continue;
        const int64_t at = next[row]++;
        order[at] = static_cast<int32_t>(i);
        indices[at] = columns[i];
    }
    std::vector<uint64_t> keys, spare;
    for (int64_t row = first; row < last; ++row) {
        const int64_t begin = indptr[row], end = indptr[row + 1];
        if (std::is_sorted(indices + begin, indices + end)) continue;
        keys.resize(end - begin);
        for (int64_t i = begin; i < end; ++i)
            keys[i - begin] =
                static_cast<uint64_t>(indices[i]) << 32 | static_cast<uint32_t>(order[i]);
        sort_keys(keys, spare);
        for (int64_t i = begin; i < end; ++i) {
            indices[i] = static_cast<int32_t>(keys[i - begin] >> 32);
            order[i] = static_cast<int32_t>(keys[i - begin]);
        }
    }
}

}  // namespace recsys
