/* What workers.c needs of the system and the processor: locks, threads, a thread's sleep until a word changes, the
 * clock, and the state of floating-point arithmetic. Included by workers.c alone. */
#include <stdatomic.h>
#include <stdint.h>

#define SPIN_NS 60000         /* how long a worker watches for a job, and a call for a task, before it sleeps */
#define STACK_BYTES (1 << 20) /* of a worker; musl's default is 128 KiB */

/* ---- Locks, threads, sleep, the clock. ---- */

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

typedef SRWLOCK Lock;
#define LOCK_INIT SRWLOCK_INIT
#define THREAD_LOCAL __declspec(thread)
static void acquire(Lock *l) { AcquireSRWLockExclusive(l); }
static void release(Lock *l) { ReleaseSRWLockExclusive(l); }

static void work_forever(void);
static DWORD WINAPI thread_main(void *unused)
{
    (void)unused;
    work_forever();
    return 0;
}
static int start_thread(void)
{
    HANDLE thread = CreateThread(NULL, STACK_BYTES, thread_main, NULL, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread != NULL)
        CloseHandle(thread);
    return thread != NULL;
}
static int64_t now_ns(void)
{
    LARGE_INTEGER count, frequency;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return (int64_t)((double)count.QuadPart * 1e9 / (double)frequency.QuadPart);
}
#else
#include <pthread.h>
#include <signal.h>
#include <time.h>

typedef pthread_mutex_t Lock;
#define LOCK_INIT PTHREAD_MUTEX_INITIALIZER
#define THREAD_LOCAL _Thread_local
static void acquire(Lock *l) { pthread_mutex_lock(l); }
static void release(Lock *l) { pthread_mutex_unlock(l); }

static void work_forever(void);
static void *thread_main(void *unused)
{
    (void)unused;
    work_forever();
    return NULL;
}
static int start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int started;
    if (pthread_attr_init(&attributes) != 0)
        return 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits it */
    started = pthread_create(&thread, &attributes, thread_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}
static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
#endif

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleep unless the word has another value; wake some of those who sleep on it. Either may wake too early. */
static void sleep_while(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake(atomic_uint *word, int threads)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}
#elif defined(_WIN32)
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static Lock sleeping_lock = LOCK_INIT;
static void sleep_while(atomic_uint *word, unsigned value)
{
    acquire(&sleeping_lock);
    while (atomic_load(word) == value)
        SleepConditionVariableSRW(&changed, &sleeping_lock, INFINITE, 0);
    release(&sleeping_lock);
}
static void wake(atomic_uint *word, int threads)
{
    (void)word, (void)threads;
    acquire(&sleeping_lock);
    WakeAllConditionVariable(&changed);
    release(&sleeping_lock);
}
#else
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Lock sleeping_lock = LOCK_INIT;
static void sleep_while(atomic_uint *word, unsigned value)
{
    acquire(&sleeping_lock);
    while (atomic_load(word) == value)
        pthread_cond_wait(&changed, &sleeping_lock);
    release(&sleeping_lock);
}
static void wake(atomic_uint *word, int threads)
{
    (void)word, (void)threads;
    acquire(&sleeping_lock);
    pthread_cond_broadcast(&changed);
    release(&sleeping_lock);
}
#endif

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/* Return whether the word changed before the time was over. A thread that loses its CPU meanwhile stops watching: others
 * want it. */
static int watch(atomic_uint *word, unsigned value)
{
    int64_t start = now_ns(), last = start, now = start;
    while (now - start < SPIN_NS && now - last < SPIN_NS / 4) {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value)
                return 1;
            pause_cpu();
        }
        last = now;
        now = now_ns();
    }
    return atomic_load_explicit(word, memory_order_acquire) != value;
}

/* ---- Arithmetic: IEEE 754, rounding to nearest; or the same with subnormal numbers flushed to zero. ---- */

#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
typedef unsigned State;
#define STATE_FLAGS 0x3Fu /* which exceptions there were */
#define STATE_IEEE 0x1F80u
#define STATE_FLUSH 0x8040u
static State get_state(void) { return _mm_getcsr(); }
static void set_state(State state) { _mm_setcsr(state); }
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
typedef uint64_t State;
#define STATE_FLAGS 0u /* they have a register of their own */
#define STATE_IEEE 0u
#define STATE_FLUSH ((State)1 << 24)
static State get_state(void)
{
    State state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    return state;
}
static void set_state(State state) { __asm__ volatile("msr fpcr, %0" : : "r"(state)); }
#else /* no register that is known */
typedef int State;
#define STATE_FLAGS 0
#define STATE_IEEE 0
#define STATE_FLUSH 0
static State get_state(void) { return STATE_IEEE; }
static void set_state(State state) { (void)state; }
#endif

/* Change how the thread computes, but not the flags of what happened; return what it was. */
static State change_state(State wanted)
{
    State before = get_state();
    if ((before ^ wanted) & ~(State)STATE_FLAGS)
        set_state((wanted & ~(State)STATE_FLAGS) | (before & STATE_FLAGS));
    return before;
}
