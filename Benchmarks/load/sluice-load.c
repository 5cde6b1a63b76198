// sluice-load: the origin and the load of the benchmarks, cheap enough to share one core and strict about every byte.
//
//   sluice-load origin  --port 0 --reply 64
//   sluice-load rr      --port P --reply 64 --connections 64 --seconds 3 --warmup 0.5 --watch PID[,PID]
//   sluice-load connect --port P --reply 64 --connections 16 --seconds 3 …      (one connection per request)
//   sluice-load idle    --port P --reply 64 --connections 5000                   (holds the pairs until standard input ends)
//   sluice-load start   --port P --timeout 10 --core 0 -- PROGRAM ARG…          (spawn to first accept and first reply)
//
// The exchange: a request is 64 bytes, a reply is `--reply` bytes. Both begin with 16 bytes that name the connection and
// the request's number on it; the rest is a fixed pattern that differs at each offset. The origin checks the request and
// echoes its name; the load checks the reply to the last byte. Any difference, early close or surplus byte is an error,
// and the caller fails the row. The load is a closed loop: one request outstanding per connection.
//
// The measured window starts after the warm-up and lasts until `--seconds` have passed in slices of 100 ms in which the
// hypervisor stole nothing, or three times as long. The CPU time of the watched processes (all threads, nanoseconds,
// /proc/PID/task/*/schedstat) is read at the edges by this program, so that it covers exactly the counted requests. Then
// outstanding replies are awaited, connections close, and one JSON object goes to standard output.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { requestBytes = 64, nameBytes = 16, maxEvents = 256, readBytes = 256 * 1024, maxWatched = 16 };

static size_t replyBytes = 64;
static uint8_t *requestPattern, *replyPattern, *scratch;
static volatile sig_atomic_t stopping;

