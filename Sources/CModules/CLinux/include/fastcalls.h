// System calls of the data path, without libc's wrapper. In a process with threads glibc makes each of these calls a
// cancellation point, with two atomic operations around the call: 1.4 % of a small request, for something that nobody
// here uses. Arguments as in the manual pages, with addresses and messages as plain pointers so that no other header of
// libc becomes part of this module. What fails returns a negated errno and leaves `errno` alone.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

// Sanitizers watch descriptors and memory through libc's wrappers. They are told by scripts/sanitize.sh and not by
// __has_feature, which Swift's importer answers with no whatever it compiles for.
#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(LINUX_CALLS_THROUGH_LIBC)
#define LINUX_CALLS_THROUGH_LIBC 1
#endif

#if !defined(LINUX_CALLS_THROUGH_LIBC)

static inline long linux_call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}

static inline long linux_recv(int fd, void *bytes, size_t count) {
    return linux_call(SYS_recvfrom, fd, (long)bytes, (long)count, 0, 0, 0);
}

static inline long linux_send(int fd, const void *bytes, size_t count, int flags) {
    return linux_call(SYS_sendto, fd, (long)bytes, (long)count, flags, 0, 0);
}

/// `message` is a struct msghdr.
static inline long linux_sendmsg(int fd, const void *message, int flags) {
    return linux_call(SYS_sendmsg, fd, (long)message, flags, 0, 0, 0);
}

/// `address` is a struct sockaddr of `length` bytes.
static inline int linux_connect(int fd, const void *address, uint32_t length) {
    return (int)linux_call(SYS_connect, fd, (long)address, length, 0, 0, 0);
}

/// `address` takes a struct sockaddr of up to `*length` bytes.
static inline int linux_accept4(int fd, void *address, uint32_t *length, int flags) {
    return (int)linux_call(SYS_accept4, fd, (long)address, (long)length, flags, 0, 0);
}

static inline int linux_close(int fd) { return (int)linux_call(SYS_close, fd, 0, 0, 0, 0, 0); }

#else

long linux_recv(int fd, void *bytes, size_t count);
long linux_send(int fd, const void *bytes, size_t count, int flags);
long linux_sendmsg(int fd, const void *message, int flags);
int linux_connect(int fd, const void *address, uint32_t length);
int linux_accept4(int fd, void *address, uint32_t *length, int flags);
int linux_close(int fd);

#endif
