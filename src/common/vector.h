/* The machine's float vector, at the width that this translation unit is compiled for.
 *
 * Cython is told that vfloat is a float (vector.pxd), so that `a * b + c` in a typed loop is one fused
 * multiply-add on whole vectors. Here is what arithmetic cannot say, and nothing else. Where a compiler lacks
 * vector extensions, or with CONVLAB_SCALAR, vfloat is a float, LANES is 1 and the same source works.
 */
#ifndef CONVLAB_VECTOR_H
#define CONVLAB_VECTOR_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if (defined(__GNUC__) || defined(__clang__)) && !defined(CONVLAB_SCALAR)

/* With AVX-512, setup.py's table says for each kernel whether it is compiled WIDE. Kernels that load at every tap's
 * offset are not: where a load is a whole cache line wide, all but one in 16 cross two. */
#if defined(__AVX512F__) && defined(CONVLAB_WIDE)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vfloat __attribute__((vector_size(4 * LANES)));
/* The widest vector there is, for the yardstick: what the machine could do at most. */
#if defined(__AVX512F__)
#define WIDEST_LANES 16
#else
#define WIDEST_LANES LANES
#endif
typedef float vwidest __attribute__((vector_size(4 * WIDEST_LANES)));
typedef int vmask __attribute__((vector_size(4 * LANES)));
typedef float vfloat_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define CONVLAB_INLINE static inline __attribute__((always_inline))

CONVLAB_INLINE vfloat vload(const float *p) { return *(const vfloat_anywhere *)p; }
CONVLAB_INLINE void vstore(float *p, vfloat v) { *(vfloat_anywhere *)p = v; }
/* x - 0 is x for every x, -0 and NaN included. */
CONVLAB_INLINE vfloat vsplat(float x) { return x - (vfloat){0}; }
CONVLAB_INLINE vwidest vwidest_splat(float x) { return x - (vwidest){0}; }

/* Elements n, n + 1, ... of a followed by b, for a constant n below 16: at 16 lanes it replaces the load of a tap's
 * vector, which crosses a cache line in all but one case of 16. Elsewhere nothing calls it. */
#if LANES == 16
#define CONVLAB_BETWEEN(n) case n: return (vfloat)_mm512_alignr_epi32((__m512i)b, (__m512i)a, n);
CONVLAB_INLINE vfloat vbetween(vfloat a, vfloat b, const int n)
{
    switch (n) {
        CONVLAB_BETWEEN(1) CONVLAB_BETWEEN(2) CONVLAB_BETWEEN(3) CONVLAB_BETWEEN(4) CONVLAB_BETWEEN(5)
        CONVLAB_BETWEEN(6) CONVLAB_BETWEEN(7) CONVLAB_BETWEEN(8) CONVLAB_BETWEEN(9) CONVLAB_BETWEEN(10)
        CONVLAB_BETWEEN(11) CONVLAB_BETWEEN(12) CONVLAB_BETWEEN(13) CONVLAB_BETWEEN(14) CONVLAB_BETWEEN(15)
    }
    return a;
}
#else
#define vbetween(a, b, n) (a)
#endif

/* From here on the compiler knows nothing of where p points, so it keeps nothing of it in registers. */
#define forget(p) __asm__("" : "+r"(p))

CONVLAB_INLINE vfloat vselect(vmask m, vfloat a, vfloat b)
{
    return (vfloat)(((vmask)a & m) | ((vmask)b & ~m));
}

/* v, in a register: GCC would load it anew for each of its uses. */
#if defined(__SSE2__)
CONVLAB_INLINE vfloat vheld(vfloat v) { __asm__("" : "+v"(v)); return v; }
#elif defined(__aarch64__)
CONVLAB_INLINE vfloat vheld(vfloat v) { __asm__("" : "+w"(v)); return v; }
#else
CONVLAB_INLINE vfloat vheld(vfloat v) { return v; }
#endif

/* The first n elements of v: all if n is larger, none if it is negative. */
#if LANES == 16
CONVLAB_INLINE void vstore_part(float *p, vfloat v, Py_ssize_t n)
{
    n = n < 0 ? 0 : n > 16 ? 16 : n;
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
}
#else
CONVLAB_INLINE void vstore_part(float *p, vfloat v, Py_ssize_t n)
{
    if (n >= LANES)
        vstore(p, v);
    else
        for (Py_ssize_t i = 0; i < n; i++)
            p[i] = v[i];
}
#endif