static void die(const char *what) {
    fprintf(stderr, "sluice-load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t nowNS(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// xorshift64*: the same bytes on every machine and in every run.
static uint8_t *makePattern(size_t count, uint64_t seed) {
    uint8_t *bytes = malloc(count + 8);
    if (!bytes) die("malloc");
    for (size_t i = 0; i < count; i += 8) {
        seed ^= seed >> 12; seed ^= seed << 25; seed ^= seed >> 27;
        uint64_t word = seed * 0x2545F4914F6CDD1DULL;
        memcpy(bytes + i, &word, 8);
    }
    return bytes;
}

static void onSignal(int signal) { (void)signal; stopping = 1; }

static void noDelay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// MARK: origin

struct Served {
    int fd, writing;
    size_t have, sent;
    uint64_t next, total;
    uint8_t request[requestBytes], name[nameBytes];
};

// Sends what is left of the reply. Returns 1 when the reply is out, 0 when the socket is full, -1 when it broke.
static int sendReply(struct Served *c) {
    while (c->sent < replyBytes) {
        struct iovec parts[2];
        int count = 0;
        if (c->sent < nameBytes) parts[count++] = (struct iovec){c->name + c->sent, nameBytes - c->sent};
        size_t at = c->sent < nameBytes ? nameBytes : c->sent;
        if (at < replyBytes) parts[count++] = (struct iovec){replyPattern + at, replyBytes - at};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        c->sent += (size_t)n;
    }
    return 1;
}

static int runOrigin(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 8192)) die("listen");
    socklen_t length = sizeof address;
    getsockname(listener, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[maxEvents];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    uint64_t connections = 0, requests = 0, errors = 0, aborted = 0;
    while (!stopping) {
        int ready = epoll_wait(poll, events, maxEvents, 1000);
        for (int i = 0; i < ready; i++) {
            struct Served *c = events[i].data.ptr;
            if (!c) {
                for (int burst = 0; burst < 64; burst++) {
                    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                    if (fd < 0) break;
                    noDelay(fd);
                    connections++;
                    c = calloc(1, sizeof *c);
                    if (!c) die("calloc");
                    c->fd = fd;
                    event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                }
                continue;
            }
            int close_ = 0;
            if (!c->writing) {
                // One request is outstanding at a time, so a read never needs to hold more than one.
                ssize_t n = recv(c->fd, c->request + c->have, requestBytes - c->have, 0);
                if (n < 0 && errno == EAGAIN) continue;
                if (n <= 0) {
                    if (n < 0) aborted++;
                    if (c->have) errors++;
                    close_ = 1;
                } else {
                    c->have += (size_t)n;
                    if (c->have < requestBytes) continue;
                    uint64_t number;
                    memcpy(&number, c->request + 8, 8);
                    if (number != c->next++ ||
                        memcmp(c->request + nameBytes, requestPattern + nameBytes, requestBytes - nameBytes)) {
                        errors++;
                        close_ = 1;
                    } else {
                        requests++;
                        memcpy(c->name, c->request, nameBytes);
                        c->have = c->sent = 0;
                        int done = sendReply(c);
                        if (done < 0) { aborted++; close_ = 1; }
                        if (done == 0) {
                            c->writing = 1;
                            event = (struct epoll_event){.events = EPOLLOUT, .data.ptr = c};
                            epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &event);
                        }
                    }
                }
            } else {
                int done = sendReply(c);
                if (done < 0) { aborted++; close_ = 1; }
                if (done == 1) {
                    c->writing = 0;
                    event = (struct epoll_event){.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(poll, EPOLL_CTL_MOD, c->fd, &event);
                }
            }
            if (close_) { close(c->fd); free(c); }
        }
    }
    printf("{\"connections\": %lu, \"requests\": %lu, \"errors\": %lu, \"aborted\": %lu}\n", connections, requests, errors, aborted);
    return 0;
}

// MARK: load

struct Client {
    int fd, connected, settled;
    size_t received, sent;
    uint64_t id, number;
    int64_t startedNS;
    uint8_t request[requestBytes];
};

static int watched[maxWatched], watchedCount;

static int64_t cpuNS(void) {
    int64_t sum = 0;
    for (int w = 0; w < watchedCount; w++) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%d/task", watched[w]);
        DIR *tasks = opendir(path);
        if (!tasks) continue;
        struct dirent *entry;
        while ((entry = readdir(tasks))) {
            if (entry->d_name[0] == '.') continue;
            snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", watched[w], entry->d_name);
            FILE *file = fopen(path, "r");
            if (!file) continue;
            long long ran = 0;
            if (fscanf(file, "%lld", &ran) == 1) sum += ran;
            fclose(file);
        }
        closedir(tasks);
    }
    return sum;
}

// Ticks that the hypervisor gave to other machines while ours wanted to run. The scheduler charges them to whoever ran.
static int64_t stolenTicks(void) {
    long long user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, stolen = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (!file) return 0;
    if (fscanf(file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle, &wait, &irq, &softirq,
               &stolen) != 8) stolen = 0;
    fclose(file);
    return stolen;
}

// The window is cut into slices; those in which nothing was stolen count.
static const int64_t sliceNS = 100 * 1000 * 1000;
static struct Slice { int64_t atNS, cpuNS, stolen; uint64_t requests; } sliceStart;
static struct { int64_t ns, cpuNS; uint64_t requests; } quiet;

static void beginSlice(int64_t now, uint64_t requests) {
    sliceStart = (struct Slice){.atNS = now, .cpuNS = cpuNS(), .stolen = stolenTicks(), .requests = requests};
}

static void endSlice(int64_t now, uint64_t requests) {
    struct Slice before = sliceStart;
    beginSlice(now, requests);
    if (sliceStart.stolen != before.stolen) return;
    quiet.ns += now - before.atNS;
    quiet.cpuNS += sliceStart.cpuNS - before.cpuNS;
    quiet.requests += requests - before.requests;
}

