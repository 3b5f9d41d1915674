/* What vector.h says of some lanes of a vector alone: rows that end, or that two share. */
#ifndef CONVLAB_VECTOR_LANES_H
#define CONVLAB_VECTOR_LANES_H

#if LANES > 1

/* A choice of lanes, from `first` to `last` - 1, which may lie outside; a load of those alone, with zeros in the others,
 * and a store of them: where no lane is chosen, nothing is read or written. */
#if LANES == 8 && defined(__AVX2__)
typedef vmask vlanes;
CONVLAB_INLINE vlanes vlanes_between(Py_ssize_t first, Py_ssize_t last)
{
    vmask lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (lane >= (int)first) & (lane < (int)last);
}
CONVLAB_INLINE vfloat vload_masked(const float *p, vlanes m) { return _mm256_maskload_ps(p, (__m256i)m); }
CONVLAB_INLINE void vstore_masked(float *p, vfloat v, vlanes m) { _mm256_maskstore_ps(p, (__m256i)m, v); }
#else
#if LANES == 16
typedef __mmask16 vlanes;
CONVLAB_INLINE vfloat vload_masked(const float *p, vlanes m) { return _mm512_maskz_loadu_ps(m, p); }
CONVLAB_INLINE void vstore_masked(float *p, vfloat v, vlanes m) { _mm512_mask_storeu_ps(p, m, v); }
#else
typedef unsigned vlanes;
CONVLAB_INLINE vfloat vload_masked(const float *p, vlanes m)
{
    if (m == (1u << LANES) - 1)
        return vload(p);
    vfloat v = {0};
    for (int i = 0; i < LANES; i++)
        if (m >> i & 1)
            v[i] = p[i];
    return v;
}
static __attribute__((noinline)) void vstore_masked(float *p, vfloat v, vlanes m)
{
    for (int i = 0; i < LANES; i++)
        if (m >> i & 1)
            p[i] = v[i];
}
#endif
CONVLAB_INLINE vlanes vlanes_between(Py_ssize_t first, Py_ssize_t last)
{
    const unsigned all = (1u << LANES) - 1;
    first = first < 0 ? 0 : first > LANES ? LANES : first;
    last = last < 0 ? 0 : last > LANES ? LANES : last;
    return (vlanes)(all << first & all >> (LANES - last));
}
#endif

/* x, and behind it all elements of v but the last. */
#if LANES == 16
#define CONVLAB_BEHIND 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
#elif LANES == 8
#define CONVLAB_BEHIND 7, 8, 9, 10, 11, 12, 13, 14
#else
#define CONVLAB_BEHIND 3, 4, 5, 6
#endif
CONVLAB_INLINE vfloat vpush(float x, vfloat v) { return CONVLAB_SHUFFLE(vsplat(x), v, CONVLAB_BEHIND); }

/* With 16 lanes a vector may hold two short rows, one in each half: two numbers splat; chosen elements of two rows of at
 * most eight; of those, and of any two vectors, the elements that `index` says, zeros beside the chosen lanes; and the
 * first n elements of both halves stored. */
#define HALF (LANES / 2)
#if LANES == 16
CONVLAB_INLINE vfloat vsplat_halves(float a, float b) { return _mm512_mask_blend_ps(0xff00, vsplat(a), vsplat(b)); }
CONVLAB_INLINE void vstore_halves(float *p, float *q, vfloat v, Py_ssize_t n)
{
    const __mmask8 m = (__mmask8)(0xffu >> (8 - n));
    _mm256_mask_storeu_ps(p, m, _mm512_castps512_ps256(v));
    /* Held, or GCC extracts the half straight into memory, and of that instruction lanes beside the mask fault. */
    _mm256_mask_storeu_ps(q, m, _mm512_castps512_ps256(vheld(_mm512_shuffle_f32x4(v, v, 0xee))));
}
CONVLAB_INLINE vfloat vjoin(const float *a, const float *b, vlanes m)
{
    return _mm512_mask_loadu_ps(_mm512_maskz_loadu_ps(m, a), (__mmask16)(m << 8), b - 8);
}
CONVLAB_INLINE vfloat vpermute(vfloat v, const int *index, vlanes m)
{
    return _mm512_maskz_permutexvar_ps(m, _mm512_loadu_si512(index), v);
}
CONVLAB_INLINE vfloat vpermute_two(vfloat a, vfloat b, const int *index, vlanes m)
{
    return _mm512_maskz_permutex2var_ps(m, a, _mm512_loadu_si512(index), b);
}
#else
#define vsplat_halves(a, b) vsplat(a)
#define vstore_halves(p, q, v, n) vstore_part(p, v, n)
#define vjoin(a, b, m) vload(a)
#define vpermute(v, index, m) (v)
#define vpermute_two(a, b, index, m) (a)
#endif

#else

typedef int vlanes;
CONVLAB_INLINE vlanes vlanes_between(Py_ssize_t first, Py_ssize_t last) { return first <= 0 && last > 0; }
CONVLAB_INLINE vfloat vload_masked(const float *p, vlanes m) { return m ? *p : 0; }
CONVLAB_INLINE void vstore_masked(float *p, vfloat v, vlanes m) { if (m) *p = v; }
CONVLAB_INLINE vfloat vpush(float x, vfloat v) { (void)v; return x; }
#define HALF 1
#define vsplat_halves(a, b) (a)
#define vstore_halves(p, q, v, n) vstore_part(p, v, n)
#define vjoin(a, b, m) vload(a)
#define vpermute(v, index, m) (v)
#define vpermute_two(a, b, index, m) (a)

#endif

#endif
