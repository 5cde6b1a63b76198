// Linux calls that the Swift Glibc module does not show, because they stand behind _GNU_SOURCE.
#pragma once
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC. Returns the descriptor, or a negated errno.
int linux_accept(int fd, struct sockaddr *address, socklen_t *length);

/// The kernel's id of the calling thread.
int linux_thread_id(void);

/// Names the calling thread (15 bytes at most), as `top -H` and a debugger show it.
void linux_name_thread(const char *name);

/// Creates a signalfd for the signals in `numbers` and blocks them in the calling thread. Returns it or a negated errno.
int linux_signal_fd(const int *numbers, int count);

/// What the allocator has handed out and what it holds, in bytes.
void linux_memory_use(uint64_t *allocated, uint64_t *held);

/// Makes a non-blocking pipe that holds about `bytes`. Returns what it holds, or a negated errno.
int linux_make_pipe(int ends[2], int bytes);

/// Moves up to `count` bytes between a pipe and a socket without copying them. Returns as splice(2), or a negated errno.
ssize_t linux_splice(int from, int to, size_t count);