// Latencies in a log-linear histogram: 32 steps per power of two of nanoseconds, about 3 % wide.
static uint64_t latencies[64 * 32];
static void recordLatency(int64_t ns) {
    if (ns < 32) ns = 32;
    int power = 63 - __builtin_clzll((uint64_t)ns);
    latencies[power * 32 + (int)((ns >> (power - 5)) & 31)]++;
}
static double latencyUS(double fraction) {
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < 64 * 32; i++) total += latencies[i];
    for (int i = 0; i < 64 * 32; i++) {
        seen += latencies[i];
        if (seen && (double)seen >= fraction * (double)total) return (double)((32LL + i % 32) << (i / 32)) / 32 / 1000;
    }
    return 0;
}

static struct sockaddr_in target;
static int pollFD;
static uint64_t errorCount, openedCount;
static char firstError[200];

static void fail(const char *what, int code) {
    if (!errorCount++) snprintf(firstError, sizeof firstError, "%s: %s", what, code ? strerror(code) : "unexpected");
}

static int openClient(struct Client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) { fail("socket", errno); return -1; }
    noDelay(c->fd);
    c->connected = 0; c->received = 0; c->sent = 0; c->number = 0;
    c->startedNS = nowNS();
    if (connect(c->fd, (void *)&target, sizeof target) && errno != EINPROGRESS) {
        fail("connect", errno);
        close(c->fd);
        return -1;
    }
    openedCount++;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(pollFD, EPOLL_CTL_ADD, c->fd, &event);
    return 0;
}

static int sendRequest(struct Client *c) {
    memcpy(c->request, &c->id, 8);
    memcpy(c->request + 8, &c->number, 8);
    ssize_t n = send(c->fd, c->request, requestBytes, MSG_NOSIGNAL);
    // 64 bytes into an empty send buffer always fit; anything else is a fault worth stopping for.
    if (n != requestBytes) { fail("send", n < 0 ? errno : 0); return -1; }
    c->sent = requestBytes;
    c->received = 0;
    return 0;
}

// Checks bytes against the reply expected next. Returns 0 when they fit.
static int checkReply(struct Client *c, const uint8_t *bytes, size_t count) {
    if (c->received + count > replyBytes) return -1;
    size_t at = c->received;
    if (at < nameBytes) {
        size_t part = nameBytes - at < count ? nameBytes - at : count;
        if (memcmp(bytes, c->request + at, part)) return -1;
        bytes += part; count -= part; at += part;
    }
    if (count && memcmp(bytes, replyPattern + at, count)) return -1;
    c->received = at + count;
    return 0;
}

struct Options {
    int port, connections, core, timeoutS;
    double seconds, warmup;
};

