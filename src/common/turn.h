/* LANES rows by 4 columns, turned into 4 vectors and back: a vector holds one column.
 *
 * A row's four elements are one of the pieces of 128 bits that vectors consist of; row r + 4 * piece goes to the vector
 * r, and what is left is to turn blocks of 4 x 4 within the pieces. Shuffles within pieces cost a quarter of those that
 * reach over a vector of 16 lanes. Of `rows` below LANES the last stands for those that are not there.
 */
#ifndef CONVLAB_TURN_H
#define CONVLAB_TURN_H

#include "vector.h"

#if LANES == 1
CONVLAB_INLINE void turn_load(vfloat *v, const float *x, Py_ssize_t pitch, Py_ssize_t rows)
{
    (void)pitch;
    (void)rows;
    memcpy(v, x, 4 * sizeof(float));
}
CONVLAB_INLINE void turn_store(const vfloat *v, float *y, Py_ssize_t pitch, Py_ssize_t rows)
{
    (void)pitch;
    (void)rows;
    memcpy(y, v, 4 * sizeof(float));
}
#else
typedef float turn_piece __attribute__((vector_size(16)));
typedef float turn_anywhere __attribute__((vector_size(16), aligned(4), may_alias));

#if LANES == 16
#define CONVLAB_PIECES(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, \
    a + 12, b + 12, c + 12, d + 12
#elif LANES == 8
#define CONVLAB_PIECES(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#else
#define CONVLAB_PIECES(a, b, c, d) a, b, c, d
#endif

CONVLAB_INLINE void turn_blocks(vfloat *v)
{
    vfloat a = CONVLAB_SHUFFLE(v[0], v[1], CONVLAB_PIECES(0, LANES, 1, LANES + 1));
    vfloat b = CONVLAB_SHUFFLE(v[0], v[1], CONVLAB_PIECES(2, LANES + 2, 3, LANES + 3));
    vfloat c = CONVLAB_SHUFFLE(v[2], v[3], CONVLAB_PIECES(0, LANES, 1, LANES + 1));
    vfloat d = CONVLAB_SHUFFLE(v[2], v[3], CONVLAB_PIECES(2, LANES + 2, 3, LANES + 3));
    v[0] = CONVLAB_SHUFFLE(a, c, CONVLAB_PIECES(0, 1, LANES, LANES + 1));
    v[1] = CONVLAB_SHUFFLE(a, c, CONVLAB_PIECES(2, 3, LANES + 2, LANES + 3));
    v[2] = CONVLAB_SHUFFLE(b, d, CONVLAB_PIECES(0, 1, LANES, LANES + 1));
    v[3] = CONVLAB_SHUFFLE(b, d, CONVLAB_PIECES(2, 3, LANES + 2, LANES + 3));
}

CONVLAB_INLINE turn_piece turn_row(const float *x, Py_ssize_t pitch, Py_ssize_t rows, Py_ssize_t row)
{
    return *(const turn_anywhere *)(x + (row < rows ? row : rows - 1) * pitch);
}

CONVLAB_INLINE void turn_load(vfloat *v, const float *x, Py_ssize_t pitch, Py_ssize_t rows)
{
    for (int r = 0; r < 4; r++) {
#if LANES == 16
        __m512 w = _mm512_castps128_ps512(turn_row(x, pitch, rows, r));
        w = _mm512_insertf32x4(w, turn_row(x, pitch, rows, r + 4), 1);
        w = _mm512_insertf32x4(w, turn_row(x, pitch, rows, r + 8), 2);
        v[r] = _mm512_insertf32x4(w, turn_row(x, pitch, rows, r + 12), 3);
#elif LANES == 8
        __m256 w = _mm256_castps128_ps256(turn_row(x, pitch, rows, r));
        v[r] = _mm256_insertf128_ps(w, turn_row(x, pitch, rows, r + 4), 1);
#else
        v[r] = turn_row(x, pitch, rows, r);
#endif
    }
    turn_blocks(v);
}

CONVLAB_INLINE void turn_store(const vfloat *columns, float *y, Py_ssize_t pitch, Py_ssize_t rows)
{
    vfloat v[4] = {columns[0], columns[1], columns[2], columns[3]};
    turn_blocks(v);
    for (int r = 0; r < 4; r++) {
        turn_piece pieces[LANES / 4];
        memcpy(pieces, &v[r], sizeof v[r]);
        for (int piece = 0; piece < LANES / 4; piece++)
            if (r + 4 * piece < rows)
                *(turn_anywhere *)(y + (r + 4 * piece) * pitch) = pieces[piece];
    }
}
#endif
#endif
