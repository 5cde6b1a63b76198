// The libc headers come first: libevent's own headers define a feature macro half-way, and debug builds then fail
// with mismatching fd_set definitions.
// Types of libc come from the module that Swift knows them by: otherwise this module would be taken for their owner, and
// MemberImportVisibility would ask for it wherever a timeval is touched.
#if __has_feature(modules)
#pragma clang module import SwiftGlibc
#endif
#include <sys/types.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/event_struct.h>