static int runLoad(struct Options options, int perRequest, int idle) {
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pollFD = epoll_create1(EPOLL_CLOEXEC);
    struct Client *clients = calloc((size_t)options.connections, sizeof *clients);
    if (!clients) die("calloc");
    struct epoll_event events[maxEvents];
    int live = 0, opened = 0, settled = 0;

    int64_t began = nowNS(), windowStart = 0, windowEnd = 0, cpuAtStart = 0, cpuAtEnd = 0;
    int64_t warmupNS = (int64_t)(options.warmup * 1e9), secondsNS = (int64_t)(options.seconds * 1e9);
    uint64_t requests = 0, counted = 0, requestsAtStart = 0;
    int draining = 0;
    int64_t drainBy = 0, giveUp = began + warmupNS + 3 * secondsNS + (int64_t)60e9;
    while (errorCount == 0) {
        // Connections are opened a few at a time, so that no backlog overflows and the first requests are spread.
        while (opened < options.connections && opened - settled < 256 && !draining) {
            struct Client *c = &clients[opened];
            c->id = (uint64_t)opened + 1;
            memcpy(c->request + nameBytes, requestPattern + nameBytes, requestBytes - nameBytes);
            if (openClient(c)) break;
            opened++; live++;
        }
        if (errorCount) break;
        int64_t now = nowNS();
        if (!idle) {
            if (!windowStart && now - began >= warmupNS && opened == options.connections) {
                windowStart = now;
                cpuAtStart = cpuNS();
                requestsAtStart = requests;
                beginSlice(now, requests);
                memset(latencies, 0, sizeof latencies);
            }
            if (windowStart && !draining && now - sliceStart.atNS >= sliceNS) endSlice(now, requests);
            // Quiet time is what was asked for; on a machine that is never quiet the window ends all the same.
            if (windowStart && !draining && (quiet.ns >= secondsNS || now - windowStart >= 3 * secondsNS)) {
                cpuAtEnd = cpuNS();
                windowEnd = now;
                counted = requests - requestsAtStart;
                draining = 1;
                drainBy = now + (int64_t)10e9;
            }
            if (draining && live == 0) break;
            if (draining && now > drainBy) { fail("a reply did not arrive within 10 s of the end", 0); break; }
        } else if (settled == options.connections) break;
        if (now > giveUp) { fail("the row did not finish in time", 0); break; }
        int ready = epoll_wait(pollFD, events, maxEvents, 100);
        for (int i = 0; i < ready && errorCount == 0; i++) {
            struct Client *c = events[i].data.ptr;
            if (!c->connected) {
                int code = 0;
                socklen_t length = sizeof code;
                getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &length);
                if (code) { fail("connect", code); break; }
                c->connected = 1;
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(pollFD, EPOLL_CTL_MOD, c->fd, &event);
                if (!perRequest) c->startedNS = nowNS();
                if (sendRequest(c)) break;
                continue;
            }
            ssize_t n = recv(c->fd, scratch, readBytes, 0);
            if (n < 0 && errno == EAGAIN) continue;
            if (n <= 0) { fail(n < 0 ? "recv" : "the proxy closed before the reply was whole", n < 0 ? errno : 0); break; }
            if (checkReply(c, scratch, (size_t)n)) { fail("a reply has wrong bytes", 0); break; }
            if (c->received < replyBytes) continue;
            requests++;
            c->number++;
            int64_t done = nowNS();
            recordLatency(done - c->startedNS);
            c->startedNS = done;
            if (!c->settled) { c->settled = 1; settled++; }
            if (idle) continue;
            if (perRequest || draining) {
                close(c->fd);
                c->fd = -1;
                live--;
                if (!draining) { if (openClient(c)) break; live++; }
            } else if (sendRequest(c)) break;
        }
    }
    if (idle) {
        // The caller reads the proxy's memory while the pairs stand, then closes our standard input.
        printf("{\"held\": %d, \"errors\": %lu, \"error\": \"%s\"}\n", settled, errorCount, firstError);
        fflush(stdout);
        char byte;
        while (errorCount == 0 && read(0, &byte, 1) > 0) {}
        return errorCount ? 1 : 0;
    }
    if (!windowEnd) { windowEnd = nowNS(); cpuAtEnd = cpuNS(); counted = requests - requestsAtStart; }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(windowEnd - windowStart) / 1e9;
    printf("{\"requests\": %lu, \"seconds\": %.6f, \"cpu_ns\": %ld, \"quiet_requests\": %lu, \"quiet_seconds\": %.6f, "
           "\"quiet_cpu_ns\": %ld, \"opened\": %lu, \"errors\": %lu, \"error\": \"%s\", "
           "\"reply_bytes\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"total_requests\": %lu}\n",
           counted, seconds, cpuAtEnd - cpuAtStart, quiet.requests, (double)quiet.ns / 1e9, quiet.cpuNS, openedCount,
           errorCount, firstError, replyBytes, latencyUS(0.5), latencyUS(0.99), requests);
    return errorCount ? 1 : 0;
}

// MARK: start

