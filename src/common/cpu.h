/* What this CPU and its operating system let a program use. Compiled for the baseline; imports nothing.
 *
 * An instruction set counts only if the system saves its registers (XCR0): the CPU's word alone is not enough.
 */
#ifndef CONVLAB_CPU_H
#define CONVLAB_CPU_H

#if defined(__x86_64__) || defined(_M_X64)

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static void convlab_cpuid(int leaf, int out[4]) { __cpuidex(out, leaf, 0); }
static unsigned convlab_xcr0(void) { return (unsigned)_xgetbv(0); }
#else
#include <cpuid.h>
static void convlab_cpuid(int leaf, int out[4])
{
    unsigned a, b, c, d;
    __cpuid_count(leaf, 0, a, b, c, d);
    out[0] = (int)a, out[1] = (int)b, out[2] = (int)c, out[3] = (int)d;
}
static unsigned convlab_xcr0(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

/* 0: the baseline only, 1: AVX2 and FMA, 2: the AVX-512 of x86-64-v4 (F, DQ, CD, BW, VL) as well. */
static int convlab_x86_level(void)
{
    int r[4], fma_avx, avx2_512;
    unsigned xcr0;
    convlab_cpuid(0, r);
    if (r[0] < 7)
        return 0;
    convlab_cpuid(1, r);
    fma_avx = (r[2] >> 12 & 1) && (r[2] >> 27 & 1) && (r[2] >> 28 & 1); /* FMA, OSXSAVE, AVX */
    if (!fma_avx)
        return 0;
    xcr0 = convlab_xcr0();
    convlab_cpuid(7, r);
    avx2_512 = r[1];
    if (!(avx2_512 >> 5 & 1) || (xcr0 & 0x6) != 0x6)
        return 0;
    if ((avx2_512 >> 16 & 1) && (avx2_512 >> 17 & 1) && (avx2_512 >> 28 & 1) && (avx2_512 >> 30 & 1) &&
        (avx2_512 >> 31 & 1) && (xcr0 & 0xe6) == 0xe6)
        return 2;
    return 1;
}

#else

static int convlab_x86_level(void) { return 0; }

#endif

#endif
