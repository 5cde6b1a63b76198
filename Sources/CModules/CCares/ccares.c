// Written against c-ares 1.18 (Debian 12); nothing here is newer than 1.16.

#include "ccares.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <ares.h>

struct ccares_channel {
    ares_channel ares;
    ccares_socket_callback callback;
    void *context;
};

struct lookup {
    ccares_answer_callback callback;
    void *context;
};

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable) {
    struct ccares_channel *channel = data;
    channel->callback(channel->context, fd, readable, writable);
}

// c-ares falls back to the local machine when resolv.conf names no server.
static int has_only_default_server(ares_channel channel) {
    struct ares_addr_port_node *list = 0;
    if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS || !list) return 0;
    int found = !list->next && list->family == AF_INET && list->addr.addr4.s_addr == htonl(INADDR_LOOPBACK) &&
                list->udp_port == 0;
    ares_free_data(list);
    return found;
}

ccares_channel *ccares_open(const ccares_settings *settings, ccares_socket_callback callback, void *context) {
    struct ccares_channel *channel = calloc(1, sizeof *channel);
    if (!channel) return 0;
    channel->callback = callback;
    channel->context = context;

    struct ares_options options;
    memset(&options, 0, sizeof options);
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
    if (settings->use_tcp) options.flags |= ARES_FLAG_USEVC;
    if (settings->no_search) {
        options.flags |= ARES_FLAG_NOSEARCH;
        // ares_getaddrinfo of 1.18 does not look at the flag: an empty list of domains has the same effect.
        options.ndomains = 0;
        mask |= ARES_OPT_DOMAINS;
    }
    if (settings->edns_bytes) {
        options.flags |= ARES_FLAG_EDNS;
        options.ednspsz = settings->edns_bytes;
        mask |= ARES_OPT_EDNSPSZ;
    }
    options.timeout = settings->timeout_ms;
    options.tries = settings->tries;
    // Only servers: the hosts file is read on the Swift side, because c-ares would open it for each lookup.
    options.lookups = (char *)"b";
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = channel;
    options.resolvconf_path = (char *)settings->resolv_conf;
    mask |= ARES_OPT_RESOLVCONF;
    mask |= settings->rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE;
    if (ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
        free(channel);
        return 0;
    }
    if (settings->servers && (!settings->servers_are_fallback || has_only_default_server(channel->ares)) &&
        ares_set_servers_ports_csv(channel->ares, settings->servers) != ARES_SUCCESS) {
        ccares_close(channel);
        return 0;
    }
    return channel;
}

void ccares_close(ccares_channel *channel) {
    ares_destroy(channel->ares);
    free(channel);
}

static int count_nodes(const struct ares_addrinfo *info) {
    int count = 0;
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) count++;
    return count;
}

static void answer(struct lookup *lookup, int timeouts, const struct ares_addrinfo *info) {
    int alias_ttl = INT_MAX;
    for (const struct ares_addrinfo_cname *name = info->cnames; name; name = name->next)
        if (name->ttl < alias_ttl) alias_ttl = name->ttl;
    int capacity = count_nodes(info), count = 0;
    ccares_address *addresses = calloc(capacity ? capacity : 1, sizeof *addresses);
    if (!addresses) {
        lookup->callback(lookup->context, CCARES_FAILED, "out of memory", timeouts, 0, 0);
        return;
    }
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
        ccares_address *one = &addresses[count];
        if (node->ai_family == AF_INET) {
            memcpy(one->bytes, &((const struct sockaddr_in *)node->ai_addr)->sin_addr, 4);
        } else if (node->ai_family == AF_INET6) {
            const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)node->ai_addr;
            memcpy(one->bytes, &six->sin6_addr, 16);
            one->is_v6 = 1;
            one->scope = six->sin6_scope_id;
        } else {
            continue;
        }
        one->ttl = node->ai_ttl < alias_ttl ? node->ai_ttl : alias_ttl;
        if (one->ttl < 0) one->ttl = 0;
        count++;
    }
    lookup->callback(lookup->context, CCARES_ANSWERED, 0, timeouts, addresses, count);
    free(addresses);
}

static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *info) {
    struct lookup *lookup = data;
    int kind = CCARES_FAILED;
    switch (status) {
    case ARES_SUCCESS:
        if (info) answer(lookup, timeouts, info);
        break;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        kind = CCARES_NO_RECORDS;
        break;
    case ARES_ETIMEOUT:
        kind = CCARES_TIMED_OUT;
        break;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        kind = CCARES_CLOSED;
        break;
    }
    if (status != ARES_SUCCESS || !info)
        lookup->callback(lookup->context, kind, ares_strerror(status), timeouts, 0, 0);
    if (info) ares_freeaddrinfo(info);
    free(lookup);
}

void ccares_lookup(
    ccares_channel *channel, const char *name, int wants_v6, ccares_answer_callback callback, void *context) {
    struct lookup *lookup = malloc(sizeof *lookup);
    if (!lookup) {
        callback(context, CCARES_FAILED, "out of memory", 0, 0, 0);
        return;
    }
    lookup->callback = callback;
    lookup->context = context;
    struct ares_addrinfo_hints hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = wants_v6 ? AF_INET6 : AF_INET;
    // Answers stay in the server's order: sorting opens a socket per address and reorders what the balancer sees.
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel->ares, name, 0, &hints, on_answer, lookup);
}

void ccares_process(ccares_channel *channel, int readable_fd, int writable_fd) {
    ares_process_fd(
        channel->ares, readable_fd < 0 ? ARES_SOCKET_BAD : readable_fd, writable_fd < 0 ? ARES_SOCKET_BAD : writable_fd);
}

long ccares_wait_ms(ccares_channel *channel) {
    struct timeval wait;
    if (!ares_timeout(channel->ares, 0, &wait)) return -1;
    // Rounded up: c-ares does nothing when called a moment early.
    return wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1;
}