static int runStart(struct Options options, char **command) {
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int64_t began = nowNS();
    pid_t child = vfork();
    if (child < 0) die("vfork");
    if (child == 0) {
        if (options.core >= 0) {
            cpu_set_t set;
            CPU_ZERO(&set);
            CPU_SET(options.core, &set);
            sched_setaffinity(0, sizeof set, &set);
        }
        dup2(2, 1);
        execvp(command[0], command);
        _exit(127);
    }
    double acceptMS = -1, replyMS = -1;
    while (nowNS() - began < (int64_t)options.timeoutS * 1000000000) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (void *)&target, sizeof target) == 0) {
            if (acceptMS < 0) acceptMS = (double)(nowNS() - began) / 1e6;
            struct timeval patience = {2, 0};
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            uint8_t request[requestBytes] = {0}, reply[requestBytes];
            memcpy(request + nameBytes, requestPattern + nameBytes, requestBytes - nameBytes);
            if (send(fd, request, sizeof request, MSG_NOSIGNAL) == sizeof request &&
                recv(fd, reply, sizeof reply, MSG_WAITALL) == sizeof reply) {
                replyMS = (double)(nowNS() - began) / 1e6;
                close(fd);
                break;
            }
        }
        close(fd);
        int status;
        if (waitpid(child, &status, WNOHANG) == child) { fprintf(stderr, "sluice-load: %s ended\n", command[0]); return 1; }
        struct timespec nap = {0, 200000};
        nanosleep(&nap, NULL);
    }
    printf("{\"pid\": %d, \"accept_ms\": %.2f, \"reply_ms\": %.2f}\n", child, acceptMS, replyMS);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0) {}
    // An orderly end first: nginx would leave its worker behind. Twice, for a proxy that drains on the first.
    for (int turn = 0; turn < 40; turn++) {
        if (turn % 10 == 0) kill(child, turn < 30 ? SIGTERM : SIGKILL);
        if (waitpid(child, NULL, WNOHANG) == child) break;
        struct timespec nap = {0, 50000000};
        nanosleep(&nap, NULL);
    }
    return replyMS < 0;
}

int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: sluice-load origin|rr|connect|idle|start OPTIONS\n"); return 2; }
    const char *mode = argv[1];
    struct Options options = {.connections = 64, .seconds = 3, .warmup = 0.5, .core = -1, .timeoutS = 10};
    int i = 2;
    for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--port")) options.port = atoi(value);
        else if (!strcmp(name, "--reply")) replyBytes = (size_t)atol(value);
        else if (!strcmp(name, "--connections")) options.connections = atoi(value);
        else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
        else if (!strcmp(name, "--warmup")) options.warmup = atof(value);
        else if (!strcmp(name, "--core")) options.core = atoi(value);
        else if (!strcmp(name, "--timeout")) options.timeoutS = atoi(value);
        else if (!strcmp(name, "--watch")) {
            char *list = strdup(value), *rest = list, *item;
            while ((item = strsep(&rest, ",")) && watchedCount < maxWatched) watched[watchedCount++] = atoi(item);
            free(list);
        } else { fprintf(stderr, "sluice-load: unknown option %s\n", name); return 2; }
    }
    if (replyBytes < nameBytes) { fprintf(stderr, "sluice-load: --reply is at least %d\n", nameBytes); return 2; }
    requestPattern = makePattern(requestBytes, 0x9E3779B97F4A7C15ULL);
    replyPattern = makePattern(replyBytes, 0xD1B54A32D192ED03ULL);
    scratch = malloc(readBytes);
    struct sigaction action = {.sa_handler = onSignal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (!strcmp(mode, "origin")) return runOrigin(options.port);
    if (!strcmp(mode, "rr")) return runLoad(options, 0, 0);
    if (!strcmp(mode, "connect")) return runLoad(options, 1, 0);
    if (!strcmp(mode, "idle")) return runLoad(options, 0, 1);
    if (!strcmp(mode, "start") && i + 1 < argc) return runStart(options, argv + i + 1);
    fprintf(stderr, "sluice-load: unknown mode %s\n", mode);
    return 2;
}
