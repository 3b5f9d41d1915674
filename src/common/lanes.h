/* Vectors of pixels as they are stored: bytes, whose type each function is told as a constant.
 *
 * vector.h's floats are for arithmetic. Order statistics move and compare pixels, so four times as many of 8 bits fit.
 * To Cython a vraw is opaque.
 */
#ifndef CONVLAB_LANES_H
#define CONVLAB_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include "geometry.h"
#include "vector.h"

/* A kind is a place in convlab._geometry.STORED; INT8 is for maxima and minima alone. */
#define VBYTES (4 * LANES)

#if (defined(__GNUC__) || defined(__clang__)) && !defined(CONVLAB_SCALAR)

#define CONVLAB_VECTOR(type) type __attribute__((vector_size(VBYTES)))
typedef CONVLAB_VECTOR(uint8_t) vraw;
typedef uint8_t vraw_anywhere __attribute__((vector_size(VBYTES), aligned(1), may_alias));
typedef CONVLAB_VECTOR(uint8_t) vuint8;
typedef CONVLAB_VECTOR(int8_t) vint8;
typedef CONVLAB_VECTOR(int16_t) vint16;
typedef CONVLAB_VECTOR(uint16_t) vuint16;
typedef CONVLAB_VECTOR(int32_t) vint32;
typedef CONVLAB_VECTOR(uint32_t) vuint32;

CONVLAB_INLINE vraw raw_load(const char *p) { return *(const vraw_anywhere *)p; }
CONVLAB_INLINE void raw_store(char *p, vraw v) { *(vraw_anywhere *)p = v; }
CONVLAB_INLINE vraw raw_select(vraw mask, vraw a, vraw b) { return (a & mask) | (b & ~mask); }

/* x86's own instructions, where compilers make five of the plain form. */
#if LANES == 16
#define CONVLAB_X86(operation, a, b) (vraw)_mm512_##operation((__m512i)(a), (__m512i)(b))
#elif LANES == 8 && defined(__AVX2__)
#define CONVLAB_X86(operation, a, b) (vraw)_mm256_##operation((__m256i)(a), (__m256i)(b))
#elif LANES == 4 && defined(__SSE2__)
#define CONVLAB_X86(operation, a, b) (vraw)_mm_##operation((__m128i)(a), (__m128i)(b))
#endif

/* The larger of two; of equals the first. `careful`, a float's NaN propagates; else it must not come. */
CONVLAB_INLINE vraw raw_max(vraw a, vraw b, const int kind, const int careful)
{
    if (kind == FLOAT32)
        return careful ? (vraw)vmax((vfloat)a, (vfloat)b) : (vraw)CONVLAB_LARGER((vfloat)b, (vfloat)a);
#ifdef CONVLAB_X86
    if (kind == UINT8)
        return CONVLAB_X86(max_epu8, a, b);
    if (kind == INT16)
        return CONVLAB_X86(max_epi16, a, b);
    if (kind == INT8)
#if LANES > 4
        return CONVLAB_X86(max_epi8, a, b);
#else
        return raw_select((vraw)((vint8)b > (vint8)a), b, a);
#endif
#if LANES > 4
    return CONVLAB_X86(max_epu16, a, b);
#else
    return (vraw)((vuint16)CONVLAB_X86(subs_epu16, a, b) + (vuint16)b);
#endif
#else
    if (kind == UINT8)
        return raw_select((vraw)((vuint8)b > (vuint8)a), b, a);
    if (kind == INT16)
        return raw_select((vraw)((vint16)b > (vint16)a), b, a);
    if (kind == INT8)
        return raw_select((vraw)((vint8)b > (vint8)a), b, a);
    return raw_select((vraw)((vuint16)b > (vuint16)a), b, a);
#endif
}