/* Non-temporal store of a result that the caches cannot hold; p is aligned to 64 bytes. fence() ends a row of them.
 * A vector of half a cache line is stored as any other: lines of several rows that are half written take up to ten
 * times as long. See docs/measurements.md. */
#if LANES == 16
CONVLAB_INLINE void vstream(float *p, vfloat v) { _mm512_stream_ps(p, v); }
CONVLAB_INLINE void fence(void) { _mm_sfence(); }
#else
CONVLAB_INLINE void vstream(float *p, vfloat v) { vstore(p, v); }
CONVLAB_INLINE void fence(void) {}
#endif

#define prefetch(p) __builtin_prefetch(p)
#define prefetch_to_write(p) __builtin_prefetch(p, 1)

/* Elements 0, 2, 4 ... and 1, 3, 5 ... of a followed by b. */
#if LANES == 16
#define CONVLAB_EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define CONVLAB_ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif LANES == 8
#define CONVLAB_EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define CONVLAB_ODD 1, 3, 5, 7, 9, 11, 13, 15
#else
#define CONVLAB_EVEN 0, 2, 4, 6
#define CONVLAB_ODD 1, 3, 5, 7
#endif
#if LANES == 16
#define CONVLAB_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define CONVLAB_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define CONVLAB_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define CONVLAB_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define CONVLAB_LOW 0, 4, 1, 5
#define CONVLAB_HIGH 2, 6, 3, 7
#endif
#if defined(__clang__)
#define CONVLAB_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define CONVLAB_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (vmask){__VA_ARGS__})
#endif
CONVLAB_INLINE vfloat veven(vfloat a, vfloat b) { return CONVLAB_SHUFFLE(a, b, CONVLAB_EVEN); }
CONVLAB_INLINE vfloat vodd(vfloat a, vfloat b) { return CONVLAB_SHUFFLE(a, b, CONVLAB_ODD); }
/* The other way round: a0 b0 a1 b1 ..., its first half and its second. */
CONVLAB_INLINE vfloat vzip_low(vfloat a, vfloat b) { return CONVLAB_SHUFFLE(a, b, CONVLAB_LOW); }
CONVLAB_INLINE vfloat vzip_high(vfloat a, vfloat b) { return CONVLAB_SHUFFLE(a, b, CONVLAB_HIGH); }

/* Whether any element is NaN. */
#if LANES == 16
CONVLAB_INLINE int vany_nan(vfloat v) { return _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0; }
#elif LANES == 8
CONVLAB_INLINE int vany_nan(vfloat v) { return _mm256_movemask_ps(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)) != 0; }
#else
CONVLAB_INLINE int vany_nan(vfloat v)
{
    int i, any = 0;
    for (i = 0; i < LANES; i++)
        any |= v[i] != v[i];
    return any;
}
#endif

/* The first n elements at p, 0 < n <= LANES, and zeros. */
#if LANES == 16
CONVLAB_INLINE vfloat vload_part(const float *p, Py_ssize_t n)
{
    return _mm512_maskz_loadu_ps((__mmask16)(0xffffu >> (16 - n)), p);
}
#else
CONVLAB_INLINE vfloat vload_part(const float *p, Py_ssize_t n)
{
    if (n == LANES)
        return vload(p);
    vfloat v = {0};
    __builtin_memcpy(&v, p, n * sizeof(float));
    return v;
}
#endif

#else

#define LANES 1
#define CONVLAB_INLINE static inline
#define vbetween(a, b, n) (a)
#define forget(p)
#define prefetch(p)
#define prefetch_to_write(p)
#define WIDEST_LANES 1
typedef float vfloat;
typedef float vwidest;
typedef int vmask;
CONVLAB_INLINE vfloat vload(const float *p) { return *p; }
CONVLAB_INLINE void vstore(float *p, vfloat v) { *p = v; }
CONVLAB_INLINE vfloat vheld(vfloat v) { return v; }
CONVLAB_INLINE void vstore_part(float *p, vfloat v, Py_ssize_t n) { if (n > 0) *p = v; }
CONVLAB_INLINE void vstream(float *p, vfloat v) { *p = v; }
CONVLAB_INLINE void fence(void) {}
CONVLAB_INLINE vfloat vsplat(float x) { return x; }
CONVLAB_INLINE vfloat vload_part(const float *p, Py_ssize_t n) { (void)n; return *p; }
CONVLAB_INLINE vwidest vwidest_splat(float x) { return x; }
CONVLAB_INLINE vfloat vselect(vmask m, vfloat a, vfloat b) { return m ? a : b; }
CONVLAB_INLINE vfloat veven(vfloat a, vfloat b) { (void)b; return a; }
CONVLAB_INLINE vfloat vodd(vfloat a, vfloat b) { (void)a; return b; }
CONVLAB_INLINE vfloat vzip_low(vfloat a, vfloat b) { (void)b; return a; }
CONVLAB_INLINE vfloat vzip_high(vfloat a, vfloat b) { (void)a; return b; }
CONVLAB_INLINE int vany_nan(vfloat v) { return v != v; }

