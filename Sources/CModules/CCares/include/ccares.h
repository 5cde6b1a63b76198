// c-ares as the DNS folder needs it, without one libc type in sight: a header that includes libc's would make this
// module the owner of `timeval`, `sockaddr` and others in the eyes of Swift's member import visibility.
#ifndef SLUICE_CCARES_H
#define SLUICE_CCARES_H

typedef struct ccares_channel ccares_channel;

typedef struct {
    int use_tcp;
    int no_search;
    /// 0 = no EDNS0 record.
    int edns_bytes;
    int timeout_ms;
    int tries;
    int rotate;
    /// Path of resolv.conf.
    const char *resolv_conf;
    /// "address:port,…", or 0 for those of resolv.conf.
    const char *servers;
    /// Use `servers` only when resolv.conf names none.
    int servers_are_fallback;
} ccares_settings;

/// An address as the network has it: 4 or 16 bytes, the scope of a link-local IPv6 address.
typedef struct {
    int is_v6;
    unsigned char bytes[16];
    unsigned int scope;
    /// The least of the address's own time to live and of those of the aliases that led to it.
    int ttl;
} ccares_address;

enum {
    CCARES_ANSWERED = 0,
    /// No such name, or no address of the family.
    CCARES_NO_RECORDS = 1,
    CCARES_TIMED_OUT = 2,
    CCARES_FAILED = 3,
    /// The channel was closed.
    CCARES_CLOSED = 4
};

/// The socket is to be watched for these; neither means that it is about to be closed.
typedef void (*ccares_socket_callback)(void *context, int fd, int readable, int writable);

/// How a lookup ended. `text` says why it failed. Addresses live as long as the call.
typedef void (*ccares_answer_callback)(
    void *context, int kind, const char *text, int timeouts, const ccares_address *addresses, int count);

/// 0 when c-ares refuses the settings.
ccares_channel *ccares_open(const ccares_settings *settings, ccares_socket_callback callback, void *context);

/// Ends open lookups with CCARES_CLOSED.
void ccares_close(ccares_channel *channel);

/// Asks for one family; the callback comes exactly once, maybe within the call.
void ccares_lookup(
    ccares_channel *channel, const char *name, int wants_v6, ccares_answer_callback callback, void *context);

/// Handles what is readable and writable; -1 for neither. Also looks after time-outs.
void ccares_process(ccares_channel *channel, int readable_fd, int writable_fd);

/// Milliseconds until `ccares_process` is due for a time-out, -1 = never.
long ccares_wait_ms(ccares_channel *channel);

#endif