CONVLAB_INLINE vraw raw_min(vraw a, vraw b, const int kind, const int careful)
{
    if (kind == FLOAT32)
        return careful ? (vraw)vmin((vfloat)a, (vfloat)b) : (vraw)CONVLAB_SMALLER((vfloat)b, (vfloat)a);
#ifdef CONVLAB_X86
    if (kind == UINT8)
        return CONVLAB_X86(min_epu8, a, b);
    if (kind == INT16)
        return CONVLAB_X86(min_epi16, a, b);
    if (kind == INT8)
#if LANES > 4
        return CONVLAB_X86(min_epi8, a, b);
#else
        return raw_select((vraw)((vint8)b < (vint8)a), b, a);
#endif
#if LANES > 4
    return CONVLAB_X86(min_epu16, a, b);
#else
    return (vraw)((vuint16)a - (vuint16)CONVLAB_X86(subs_epu16, a, b));
#endif
#else
    if (kind == UINT8)
        return raw_select((vraw)((vuint8)b < (vuint8)a), b, a);
    if (kind == INT16)
        return raw_select((vraw)((vint16)b < (vint16)a), b, a);
    if (kind == INT8)
        return raw_select((vraw)((vint8)b < (vint8)a), b, a);
    return raw_select((vraw)((vuint16)b < (vuint16)a), b, a);
#endif
}

/* Bytes n, n + 1, ... of a followed by b, for the n of the switch, which is at most VBYTES: what stands one or two pixels
 * to the right. */
#if LANES == 16
#define CONVLAB_AFTER(n)                                                                                              \
    case n: return (n) % 4 == 0 ? CONVLAB_X86_AFTER(epi32, b, a, (n) / 4)                                             \
                                : CONVLAB_X86_AFTER(epi8, CONVLAB_X86_AFTER(epi64, b, a, 2), a, n);
#define CONVLAB_X86_AFTER(unit, b, a, n) (vraw)_mm512_alignr_##unit((__m512i)(b), (__m512i)(a), n)
#elif defined(CONVLAB_X86) && LANES == 8
#define CONVLAB_AFTER(n)                                                                                              \
    case n: return (n) < 16 ? CONVLAB_X86_AFTER(CONVLAB_X86_HALVES(a, b), a, n)                                       \
                            : CONVLAB_X86_AFTER(b, CONVLAB_X86_HALVES(a, b), (n) & 15);
#define CONVLAB_X86_AFTER(b, a, n) (vraw)_mm256_alignr_epi8((__m256i)(b), (__m256i)(a), n)
#define CONVLAB_X86_HALVES(a, b) _mm256_permute2x128_si256((__m256i)(a), (__m256i)(b), 0x21)
#elif defined(CONVLAB_X86)
#define CONVLAB_AFTER(n)                                                                                              \
    case n: return (vraw)_mm_or_si128(_mm_srli_si128((__m128i)a, n), _mm_slli_si128((__m128i)b, 16 - (n)));
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define CONVLAB_AFTER(n) case n: return (vraw)vextq_u8((uint8x16_t)a, (uint8x16_t)b, n);
#else
#define CONVLAB_AFTER(n) case n: memcpy(both, &a, VBYTES), memcpy(both + VBYTES, &b, VBYTES); return raw_load(both + n);
#endif
CONVLAB_INLINE vraw raw_after(vraw a, vraw b, const int n)
{
    char both[2 * VBYTES];
    (void)both;
    switch (n) {
        CONVLAB_AFTER(1) CONVLAB_AFTER(2) CONVLAB_AFTER(3) CONVLAB_AFTER(4) CONVLAB_AFTER(6) CONVLAB_AFTER(8)
        CONVLAB_AFTER(12)
#if LANES > 4
        CONVLAB_AFTER(24)
#endif
    }
    return a;
}

/* What changes no maximum, or no minimum. */
CONVLAB_INLINE vraw raw_nothing(const int largest, const int kind)
{
    if (kind == FLOAT32)
        return (vraw)vsplat(largest ? -INFINITY : INFINITY);
    if (kind == INT8)
        return (vraw)((vint8){0} + (int8_t)(largest ? INT8_MIN : INT8_MAX));
    if (kind == INT16)
        return (vraw)((vint16){0} + (int16_t)(largest ? INT16_MIN : INT16_MAX));
    return (vraw)((vuint8){0} + (uint8_t)(largest ? 0 : 255));
}

/* Elements 0, 2, 4 ... of a followed by b. */
CONVLAB_INLINE vraw raw_even(vraw a, vraw b, const int kind)
{
    if (kind == FLOAT32)
        return (vraw)veven((vfloat)a, (vfloat)b);
#if LANES == 16
    if (kind == UINT8 || kind == INT8)
        return (vraw)_mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8((__m512i)a)),
                                        _mm512_cvtepi16_epi8((__m512i)b), 1);
    return (vraw)_mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16((__m512i)a)),
                                    _mm512_cvtepi32_epi16((__m512i)b), 1);
