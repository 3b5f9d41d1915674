/* A test of the thread pool (src/common/workers.c) without Python, for other processors, Windows and ThreadSanitizer.
 * `pool [SCALE]` runs every case; SCALE divides the number of repetitions. It prints failed checks.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int refuse_threads; /* while this is set, pthread_create and CreateThread fail for the pool */
#ifdef _WIN32
#include <windows.h>
static HANDLE create(SECURITY_ATTRIBUTES *a, SIZE_T s, LPTHREAD_START_ROUTINE f, void *p, DWORD flags, DWORD *id)
{
    return refuse_threads ? NULL : CreateThread(a, s, f, p, flags, id);
}
#define CreateThread create
#else
static int create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    return refuse_threads ? 11 : pthread_create(thread, attributes, function, argument);
}
#define pthread_create create
#endif

#include "../../src/common/workers.c"

#undef pthread_create
#undef CreateThread
#include <unistd.h>
#ifndef _WIN32
#include <sys/wait.h>
#endif

static int failures;
#define CHECK(truth)                                                                     \
    do {                                                                                 \
        if (!(truth)) {                                                                  \
            printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #truth);                   \
            failures++;                                                                  \
        }                                                                                \
    } while (0)

enum { MOST_TASKS = 3000 };

/* The record of a job's tasks: how often each ran, the thread of each slot, the number of threads. */
typedef struct {
    atomic_int runs[MOST_TASKS];
    atomic_int owner[WORKERS_MOST];
    atomic_int wrong, threads;
    int slots, work;
} Notes;

static atomic_int threads_seen;
static THREAD_LOCAL int my_number;

static int thread_number(void)
{
    if (my_number == 0)
        my_number = atomic_fetch_add(&threads_seen, 1) + 1;
    return my_number;
}

static void note(void *context, ptrdiff_t task, int slot)
{
    Notes *notes = context;
    int nobody = 0, me = thread_number();
    if (slot < 0 || slot >= notes->slots || task < 0 || task >= MOST_TASKS) {
        atomic_fetch_add(&notes->wrong, 1);
        return;
    }
    if (atomic_compare_exchange_strong(&notes->owner[slot], &nobody, me))
        atomic_fetch_add(&notes->threads, 1);
    else if (nobody != me)
        atomic_fetch_add(&notes->wrong, 1);
    for (volatile int i = 0; i < notes->work; i++) {
    }
    atomic_fetch_add(&notes->runs[task], 1);
}

/* Run a job and return whether each task ran once, on one thread for each slot. */
static int good(Notes *notes, int tasks, int threads, int work)
{
    int right = 1;
    memset(notes, 0, sizeof *notes);
    notes->slots = threads, notes->work = work;
    workers_run(note, notes, tasks, threads, 0);
    for (int i = 0; i < MOST_TASKS; i++)
        right &= atomic_load(&notes->runs[i]) == (i < tasks);
    return right && atomic_load(&notes->wrong) == 0 && atomic_load(&notes->threads) <= threads;
}

static unsigned random_number(unsigned *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 8; }

static void test_counts(void)
{
    Notes *notes = malloc(sizeof *notes);
    int tasks[] = {0, 1, 2, 3, 7, 64, 999, MOST_TASKS}, threads[] = {1, 2, 3, 8, 100, WORKERS_MOST};
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (size_t k = 0; k < sizeof threads / sizeof *threads; k++)
            CHECK(good(notes, tasks[i], threads[k], 100));
    free(notes);
}

static atomic_long ran, sum;
static void add(void *context, ptrdiff_t task, int slot)
{
    (void)context, (void)slot;
    atomic_fetch_add(&ran, 1);
    if (task >= ((ptrdiff_t)1 << 31))
        atomic_fetch_add(&sum, 1);
}

