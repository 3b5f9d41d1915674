/* A pool of threads that run the tasks of calls.
 *
 * A call publishes a job and works on it itself. Workers that are free take part; a call returns as soon as all tasks are
 * finished, so it waits for tasks that a worker has begun, and never for a worker that has not begun one. On a busy
 * machine, where workers come late or not at all, the calling thread does everything.
 *
 * Tasks. They are numbered, and each thread of a job, the calling one too, owns a contiguous range of them. It takes its
 * own from the front and, when there are none left, from the back of another's range: neighbouring tasks often write to
 * one cache line. Many tasks are taken some at a time, so that a count of them has 31 bits.
 *
 * Workers are started when a job wants them, at most as many as there are CPUs for. A worker without a job watches for a
 * new one for SPIN_NS, unless threads outnumber the CPUs, and then sleeps. It blocks all signals, computes
 * as the job says, whatever the state of the thread that started it, and never calls Python.
 *
 * Locking. `lock` protects the list of jobs and all counts, and is held for a few instructions, or while a thread is
 * started. Ranges and the number of finished tasks are atomic. A job is on the heap and counts its users, since a worker
 * that comes late looks at it when the call has returned; it finds no task, and does not touch the call's own data.
 *
 * Fork. The child has the forking thread alone. It begins with an empty pool and leaves the old jobs where they are. If
 * it was forked in the middle of a call (by a signal's handler), the tasks of other threads will not be finished: the
 * call then runs all tasks again. So tasks must give the same results when they are run twice.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "workers.h"
#include "workers_system.h"

#include <stdlib.h>

#define CACHE_LINE 128 /* two lines of x86-64, which fetches them in pairs */

/* ---- Jobs. ---- */

/* Claims first .. end - 1 of a range are free: end in the upper half. */
typedef union {
    _Atomic uint64_t free;
    char line[CACHE_LINE];
} Range;

typedef struct Job {
    WorkersTask function;
    void *context;
    State state;
    ptrdiff_t tasks, each; /* a claim is of `each` tasks, the last one of fewer */
    unsigned claims;
    int slots, given; /* slots that a thread has, or had; under the lock */
    struct Job *next; /* in the list of published jobs, oldest first */
    atomic_int users;
    atomic_uint finished; /* claims */
    atomic_int waiting;   /* whether the call sleeps until all are */
    Range ranges[];
} Job;

static Lock lock = LOCK_INIT;
static Job *jobs;
static int callers, started, sleeping, busy; /* calls in progress; workers, those of them asleep, those with a job */
static atomic_uint published;                /* counts jobs, and is what workers watch */
static atomic_int cap = 1, cpus = 1;
static unsigned forks; /* of this process, since it was another */
static THREAD_LOCAL int inside;

static int claim(Job *job, int slot, unsigned *number)
{
    for (int i = 0; i < job->slots; i++) {
        Range *range = &job->ranges[(slot + i) % job->slots];
        uint64_t free = atomic_load_explicit(&range->free, memory_order_relaxed);
        while ((uint32_t)free < (uint32_t)(free >> 32)) {
            uint64_t rest = i == 0 ? free + 1 : free - ((uint64_t)1 << 32);
            if (atomic_compare_exchange_weak_explicit(
                    &range->free, &free, rest, memory_order_relaxed, memory_order_relaxed)) {
                *number = (uint32_t)(i == 0 ? free : (free >> 32) - 1);
                return 1;
            }
        }
    }
    return 0;
}

static void work_on(Job *job, int slot)
{
    unsigned number, done = 0;
    while (claim(job, slot, &number)) {
        ptrdiff_t first = (ptrdiff_t)number * job->each;
        ptrdiff_t end = job->tasks - first < job->each ? job->tasks : first + job->each;
        for (ptrdiff_t task = first; task < end; task++)
            job->function(job->context, task, slot);
        done++;
    }
    if (done > 0 && atomic_fetch_add(&job->finished, done) + done == job->claims && atomic_load(&job->waiting))
        wake(&job->finished, 1);
}

static void leave(Job *job)
{
    if (atomic_fetch_sub(&job->users, 1) == 1)
        free(job);
}

static void work_forever(void)
{
    inside = 1; /* a task's own calls run on its thread */
    acquire(&lock);
    for (;;) {
        Job *job = jobs;
        unsigned seen = atomic_load(&published);
        while (job != NULL && job->given == job->slots)
            job = job->next;
        if (job != NULL) {
            int slot = job->given++;
            atomic_fetch_add(&job->users, 1);
            busy++;
            release(&lock);
            change_state(job->state);
            work_on(job, slot);
            leave(job);
            acquire(&lock);
            busy--;
            continue;
        }
        if (callers + started - sleeping <= atomic_load(&cpus)) {
            release(&lock);
            int more = watch(&published, seen);
            acquire(&lock);
            if (more)
                continue;
        }
        if (atomic_load(&published) == seen) {
            sleeping++;
            release(&lock);
            sleep_while(&published, seen);
            acquire(&lock);
            sleeping--;
        }
    }
}

