/* An allocator for tests that fills memory with a pattern: the 32 bits of the environment variable GARBAGE, in hexadecimal.
 *
 * Unwritten memory then contains subnormal numbers, NaN or infinities, so tests detect computations with it.
 */
#include <stdint.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    static uint32_t pattern;
    static int known;
    void *memory = __libc_malloc(size);
    if (!known) {
        const char *text = getenv("GARBAGE");
        pattern = text ? (uint32_t)strtoul(text, NULL, 16) : 0;
        known = 1;
    }
    for (size_t i = 0; memory && i < size / 4; i++)
        ((uint32_t *)memory)[i] = pattern;
    return memory;
}
