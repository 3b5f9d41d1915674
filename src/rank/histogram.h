/* Sixteen counters as one value, for medians by histograms. They are cumulative: counter b is of the pixels in the bins
 * up to b, so the bin that holds a rank is how many counters are not above that. To Cython they are opaque.
 */
#ifndef CONVLAB_HISTOGRAM_H
#define CONVLAB_HISTOGRAM_H

#include <stdint.h>
#include <string.h>
#include "vector.h"

#define BINS 16

/* From `bin_steps + BINS - b` on stands what one pixel in bin b adds to a column's counters. */
static const uint8_t bin_steps[2 * BINS] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};

#if defined(__GNUC__) || defined(__clang__)

/* Counters in as many vectors as the machine needs for them; a column's, of bytes, are one. */
#ifdef __AVX2__
#define PARTS 1
#else
#define PARTS 2
#endif
typedef uint8_t vcolumn __attribute__((vector_size(BINS), aligned(1), may_alias));
typedef uint8_t vnarrow __attribute__((vector_size(BINS / PARTS), aligned(1), may_alias));
typedef uint16_t vpart __attribute__((vector_size(2 * BINS / PARTS)));
typedef struct { vpart part[PARTS]; } vcounts;

#define CONVLAB_EACH_PART(v, p, operator)                                                                              \
    for (int i = 0; i < PARTS; i++)                                                                                    \
    v.part[i] = v.part[i] operator __builtin_convertvector(((const vnarrow *)p)[i], vpart)

CONVLAB_INLINE vcounts add_column(vcounts v, const uint8_t *p) { CONVLAB_EACH_PART(v, p, +); return v; }
CONVLAB_INLINE vcounts subtract_column(vcounts v, const uint8_t *p) { CONVLAB_EACH_PART(v, p, -); return v; }
CONVLAB_INLINE void insert_pixel(uint8_t *p, int bin) { *(vcolumn *)p += *(const vcolumn *)(bin_steps + BINS - bin); }
CONVLAB_INLINE void delete_pixel(uint8_t *p, int bin) { *(vcolumn *)p -= *(const vcolumn *)(bin_steps + BINS - bin); }

#else

typedef struct { uint16_t n[BINS]; } vcounts;

CONVLAB_INLINE vcounts add_column(vcounts v, const uint8_t *p)
{
    for (int b = 0; b < BINS; b++)
        v.n[b] += p[b];
    return v;
}
CONVLAB_INLINE vcounts subtract_column(vcounts v, const uint8_t *p)
{
    for (int b = 0; b < BINS; b++)
        v.n[b] -= p[b];
    return v;
}
CONVLAB_INLINE void insert_pixel(uint8_t *p, int bin) { for (int b = bin; b < BINS; b++) p[b]++; }
CONVLAB_INLINE void delete_pixel(uint8_t *p, int bin) { for (int b = bin; b < BINS; b++) p[b]--; }

#endif

CONVLAB_INLINE vcounts counts_at(const uint16_t *p) { vcounts v; memcpy(&v, p, sizeof v); return v; }
CONVLAB_INLINE void keep_counts(uint16_t *p, vcounts v) { memcpy(p, &v, sizeof v); }

/* How many counters but the last are at most n. The last never is, unless another thread changes the image meanwhile. */
#if LANES == 16
CONVLAB_INLINE int bin_of(vcounts v, unsigned n)
{
    return __builtin_popcount(_mm256_cmple_epu16_mask((__m256i)v.part[0], _mm256_set1_epi16((short)n)) & 0x7FFF);
}
#elif defined(__AVX2__)
CONVLAB_INLINE int bin_of(vcounts v, unsigned n)
{
    __m256i above = _mm256_subs_epu16((__m256i)v.part[0], _mm256_set1_epi16((short)n));
    return __builtin_popcount(_mm256_movemask_epi8(_mm256_cmpeq_epi16(above, _mm256_setzero_si256())) & 0x3FFFFFFF) / 2;
}
#elif defined(__SSE2__) && defined(__GNUC__)
CONVLAB_INLINE int bin_of(vcounts v, unsigned n)
{
    __m128i most = _mm_set1_epi16((short)n), zero = _mm_setzero_si128();
    __m128i low = _mm_cmpeq_epi16(_mm_subs_epu16((__m128i)v.part[0], most), zero);
    __m128i high = _mm_cmpeq_epi16(_mm_subs_epu16((__m128i)v.part[1], most), zero);
    return __builtin_ctz(~_mm_movemask_epi8(_mm_packs_epi16(low, high)) | 0x8000);
}
#else
CONVLAB_INLINE int bin_of(vcounts v, unsigned n)
{
    uint16_t counts[BINS];
    int bin = 0, b;
    memcpy(counts, &v, sizeof v);
    for (b = 0; b < BINS - 1; b++)
        bin += counts[b] <= n;
    return bin;
}
#endif
#endif