/* Append the job to the list, and see to it that as many workers come as it has slots and there are CPUs for. */
static void publish(Job *job)
{
    Job **end = &jobs;
    int wanted, woken;
    acquire(&lock);
    while (*end != NULL)
        end = &(*end)->next;
    *end = job;
    atomic_fetch_add(&published, 1);
    callers++;
    wanted = atomic_load(&cpus) - callers - busy;
    wanted = (wanted < job->slots - 1 ? wanted : job->slots - 1) - (started - sleeping - busy);
    woken = wanted < sleeping ? wanted : sleeping;
    for (int more = woken; more < wanted && started < job->slots - 1 && start_thread(); more++)
        started++;
    release(&lock);
    if (woken > 0)
        wake(&published, woken);
}

static void withdraw(Job *job)
{
    Job **place = &jobs;
    acquire(&lock);
    while (*place != NULL && *place != job) /* it is not there in a child that was forked meanwhile */
        place = &(*place)->next;
    if (*place == job)
        *place = job->next;
    callers--;
    release(&lock);
}

static void wait_for(Job *job)
{
    unsigned finished;
    while ((finished = atomic_load(&job->finished)) != job->claims) {
        if (watch(&job->finished, finished))
            continue;
        atomic_store(&job->waiting, 1);
        finished = atomic_load(&job->finished);
        if (finished != job->claims)
            sleep_while(&job->finished, finished);
    }
}

static Job *new_job(WorkersTask function, void *context, ptrdiff_t tasks, int slots, State state)
{
    Job *job = malloc(sizeof(Job) + (size_t)slots * sizeof(Range));
    if (job == NULL)
        return NULL;
    job->function = function, job->context = context, job->tasks = tasks, job->state = state;
    job->each = tasks / INT32_MAX + 1;
    job->claims = (unsigned)((tasks - 1) / job->each + 1);
    job->slots = slots, job->given = 1, job->next = NULL;
    atomic_init(&job->users, 1);
    atomic_init(&job->finished, 0);
    atomic_init(&job->waiting, 0);
    for (int i = 0; i < slots; i++) {
        uint64_t first = (uint64_t)job->claims * (unsigned)i / (unsigned)slots;
        uint64_t end = (uint64_t)job->claims * (unsigned)(i + 1) / (unsigned)slots;
        atomic_init(&job->ranges[i].free, end << 32 | first);
    }
    return job;
}

static void workers_run(WorkersTask function, void *context, ptrdiff_t tasks, int max_threads, int flush)
{
    State state = flush ? STATE_IEEE | STATE_FLUSH : STATE_IEEE, before = change_state(state);
    unsigned forks_before = forks;
    int slots = max_threads < atomic_load(&cpus) ? max_threads : atomic_load(&cpus);
    Job *job = NULL;
    if (tasks < slots)
        slots = (int)tasks;
    if (slots > 1 && !inside)
        job = new_job(function, context, tasks, slots, state);
    if (job != NULL) {
        inside = 1;
        publish(job);
        work_on(job, 0);
        withdraw(job);
        if (forks == forks_before) {
            wait_for(job);
            leave(job);
        }
        inside = 0;
    }
    if (job == NULL || forks != forks_before)
        for (ptrdiff_t task = 0; task < tasks; task++)
            function(context, task, 0);
    change_state(before);
}

/* ---- What the module asks for. ---- */

#if defined(_WIN32)
#define WORKERS_EXPORT __declspec(dllexport)
#else
#define WORKERS_EXPORT __attribute__((visibility("default")))
#endif

/* How many threads a call may use, unless it says otherwise. By these names tools find the pool. */
WORKERS_EXPORT int convlab_workers_get_cap(void) { return atomic_load(&cap); }
WORKERS_EXPORT void convlab_workers_set_cap(int n)
{
    atomic_store(&cap, n < 1 ? 1 : n > WORKERS_MOST ? WORKERS_MOST : n);
}

/* How many threads may work at a time, whatever calls ask for. */
static void workers_set_cpus(int n) { atomic_store(&cpus, n < 1 ? 1 : n); }
static int workers_get_cpus(void) { return atomic_load(&cpus); }

#ifndef _WIN32
static void after_fork(void)
{
    static const Lock fresh = LOCK_INIT;
    lock = fresh;
#ifndef __linux__
    static const pthread_cond_t fresh_condition = PTHREAD_COND_INITIALIZER;
    sleeping_lock = fresh, changed = fresh_condition;
#endif
    jobs = NULL;
    callers = inside, started = sleeping = busy = 0;
    forks++;
}
#endif

static int workers_start(void)
{
#ifdef _WIN32
    return 0;
#else
    return pthread_atfork(NULL, NULL, after_fork);
#endif
}
