#define _GNU_SOURCE
#include <malloc.h>
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int linux_accept(int fd, struct sockaddr *address, socklen_t *length) {
    int accepted = accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepted >= 0 ? accepted : -errno;
}

int linux_thread_id(void) { return gettid(); }

void linux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int linux_signal_fd(const int *numbers, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

void linux_memory_use(uint64_t *allocated, uint64_t *held) {
    struct mallinfo2 info = mallinfo2();
    *allocated = info.uordblks + info.hblkhd;
    *held = info.arena + info.hblkhd;
}

int linux_make_pipe(int ends[2], int bytes) {
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return -errno;
    int held = fcntl(ends[1], F_SETPIPE_SZ, bytes);
    if (held < 0) held = fcntl(ends[1], F_GETPIPE_SZ);
    if (held >= 0) return held;
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    return -error;
}

ssize_t linux_splice(int from, int to, size_t count) {
    ssize_t moved;
    do {
        moved = splice(from, 0, to, 0, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (moved < 0 && errno == EINTR);
    return moved >= 0 ? moved : -errno;
}
