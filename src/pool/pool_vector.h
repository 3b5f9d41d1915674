/* What pools need of vectors beside vector.h: pieces of rows, shifted lanes, and a quick maximum with a look-out for NaN.
 */
#ifndef CONVLAB_POOL_VECTOR_H
#define CONVLAB_POOL_VECTOR_H

#include "vector.h"

/* Lanes low .. high - 1 of memory at p, `fill` in the others, whose memory is not touched; and the store of those. */
#if LANES == 16
CONVLAB_INLINE __mmask16 pool_lanes(long low, long high)
{
    return (__mmask16)((0xffffu << low) & ~(0xffffffffu << high));
}
CONVLAB_INLINE vfloat vload_lanes(const float *p, long low, long high, vfloat fill)
{
    return _mm512_mask_loadu_ps(fill, pool_lanes(low, high), p);
}
CONVLAB_INLINE void vstore_lanes(float *p, vfloat v, long low, long high)
{
    _mm512_mask_storeu_ps(p, pool_lanes(low, high), v);
}
#elif LANES == 8 && defined(__AVX2__)
CONVLAB_INLINE vmask pool_lanes(long low, long high)
{
    vmask lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (lane >= (int)low) & (lane < (int)high);
}
CONVLAB_INLINE vfloat vload_lanes(const float *p, long low, long high, vfloat fill)
{
    vmask m = pool_lanes(low, high);
    return vselect(m, _mm256_maskload_ps(p, (__m256i)m), fill);
}
CONVLAB_INLINE void vstore_lanes(float *p, vfloat v, long low, long high)
{
    _mm256_maskstore_ps(p, (__m256i)pool_lanes(low, high), v);
}
#else
CONVLAB_INLINE vfloat vload_lanes(const float *p, long low, long high, vfloat fill)
{
    float lanes[LANES];
    vstore(lanes, fill);
    for (; low < high; low++)
        lanes[low] = p[low];
    return vload(lanes);
}
CONVLAB_INLINE void vstore_lanes(float *p, vfloat v, long low, long high)
{
    float lanes[LANES];
    vstore(lanes, v);
    for (; low < high; low++)
        p[low] = lanes[low];
}
#endif

/* Whether a or b is NaN, lane by lane; veither joins two of those, and vany asks for any lane. */
#if LANES == 16
typedef __mmask16 vtruth;
#define VNEVER 0
CONVLAB_INLINE vtruth vunordered(vfloat a, vfloat b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }
CONVLAB_INLINE int vany(vtruth t) { return t != 0; }
#elif LANES == 8
typedef vmask vtruth;
#define VNEVER ((vmask){0})
CONVLAB_INLINE vtruth vunordered(vfloat a, vfloat b) { return (vmask)_mm256_cmp_ps(a, b, _CMP_UNORD_Q); }
CONVLAB_INLINE int vany(vtruth t) { return _mm256_movemask_ps((vfloat)t); }
#elif defined(__SSE2__) && LANES == 4
typedef vmask vtruth;
#define VNEVER ((vmask){0})
CONVLAB_INLINE vtruth vunordered(vfloat a, vfloat b) { return (vmask)_mm_cmpunord_ps(a, b); }
CONVLAB_INLINE int vany(vtruth t) { return _mm_movemask_ps((vfloat)t); }
#elif LANES == 1
typedef int vtruth;
#define VNEVER 0
CONVLAB_INLINE vtruth vunordered(vfloat a, vfloat b) { return (a != a) | (b != b); }
CONVLAB_INLINE int vany(vtruth t) { return t; }
#else
typedef vmask vtruth;
#define VNEVER ((vmask){0})
CONVLAB_INLINE vtruth vunordered(vfloat a, vfloat b) { return (a != a) | (b != b); }
CONVLAB_INLINE int vany(vtruth t)
{
    int any = 0;
    for (int i = 0; i < LANES; i++)
        any |= t[i];
    return any;
}
#endif

#if LANES == 16 /* compilers would move masks to general registers and back */
CONVLAB_INLINE vtruth veither(vtruth t, vtruth u) { return _kor_mask16(t, u); }
#else
CONVLAB_INLINE vtruth veither(vtruth t, vtruth u) { return t | u; }
#endif

/* As vector.h has it for other integers. */
CONVLAB_INLINE vfloat vload_i8(const int8_t *p)
{
#if LANES == 16
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
#elif LANES == 8 && defined(__AVX2__)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#else
    float lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = p[i];
    return vload(lanes);
#endif
}

/* vmax and vmin where neither is NaN. */
CONVLAB_INLINE vfloat vlarger(vfloat a, vfloat b) { return CONVLAB_LARGER(b, a); }
CONVLAB_INLINE vfloat vsmaller(vfloat a, vfloat b) { return CONVLAB_SMALLER(b, a); }