static void test_small_jobs(long jobs)
{
    int64_t start = now_ns();
    atomic_store(&ran, 0);
    for (long i = 0; i < jobs; i++)
        workers_run(add, NULL, 2, 2, 0);
    CHECK(atomic_load(&ran) == 2 * jobs);
    printf("%ld jobs of 2 tasks: %.2f us each\n", jobs, (double)(now_ns() - start) / 1e3 / (double)jobs);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_sleeping_workers(int jobs_of)
{
    int64_t times[1000];
    atomic_store(&ran, 0);
    for (int i = 0; i < jobs_of; i++) {
        int64_t start;
        usleep(1000); /* much longer than workers spin */
        start = now_ns();
        workers_run(add, NULL, 2, 2, 0);
        times[i] = now_ns() - start;
    }
    CHECK(atomic_load(&ran) == 2 * jobs_of);
    qsort(times, (size_t)jobs_of, sizeof *times, compare);
    printf("a job of 2 tasks, workers asleep: %.2f us, the median\n", (double)times[jobs_of / 2] / 1e3);
}

/* A claim of several tasks, which only jobs of at least 2^31 tasks need. */
static void test_many_tasks(void)
{
    Job *job = new_job(add, NULL, (ptrdiff_t)INT32_MAX * 5 + 3, 2, STATE_IEEE);
    unsigned number;
    CHECK(job->each == 6);
    CHECK((ptrdiff_t)job->claims * job->each >= job->tasks && (ptrdiff_t)(job->claims - 1) * job->each < job->tasks);
    CHECK(claim(job, 1, &number) && number == job->claims / 2);
    CHECK(claim(job, 0, &number) && number == 0);
    free(job);
    job = new_job(add, NULL, 10, 3, STATE_IEEE); /* ranges 0-2, 3-5, 6-9 */
    for (unsigned expected = 3; expected < 6; expected++)
        CHECK(claim(job, 1, &number) && number == expected);
    for (unsigned expected = 9; expected > 5; expected--) /* from the end of the next range */
        CHECK(claim(job, 1, &number) && number == expected);
    for (unsigned expected = 2; expected < 3; expected--)
        CHECK(claim(job, 1, &number) && number == expected);
    CHECK(!claim(job, 0, &number) && !claim(job, 1, &number) && !claim(job, 2, &number));
    free(job);
}

static void nest(void *context, ptrdiff_t task, int slot)
{
    (void)context, (void)task, (void)slot;
    Notes *notes = malloc(sizeof *notes);
    int mine = thread_number();
    CHECK(good(notes, 20, 4, 10));
    CHECK(atomic_load(&notes->threads) == 1 && atomic_load(&notes->owner[0]) == mine);
    free(notes);
}

static void *calls(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;
    Notes *notes = malloc(sizeof *notes);
    for (int i = 0; i < 300; i++) {
        int tasks = (int)(random_number(&seed) % 200), threads = (int)(random_number(&seed) % 9) + 1;
        CHECK(good(notes, tasks, threads, (int)(random_number(&seed) % 2000)));
    }
    free(notes);
    return NULL;
}

static void test_contention(int threads)
{
    pthread_t callers_of[16];
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&callers_of[i], NULL, calls, (void *)(size_t)(i + 1)) == 0);
    for (int i = 0; i < threads; i++)
        pthread_join(callers_of[i], NULL);
    CHECK(callers == 0 && jobs == NULL);
}

static void test_no_threads_to_start(void)
{
    Notes *notes = malloc(sizeof *notes);
    int before = started;
    refuse_threads = 1;
    CHECK(good(notes, 500, 1000, 100));
    CHECK(started == before);
    refuse_threads = 0;
    free(notes);
}

static atomic_int odd_state;
static void look_at_state(void *context, ptrdiff_t task, int slot)
{
    (void)task;
    volatile float tiny = 1e-40f, one = 1;
    int flush = context != NULL;
    State wanted = flush ? STATE_IEEE | STATE_FLUSH : STATE_IEEE;
    if ((get_state() & ~(State)STATE_FLAGS) != wanted || (tiny * one == 0) != (flush && STATE_FLUSH != 0))
        atomic_fetch_add(&odd_state, 1);
#ifndef _WIN32
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (slot > 0 && !sigismember(&blocked, SIGINT))
        atomic_fetch_add(&odd_state, 1);
#endif
}