#elif defined(CONVLAB_X86)
    vraw packed;
    if (kind == UINT8 || kind == INT8)
        packed = CONVLAB_X86(packus_epi16, (vuint16)a & 0xff, (vuint16)b & 0xff);
    else /* sign extended, for SSE2 has no unsigned one */
        packed = CONVLAB_X86(packs_epi32, (vint32)((vuint32)a << 16) >> 16, (vint32)((vuint32)b << 16) >> 16);
#if LANES == 8
    packed = (vraw)_mm256_permute4x64_epi64((__m256i)packed, 0xd8);
#endif
    return packed;
#else
    vraw v;
    if (kind == UINT8 || kind == INT8)
        for (int i = 0; i < VBYTES; i++)
            v[i] = i < VBYTES / 2 ? a[2 * i] : b[2 * i - VBYTES];
    else
        for (int i = 0; i < VBYTES; i++)
            v[i] = i < VBYTES / 2 ? a[i / 2 * 4 + i % 2] : b[i / 2 * 4 + i % 2 - VBYTES];
    return v;
#endif
}

/* Bisection of values by their bits. A key orders as its value does: an integer is its own, a float's runs from -inf to
 * +inf, and keys beyond stand for those two. raw_count(n, x, t) counts, in lanes of the kind's size, where x >= t. */
CONVLAB_INLINE vraw raw_zero(void) { return (vraw){0}; }

CONVLAB_INLINE vraw raw_with_bit(vraw key, const int bit, const int kind)
{
    if (kind == FLOAT32)
        return (vraw)((vuint32)key | (uint32_t)1 << bit);
    if (kind == UINT8)
        return (vraw)((vuint8)key | (uint8_t)(1 << bit));
    return (vraw)((vuint16)key | (uint16_t)(1 << bit));
}

CONVLAB_INLINE vraw raw_value(vraw key, const int kind)
{
    vuint32 k = (vuint32)key, low = (vuint32){0} + 0x007fffffu, high = (vuint32){0} + 0xff800000u;
    if (kind != FLOAT32)
        return key;
    k = (vuint32)raw_select((vraw)(k < low), (vraw)low, (vraw)k);
    k = (vuint32)raw_select((vraw)(k > high), (vraw)high, (vraw)k);
    return (vraw)(k ^ (~(vuint32)((vint32)k >> 31) | 0x80000000u));
}

CONVLAB_INLINE vraw raw_count(vraw n, vraw x, vraw t, const int kind)
{
    if (kind == FLOAT32)
        return (vraw)((vint32)n - ((vfloat)x >= (vfloat)t));
    if (kind == UINT8)
        return (vraw)((vint8)n - (vint8)((vuint8)x >= (vuint8)t));
    return (vraw)((vint16)n - (vint16)((vuint16)x >= (vuint16)t));
}

/* a where n is at least `needed`, else b. */
CONVLAB_INLINE vraw raw_if_enough(vraw n, unsigned needed, vraw a, vraw b, const int kind)
{
    if (kind == FLOAT32)
        return raw_select((vraw)((vuint32)n >= (vuint32){0} + needed), a, b);
    if (kind == UINT8)
        return raw_select((vraw)((vuint8)n >= (vuint8){0} + (uint8_t)needed), a, b);
    return raw_select((vraw)((vuint16)n >= (vuint16){0} + (uint16_t)needed), a, b);
}

#else
#include "lanes_scalar.h"
#endif

/* The first n bytes at p, and others; and the store of those. Nothing else of memory is touched. */
CONVLAB_INLINE vraw raw_load_part(const char *p, Py_ssize_t n)
{
#if LANES == 16
    return (vraw)_mm512_maskz_loadu_epi8(n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0, p);
#else
    char bytes[VBYTES] = {0};
    memcpy(bytes, p, n < VBYTES ? n : VBYTES);
    return raw_load(bytes);
#endif
}
CONVLAB_INLINE void raw_store_part(char *p, vraw v, Py_ssize_t n)
{
#if LANES == 16
    _mm512_mask_storeu_epi8(p, n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0, (__m512i)v);
#else
    char bytes[VBYTES];
    raw_store(bytes, v);
    memcpy(p, bytes, n < VBYTES ? n : VBYTES);
#endif
}

#endif
