// Types of libc come from the module that Swift knows them by: otherwise this module would be taken for their owner, and
// MemberImportVisibility would ask for it wherever a timeval is touched.
#if __has_feature(modules)
#pragma clang module import SwiftGlibc
#endif
#include <sys/types.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <netdb.h>
#include <arpa/nameser.h>

#include <ares.h>