#endif

/* The larger and the smaller of two; of equals the first; NaN where either is NaN (the second's, if both).
 * x86's own instruction returns its second operand for equals and for NaN, so one NaN of the two is left to care for;
 * compilers make five instructions of the plain form. */
#if LANES == 16
#define CONVLAB_LARGER(a, b) _mm512_max_ps(a, b)
#define CONVLAB_SMALLER(a, b) _mm512_min_ps(a, b)
#elif LANES == 8
#define CONVLAB_LARGER(a, b) _mm256_max_ps(a, b)
#define CONVLAB_SMALLER(a, b) _mm256_min_ps(a, b)
#elif defined(__SSE2__) && LANES == 4
#define CONVLAB_LARGER(a, b) _mm_max_ps(a, b)
#define CONVLAB_SMALLER(a, b) _mm_min_ps(a, b)
#else
#define CONVLAB_LARGER(a, b) vselect(a > b, a, b)
#define CONVLAB_SMALLER(a, b) vselect(a < b, a, b)
#endif
/* Where x is negative a, else b. */
CONVLAB_INLINE vfloat vselect_negative(vfloat x, vfloat a, vfloat b) { return vselect(x < vsplat(0), a, b); }
CONVLAB_INLINE vfloat vmax(vfloat a, vfloat b) { return vselect(b != b, b, CONVLAB_LARGER(b, a)); }
CONVLAB_INLINE vfloat vmin(vfloat a, vfloat b) { return vselect(b != b, b, CONVLAB_SMALLER(b, a)); }

/* For sums over what is there: 1 where v is a number and 0 where it is NaN; v where m is not 0, else 0, NaN or not;
 * a / b, NaN where b is 0. */
CONVLAB_INLINE vfloat vvalid(vfloat v) { return vselect(v == v, vsplat(1), vsplat(0)); }
CONVLAB_INLINE vfloat vwhere(vfloat m, vfloat v) { return vselect(m != vsplat(0), v, vsplat(0)); }
CONVLAB_INLINE vfloat vratio(vfloat a, vfloat b) { return vwhere(b, a) / b; }
/* The square root, rounded correctly. */
#if LANES == 16
CONVLAB_INLINE vfloat vsqrt(vfloat v) { return _mm512_sqrt_ps(v); }
#elif LANES == 8
CONVLAB_INLINE vfloat vsqrt(vfloat v) { return _mm256_sqrt_ps(v); }
#elif defined(__SSE2__) && LANES == 4
CONVLAB_INLINE vfloat vsqrt(vfloat v) { return _mm_sqrt_ps(v); }
#elif LANES == 4
CONVLAB_INLINE vfloat vsqrt(vfloat v)
{
    for (int i = 0; i < LANES; i++)
        v[i] = __builtin_sqrtf(v[i]);
    return v;
}
#else
#include <math.h>
CONVLAB_INLINE vfloat vsqrt(vfloat v) { return sqrtf(v); }
#endif

/* Integers of 8 and 16 bits, converted on the way in and out. Stores round half to even and saturate; NaN becomes 0.
 * LARGER and SMALLER return their second operand for NaN, so that an unsigned type's lower limit makes it 0. Adding
 * 1.5 * 2^23 rounds to a whole number and leaves it, in two's complement, in the low bits of the float. */
#define CONVLAB_ROUND 12582912.0f
#if LANES == 1
CONVLAB_INLINE int32_t vround(float v, float low, float high)
{
    int32_t bits;
    v = CONVLAB_SMALLER(CONVLAB_LARGER(v, low), high) + CONVLAB_ROUND;
    memcpy(&bits, &v, 4);
    return bits;
}
#define CONVLAB_CONVERSIONS(name, type, low, high) \
    CONVLAB_INLINE vfloat vload_##name(const type *p) { return *p; } \
    CONVLAB_INLINE void vstore_##name(type *p, vfloat v) { *p = (type)vround(v == v ? v : 0.0f, low, high); }
