#define _GNU_SOURCE
#include <malloc.h>
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(LINUX_CALLS_THROUGH_LIBC)

long linux_recv(int fd, void *bytes, size_t count) {
    ssize_t n = recv(fd, bytes, count, 0);
    return n >= 0 ? n : -errno;
}

long linux_send(int fd, const void *bytes, size_t count, int flags) {
    ssize_t n = send(fd, bytes, count, flags);
    return n >= 0 ? n : -errno;
}

long linux_sendmsg(int fd, const void *message, int flags) {
    ssize_t n = sendmsg(fd, message, flags);
    return n >= 0 ? n : -errno;
}

int linux_connect(int fd, const void *address, uint32_t length) {
    return connect(fd, address, length) == 0 ? 0 : -errno;
}

int linux_accept4(int fd, void *address, uint32_t *length, int flags) {
    int accepted = accept4(fd, address, length, flags);
    return accepted >= 0 ? accepted : -errno;
}

int linux_close(int fd) { return close(fd) == 0 ? 0 : -errno; }

#endif

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
