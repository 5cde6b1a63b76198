// Linux calls that the Swift Glibc module does not show, because they stand behind _GNU_SOURCE.
#pragma once
#include "fastcalls.h"
#include <stdint.h>
#include <sys/types.h>

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
