/* Words of a set of bits. */
#ifndef CONVLAB_BITS_H
#define CONVLAB_BITS_H

#include <stdint.h>
#include "vector.h"

#if defined(__GNUC__) || defined(__clang__)
CONVLAB_INLINE int bits_set(uint64_t word) { return __builtin_popcountll(word); }
CONVLAB_INLINE int lowest_bit(uint64_t word) { return __builtin_ctzll(word); }
#else
CONVLAB_INLINE int bits_set(uint64_t word)
{
    word -= (word >> 1) & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    return (int)((((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
}
CONVLAB_INLINE int lowest_bit(uint64_t word) { return bits_set((word & (0 - word)) - 1); }
#endif

#endif