static void test_state(void)
{
    State flushing = STATE_IEEE | STATE_FLUSH;
    State before = get_state();
    set_state(flushing); /* workers that this job starts have it too */
    for (int i = 0; i < 100; i++) {
        int flush = i % 3 == 2;
        workers_run(look_at_state, flush ? &flush : NULL, 300, 12, flush);
    }
    CHECK((get_state() & ~(State)STATE_FLAGS) == flushing);
    set_state(before);
    CHECK(atomic_load(&odd_state) == 0);
}

#ifndef _WIN32
static void wait_for_child(pid_t child)
{
    int status = -1;
    for (int i = 0; i < 60000 && waitpid(child, &status, WNOHANG) == 0; i++)
        usleep(1000);
    CHECK(status == 0);
}

static void in_child(void)
{
    Notes *notes = malloc(sizeof *notes);
    int right = started == 0 && good(notes, 300, 4, 500) && good(notes, 5, 2, 100000);
    _exit(right && started > 0 ? 0 : 1);
}

static pid_t forked;
static void fork_inside(void *context, ptrdiff_t task, int slot)
{
    note(context, task, slot);
    if (slot == 0 && forked == -1)
        forked = fork();
}

static void test_fork(void)
{
    Notes *notes = malloc(sizeof *notes);
    for (int i = 0; i < 20; i++) {
        pid_t child;
        CHECK(good(notes, 300, 4, 100));
        child = fork();
        if (child == 0)
            in_child();
        wait_for_child(child);
    }
    for (int i = 0; i < 20; i++) { /* fork in the middle of a call: the child finishes it and makes later calls */
        memset(notes, 0, sizeof *notes);
        notes->slots = 4, notes->work = 3000, forked = -1;
        workers_run(fork_inside, notes, 300, 4, 0);
        if (forked == 0) {
            int all = 1;
            for (int task = 0; task < 300; task++)
                all &= atomic_load(&notes->runs[task]) >= 1;
            if (!all || callers != 0)
                _exit(2);
            in_child();
        }
        if (forked == -1) { /* the others were faster, and slot 0 had no task */
            i--;
            continue;
        }
        wait_for_child(forked);
        for (int task = 0; task < 300; task++)
            CHECK(atomic_load(&notes->runs[task]) == 1);
    }
    free(notes);
}

static atomic_int stop;
static void *calls_until_stopped(void *argument)
{
    while (!atomic_load(&stop))
        calls(argument);
    return NULL;
}

static void test_fork_while_others_call(int forks_of)
{
    pthread_t others[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&others[i], NULL, calls_until_stopped, (void *)(size_t)(i + 1)) == 0);
    for (int i = 0; i < forks_of; i++) {
        pid_t child = fork();
        if (child == 0)
            in_child();
        wait_for_child(child);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        pthread_join(others[i], NULL);
}
#endif

int main(int n, char **words)
{
    int scale = n > 1 ? atoi(words[1]) : 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    CHECK(workers_start() == 0);
    convlab_workers_set_cap(0);
    CHECK(convlab_workers_get_cap() == 1);
    convlab_workers_set_cap(5);
    CHECK(convlab_workers_get_cap() == 5);
    workers_set_cpus(0);
    CHECK(workers_get_cpus() == 1);
    test_counts();
    CHECK(started == 0); /* one CPU: only the calling thread */
    workers_set_cpus(12);
    test_no_threads_to_start();
    test_state(); /* starts the first workers */
    CHECK(started > 0);
    test_many_tasks();
    test_counts();
    workers_run(nest, NULL, 50, 4, 0);
    workers_set_cpus(2);
    test_small_jobs(1000000 / scale);
    test_sleeping_workers(1000 / scale + 1 < 1000 ? 1000 / scale + 1 : 1000);
    workers_set_cpus(16);
    test_contention(2);
    test_contention(16);
#if !defined(_WIN32) && !defined(NO_FORK)
    test_fork();
    test_fork_while_others_call(300 / scale + 1);
#endif
    printf(failures ? "%d failures\n" : "all good\n", failures);
    return failures != 0;
}
