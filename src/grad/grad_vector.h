/* What gradients need of vectors beside vector.h. */
#ifndef CONVLAB_GRAD_VECTOR_H
#define CONVLAB_GRAD_VECTOR_H

#include "vector.h"

/* Where x is at most low or at least high a, else b; NaN is neither. */
CONVLAB_INLINE vfloat vselect_outside(vfloat x, vfloat low, vfloat high, vfloat a, vfloat b)
{
    return vselect((x <= low) | (x >= high), a, b);
}

/* d[i] += v[i], in double. */
#if LANES == 16
CONVLAB_INLINE void vadd_double(double *d, vfloat v)
{
    _mm512_storeu_pd(d, _mm512_add_pd(_mm512_loadu_pd(d), _mm512_cvtps_pd(_mm512_castps512_ps256(v))));
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
    _mm512_storeu_pd(d + 8, _mm512_add_pd(_mm512_loadu_pd(d + 8), _mm512_cvtps_pd(high)));
}
#elif LANES == 8
CONVLAB_INLINE void vadd_double(double *d, vfloat v)
{
    _mm256_storeu_pd(d, _mm256_add_pd(_mm256_loadu_pd(d), _mm256_cvtps_pd(_mm256_castps256_ps128(v))));
    __m128 high = _mm256_extractf128_ps(v, 1);
    _mm256_storeu_pd(d + 4, _mm256_add_pd(_mm256_loadu_pd(d + 4), _mm256_cvtps_pd(high)));
}
#else
CONVLAB_INLINE void vadd_double(double *d, vfloat v)
{
    float one[LANES];
    memcpy(one, &v, sizeof v);
    for (int i = 0; i < LANES; i++)
        d[i] += one[i];
}
#endif

#endif