#else
CONVLAB_INLINE vmask vround(vfloat v, float low, float high)
{
    return (vmask)(CONVLAB_SMALLER(CONVLAB_LARGER(v, vsplat(low)), vsplat(high)) + CONVLAB_ROUND) - 0x4b400000;
}
typedef uint8_t vector_u8 __attribute__((vector_size(LANES)));
typedef int16_t vector_i16 __attribute__((vector_size(2 * LANES)));
typedef uint16_t vector_u16 __attribute__((vector_size(2 * LANES)));
/* GCC 12 makes of __builtin_convertvector a vector's elements one by one. */
#if LANES == 16
#define CONVLAB_WIDEN_u8(p) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p)))
#define CONVLAB_WIDEN_i16(p) _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(p)))
#define CONVLAB_WIDEN_u16(p) _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(p)))
#define CONVLAB_NARROW_u8(p, n) _mm_storeu_si128((__m128i *)(p), _mm512_cvtepi32_epi8((__m512i)(n)))
#define CONVLAB_NARROW_i16(p, n) _mm256_storeu_si256((__m256i *)(p), _mm512_cvtepi32_epi16((__m512i)(n)))
#define CONVLAB_NARROW_u16(p, n) CONVLAB_NARROW_i16(p, n)
#elif defined(__AVX2__)
#define CONVLAB_HALVES(pack, n) pack(_mm256_castsi256_si128((__m256i)(n)), _mm256_extracti128_si256((__m256i)(n), 1))
#define CONVLAB_WIDEN_u8(p) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p)))
#define CONVLAB_WIDEN_i16(p) _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(p)))
#define CONVLAB_WIDEN_u16(p) _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p)))
#define CONVLAB_NARROW_u8(p, n) \
    _mm_storel_epi64((__m128i *)(p), _mm_packus_epi16(CONVLAB_HALVES(_mm_packs_epi32, n), _mm_setzero_si128()))
#define CONVLAB_NARROW_i16(p, n) _mm_storeu_si128((__m128i *)(p), CONVLAB_HALVES(_mm_packs_epi32, n))
#define CONVLAB_NARROW_u16(p, n) _mm_storeu_si128((__m128i *)(p), CONVLAB_HALVES(_mm_packus_epi32, n))
#else
#define CONVLAB_WIDEN(p, vector) \
    ({ vector v; memcpy(&v, p, sizeof v); __builtin_convertvector(v, vmask); })
#define CONVLAB_WIDEN_u8(p) CONVLAB_WIDEN(p, vector_u8)
#define CONVLAB_WIDEN_i16(p) CONVLAB_WIDEN(p, vector_i16)
#define CONVLAB_WIDEN_u16(p) CONVLAB_WIDEN(p, vector_u16)
#define CONVLAB_NARROW(p, n, vector) \
    do { vector narrow = __builtin_convertvector(n, vector); memcpy(p, &narrow, sizeof narrow); } while (0)
#define CONVLAB_NARROW_u8(p, n) CONVLAB_NARROW(p, n, vector_u8)
#define CONVLAB_NARROW_i16(p, n) CONVLAB_NARROW(p, n, vector_i16)
#define CONVLAB_NARROW_u16(p, n) CONVLAB_NARROW(p, n, vector_u16)
#endif
#define CONVLAB_CONVERSIONS(name, type, low, high) \
    CONVLAB_INLINE vfloat vload_##name(const type *p) \
    { \
        return __builtin_convertvector((vmask)CONVLAB_WIDEN_##name(p), vfloat); \
    } \
    CONVLAB_INLINE void vstore_##name(type *p, vfloat v) \
    { \
        if ((low) < 0) \
            v = (vfloat)((vmask)v & (v == v)); \
        vmask n = vround(v, low, high); \
        CONVLAB_NARROW_##name(p, n); \
    }
#endif
CONVLAB_CONVERSIONS(u8, uint8_t, 0, 255)
CONVLAB_CONVERSIONS(i16, int16_t, -32768, 32767)
CONVLAB_CONVERSIONS(u16, uint16_t, 0, 65535)

#include "vector_lanes.h"

#endif
