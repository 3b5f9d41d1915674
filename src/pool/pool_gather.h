/* Elements that no vector can load: of wide types, of any strides and alignment, of the other byte order, as floats.
 */
#ifndef CONVLAB_POOL_GATHER_H
#define CONVLAB_POOL_GATHER_H

#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "geometry.h"

static inline uint16_t gather_2(const char *p, int swapped)
{
    uint16_t n;
    memcpy(&n, p, sizeof n);
    return swapped ? (uint16_t)(n << 8 | n >> 8) : n;
}

static inline uint32_t gather_4(const char *p, int swapped)
{
    uint32_t n;
    memcpy(&n, p, sizeof n);
    return swapped ? n << 24 | (n & 0xff00) << 8 | (n >> 8 & 0xff00) | n >> 24 : n;
}

static inline uint64_t gather_8(const char *p, int swapped)
{
    uint64_t n;
    if (swapped)
        return (uint64_t)gather_4(p, 1) << 32 | gather_4(p + 4, 1);
    memcpy(&n, p, sizeof n);
    return n;
}

static inline float gather_bits(uint32_t n)
{
    float x;
    memcpy(&x, &n, sizeof x);
    return x;
}

/* IEEE 754's binary16; a quiet NaN keeps its payload. */
static inline float gather_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff;
    if (rest >= 0x7c00)
        return gather_bits(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest >= 0x400)
        return gather_bits(sign | ((rest << 13) + 0x38000000));
    return (sign ? -1.0f : 1.0f) * (float)rest * 0x1p-24f;
}

static inline float gather_double(uint64_t n)
{
    double x;
    memcpy(&x, &n, sizeof x);
    return (float)x;
}

/* `pixels` of `step` elements each, `column` and `channel` bytes apart. */
static inline void gather(float *to, const char *x, Py_ssize_t pixels, Py_ssize_t column, Py_ssize_t step,
                          Py_ssize_t channel, int kind, int swapped)
{
#define GATHER(expression)                                      \
    for (Py_ssize_t i = 0; i < pixels; i++) {                   \
        const char *p = x + i * column;                         \
        for (Py_ssize_t c = 0; c < step; c++, p += channel)     \
            *to++ = (float)(expression);                        \
    }                                                           \
    break
    switch (kind) {
    case FLOAT32: GATHER(gather_bits(gather_4(p, swapped)));
    case UINT8: GATHER(*(const uint8_t *)p);
    case INT16: GATHER((int16_t)gather_2(p, swapped));
    case UINT16: GATHER(gather_2(p, swapped));
    case INT8: GATHER(*(const int8_t *)p);
    case FLOAT64: GATHER(gather_double(gather_8(p, swapped)));
    case FLOAT16: GATHER(gather_half(gather_2(p, swapped)));
    case INT32: GATHER((int32_t)gather_4(p, swapped));
    case UINT32: GATHER(gather_4(p, swapped));
    case INT64: GATHER((int64_t)gather_8(p, swapped));
    case UINT64: GATHER(gather_8(p, swapped));
    default: GATHER(*p != 0);
    }
#undef GATHER
}

#endif