/* Absolute values, of NaN too. */
#if LANES == 1
CONVLAB_INLINE vfloat vabs(vfloat v) { return __builtin_fabsf(v); }
#else
CONVLAB_INLINE vfloat vabs(vfloat v) { return (vfloat)((vmask)v & 0x7fffffff); }
#endif

/* Lanes n, n + 1 ... of a followed by b. */
#if LANES == 16
#define CONVLAB_FROM(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, \
    n + 8, n + 9, n + 10, n + 11, n + 12, n + 13, n + 14, n + 15
#elif LANES == 8
#define CONVLAB_FROM(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7
#elif LANES == 4
#define CONVLAB_FROM(n) n, n + 1, n + 2, n + 3
#endif
#if LANES == 1
#define CONVLAB_SLIDE(n) CONVLAB_INLINE vfloat vslide##n(vfloat a, vfloat b) { (void)a; return b; }
#elif defined(__clang__)
#define CONVLAB_SLIDE(n) \
    CONVLAB_INLINE vfloat vslide##n(vfloat a, vfloat b) { return __builtin_shufflevector(a, b, CONVLAB_FROM(n)); }
#else
#define CONVLAB_SLIDE(n) \
    CONVLAB_INLINE vfloat vslide##n(vfloat a, vfloat b) { return __builtin_shuffle(a, b, (vmask){CONVLAB_FROM(n)}); }
#endif
CONVLAB_SLIDE(1)
CONVLAB_SLIDE(2)
CONVLAB_SLIDE(3)
CONVLAB_SLIDE(4)
/* The last lane of a, and b's but the last. */
#if LANES == 1
CONVLAB_INLINE vfloat vbehind(vfloat a, vfloat b) { (void)b; return a; }
#else
CONVLAB_INLINE vfloat vbehind(vfloat a, vfloat b) { return CONVLAB_SHUFFLE(a, b, CONVLAB_FROM(LANES - 1)); }
#endif

/* Every other pixel of `step` lanes of a followed by b: as many as are whole in one vector. */
typedef vmask vpicks;
#if LANES == 1
CONVLAB_INLINE vpicks vpick_lanes(long step) { return (int)step; }
CONVLAB_INLINE vfloat vpick(vfloat a, vfloat b, vpicks lanes) { (void)b; (void)lanes; return a; }
#else
CONVLAB_INLINE vpicks vpick_lanes(long step)
{
    int lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = (int)(i / step * 2 * step + i % step);
    return (vpicks)vload((const float *)lanes);
}
CONVLAB_INLINE vfloat vpick(vfloat a, vfloat b, vpicks lanes)
{
#if defined(__clang__)
    float both[2 * LANES], picked[LANES];
    vstore(both, a);
    vstore(both + LANES, b);
    for (int i = 0; i < LANES; i++)
        picked[i] = both[lanes[i]];
    return vload(picked);
#else
    return __builtin_shuffle(a, b, lanes);
#endif
}
#endif

/* Where b is larger than a, or NaN; what that chooses: of floats, and of the whole numbers that are their places. */
typedef vmask vplace;
#if LANES == 16
CONVLAB_INLINE vtruth vbetter(vfloat b, vfloat a)
{
    return _kor_mask16(_mm512_cmp_ps_mask(b, a, _CMP_GT_OQ), _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q));
}
CONVLAB_INLINE vfloat vchoose(vtruth t, vfloat b, vfloat a) { return _mm512_mask_mov_ps(a, t, b); }
CONVLAB_INLINE vplace vchoose_place(vtruth t, vplace b, vplace a)
{
    return (vplace)_mm512_mask_mov_epi32((__m512i)a, t, (__m512i)b);
}
#else
CONVLAB_INLINE vtruth vbetter(vfloat b, vfloat a) { return (b > a) | (b != b); }
CONVLAB_INLINE vfloat vchoose(vtruth t, vfloat b, vfloat a) { return vselect(t, b, a); }
CONVLAB_INLINE vplace vchoose_place(vtruth t, vplace b, vplace a)
{
    return (vplace)(((vmask)b & (vmask)t) | ((vmask)a & ~(vmask)t));
}
#endif
#if LANES == 1 /* never reached: see pool_indices.pyx */
CONVLAB_INLINE vplace vplace_from(int start, int step) { (void)step; return start; }
CONVLAB_INLINE vplace vplace_load(const int *p) { return *p; }
CONVLAB_INLINE void vplace_store(long long *p, vplace v) { *p = v; }
#else
CONVLAB_INLINE vplace vplace_from(int start, int step)
{
    int lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = start + i * step;
    return (vplace)vload((const float *)lanes);
}
CONVLAB_INLINE vplace vplace_load(const int *p) { return (vplace)vload((const float *)p); }
CONVLAB_INLINE void vplace_store(long long *p, vplace v)
{
    int lanes[LANES];
    vstore((float *)lanes, (vfloat)v);
    for (int i = 0; i < LANES; i++)
        p[i] = lanes[i];
}
#endif

#endif
