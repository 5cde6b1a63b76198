// Counts the allocations of each thread of a program it is preloaded into, for Tests/Allocations/allocations.py.
//
//   ALLOC_COUNT_FILE=FILE LD_PRELOAD=liballoc-count.so PROGRAM
//
// FILE holds one slot of 32 bytes for each thread: thread id, allocations, frees, bytes of heap it holds (all 64 bits; a
// thread that frees what others allocated goes below zero, so only the sum over all threads says what is held). A thread
// takes its slot at its first allocation and is the only one to write there.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { slotCount = 256 };
struct Slot { uint64_t thread, count, frees; int64_t held; };

static struct Slot local[slotCount];
static struct Slot *slots = local;
static atomic_uint taken;
static __thread struct Slot *mine __attribute__((tls_model("initial-exec")));

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("ALLOC_COUNT_FILE");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    if (ftruncate(fd, sizeof local) == 0) {
        void *shared = mmap(NULL, sizeof local, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared != MAP_FAILED) {
            slots = shared;
            atomic_store(&taken, 0);
            mine = NULL;
        }
    }
    close(fd);
}

static struct Slot *slot(void) {
    if (!mine) {
        unsigned index = atomic_fetch_add(&taken, 1);
        mine = &slots[index < slotCount ? index : slotCount - 1];
        mine->thread = (uint64_t)syscall(SYS_gettid);
    }
    return mine;
}

// What a chunk takes of the heap: what may be used of it, and the word in front of it that malloc keeps.
static int64_t taken_by(void *at) { return at ? (int64_t)malloc_usable_size(at) + 8 : 0; }

static void *note(void *at) {
    struct Slot *s = slot();
    s->count++;
    s->held += taken_by(at);
    return at;
}

static void unnote(void *at) {
    if (!at) return;
    struct Slot *s = slot();
    s->frees++;
    s->held -= taken_by(at);
}

void *malloc(size_t bytes) { return note(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes) { return note(__libc_calloc(count, bytes)); }
void *realloc(void *at, size_t bytes) {
    int64_t before = taken_by(at);
    void *made = __libc_realloc(at, bytes);
    // A refusal leaves the old chunk; a size of zero frees it and gives none.
    if (made || !bytes) slot()->held -= before;
    return note(made);
}
void *memalign(size_t alignment, size_t bytes) { return note(__libc_memalign(alignment, bytes)); }
void *aligned_alloc(size_t alignment, size_t bytes) { return note(__libc_memalign(alignment, bytes)); }
int posix_memalign(void **at, size_t alignment, size_t bytes) {
    void *made = note(__libc_memalign(alignment, bytes));
    if (!made) return ENOMEM;
    *at = made;
    return 0;
}
void free(void *at) {
    unnote(at);
    __libc_free(at);
}
