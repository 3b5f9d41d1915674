/* lanes.h for compilers without vector extensions; to be included by it alone. */
#ifndef CONVLAB_LANES_SCALAR_H
#define CONVLAB_LANES_SCALAR_H

/* Without vector extensions: four bytes at a time. */
typedef struct { uint8_t b[VBYTES]; } vraw;

CONVLAB_INLINE vraw raw_load(const char *p) { vraw v; memcpy(&v, p, sizeof v); return v; }
CONVLAB_INLINE void raw_store(char *p, vraw v) { memcpy(p, &v, sizeof v); }

#define CONVLAB_EACH(type, a, b, condition)                                                                           \
    do {                                                                                                              \
        type p[VBYTES / sizeof(type)], q[VBYTES / sizeof(type)];                                                      \
        memcpy(p, &(a), VBYTES);                                                                                      \
        memcpy(q, &(b), VBYTES);                                                                                      \
        for (size_t i = 0; i < VBYTES / sizeof(type); i++)                                                            \
            if (condition)                                                                                            \
                p[i] = q[i];                                                                                          \
        memcpy(&(a), p, VBYTES);                                                                                      \
    } while (0)

CONVLAB_INLINE vraw raw_max(vraw a, vraw b, const int kind, const int careful)
{
    (void)careful;
    if (kind == FLOAT32)
        CONVLAB_EACH(float, a, b, q[i] > p[i] || q[i] != q[i]);
    else if (kind == UINT8)
        CONVLAB_EACH(uint8_t, a, b, q[i] > p[i]);
    else if (kind == INT16)
        CONVLAB_EACH(int16_t, a, b, q[i] > p[i]);
    else if (kind == INT8)
        CONVLAB_EACH(int8_t, a, b, q[i] > p[i]);
    else
        CONVLAB_EACH(uint16_t, a, b, q[i] > p[i]);
    return a;
}

CONVLAB_INLINE vraw raw_min(vraw a, vraw b, const int kind, const int careful)
{
    (void)careful;
    if (kind == FLOAT32)
        CONVLAB_EACH(float, a, b, q[i] < p[i] || q[i] != q[i]);
    else if (kind == UINT8)
        CONVLAB_EACH(uint8_t, a, b, q[i] < p[i]);
    else if (kind == INT16)
        CONVLAB_EACH(int16_t, a, b, q[i] < p[i]);
    else if (kind == INT8)
        CONVLAB_EACH(int8_t, a, b, q[i] < p[i]);
    else
        CONVLAB_EACH(uint16_t, a, b, q[i] < p[i]);
    return a;
}

CONVLAB_INLINE vraw raw_after(vraw a, vraw b, const int n)
{
    char both[2 * VBYTES];
    memcpy(both, &a, VBYTES);
    memcpy(both + VBYTES, &b, VBYTES);
    return raw_load(both + n);
}

CONVLAB_INLINE vraw raw_nothing(const int largest, const int kind)
{
    const float number = largest ? -INFINITY : INFINITY;
    vraw v;
    if (kind == FLOAT32)
        memcpy(&v, &number, VBYTES);
    else
        memset(&v, largest ? 0 : 255, VBYTES);
    if (kind == INT8 || kind == INT16)
        for (int i = kind == INT8 ? 0 : 1; i < VBYTES; i += kind == INT8 ? 1 : 2)
            v.b[i] ^= 0x80;  /* little-endian */
    return v;
}

CONVLAB_INLINE vraw raw_even(vraw a, vraw b, const int kind)
{
    const int size = kind == FLOAT32 ? 4 : kind == UINT8 || kind == INT8 ? 1 : 2;
    uint8_t both[2 * VBYTES];
    memcpy(both, &a, VBYTES);
    memcpy(both + VBYTES, &b, VBYTES);
    for (int i = 0; i < VBYTES / size; i++)
        memcpy(a.b + i * size, both + 2 * i * size, size);
    return a;
}

CONVLAB_INLINE vraw raw_zero(void) { vraw v; memset(&v, 0, sizeof v); return v; }

CONVLAB_INLINE vraw raw_with_bit(vraw key, const int bit, const int kind)
{
    uint32_t k;
    memcpy(&k, &key, VBYTES);
    k |= (kind == FLOAT32 ? 1u : kind == UINT8 ? 0x01010101u : 0x00010001u) << bit;
    memcpy(&key, &k, VBYTES);
    return key;
}

CONVLAB_INLINE vraw raw_value(vraw key, const int kind)
{
    uint32_t k;
    if (kind != FLOAT32)
        return key;
    memcpy(&k, &key, VBYTES);
    k = k < 0x007fffffu ? 0x007fffffu : k > 0xff800000u ? 0xff800000u : k;
    k ^= k >> 31 ? 0x80000000u : 0xffffffffu;
    memcpy(&key, &k, VBYTES);
    return key;
}

#define CONVLAB_COUNT(type, number)                                                                                   \
    do {                                                                                                              \
        type p[VBYTES / sizeof(type)], q[VBYTES / sizeof(type)];                                                      \
        number c[VBYTES / sizeof(type)];                                                                              \
        memcpy(p, &x, VBYTES);                                                                                        \
        memcpy(q, &t, VBYTES);                                                                                        \
        memcpy(c, &n, VBYTES);                                                                                        \
        for (size_t i = 0; i < VBYTES / sizeof(type); i++)                                                            \
            c[i] += p[i] >= q[i];                                                                                     \
        memcpy(&n, c, VBYTES);                                                                                        \
    } while (0)

CONVLAB_INLINE vraw raw_count(vraw n, vraw x, vraw t, const int kind)
{
    if (kind == FLOAT32)
        CONVLAB_COUNT(float, uint32_t);
    else if (kind == UINT8)
        CONVLAB_COUNT(uint8_t, uint8_t);
    else
        CONVLAB_COUNT(uint16_t, uint16_t);
    return n;
}

#define CONVLAB_ENOUGH(number)                                                                                        \
    do {                                                                                                              \
        number c[VBYTES / sizeof(number)], p[VBYTES / sizeof(number)], q[VBYTES / sizeof(number)];                    \
        memcpy(c, &n, VBYTES);                                                                                        \
        memcpy(p, &a, VBYTES);                                                                                        \
        memcpy(q, &b, VBYTES);                                                                                        \
        for (size_t i = 0; i < VBYTES / sizeof(number); i++)                                                          \
            if (c[i] < needed)                                                                                        \
                p[i] = q[i];                                                                                          \
        memcpy(&a, p, VBYTES);                                                                                        \
    } while (0)

CONVLAB_INLINE vraw raw_if_enough(vraw n, unsigned needed, vraw a, vraw b, const int kind)
{
    if (kind == FLOAT32)
        CONVLAB_ENOUGH(uint32_t);
    else if (kind == UINT8)
        CONVLAB_ENOUGH(uint8_t);
    else
        CONVLAB_ENOUGH(uint16_t);
    return a;
}

#endif
