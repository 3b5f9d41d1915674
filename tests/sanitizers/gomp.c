/* GNU's OpenMP, as far as our kernels use it, made of what ThreadSanitizer understands.
 *
 * libgomp waits by instructions and system calls of its own, so that ThreadSanitizer sees neither the start nor the end
 * of a region, and every one of its reports would want a suppression, which would hide ours too. Preloaded, these
 * functions serve in its place: a region is threads that are created and joined.
 */
#include <pthread.h>
#include <stdlib.h>

static __thread int number = 0, team = 1;
static __thread pthread_barrier_t* barrier = NULL;

typedef struct {
    void (*function)(void*);
    void* data;
    int number, team;
    pthread_barrier_t* barrier;
} Part;

static void* run(void* argument) {
    Part* part = argument;
    number = part->number;
    team = part->team;
    barrier = part->barrier;
    part->function(part->data);
    return NULL;
}

int omp_get_thread_num(void) { return number; }
int omp_get_num_threads(void) { return team; }

int omp_get_max_threads(void) {
    const char* text = getenv("OMP_NUM_THREADS");
    return text ? atoi(text) : 4;
}

void GOMP_barrier(void) {
    if (barrier) pthread_barrier_wait(barrier);
}

void GOMP_parallel(void (*function)(void*), void* data, unsigned n, unsigned flags) {
    Part parts[64];
    pthread_t threads[64];
    pthread_barrier_t ours, *outer_barrier = barrier;
    int outer_number = number, outer_team = team;
    (void)flags;
    if (n == 0) n = (unsigned)omp_get_max_threads();
    if (n > 64) n = 64;
    pthread_barrier_init(&ours, NULL, n);
    for (unsigned i = 1; i < n; i++) {
        parts[i] = (Part){function, data, (int)i, (int)n, &ours};
        if (pthread_create(&threads[i], NULL, run, &parts[i]) != 0) abort();
    }
    number = 0;
    team = (int)n;
    barrier = &ours;
    function(data);
    for (unsigned i = 1; i < n; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&ours);
    number = outer_number;
    team = outer_team;
    barrier = outer_barrier;
}
