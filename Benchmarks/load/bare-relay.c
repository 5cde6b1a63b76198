// bare-relay: the least a relay can do on this machine, as the floor under the other rows. No limits, no logs, no
// counters, no timeouts: never a proxy for anything but this benchmark.
//
//   bare-relay --listen PORT --connect PORT [--window BYTES] [--splice PIPE_BYTES] [--lowat BYTES --reply BYTES] [--drain 1]
//
// One thread, one level-triggered epoll. A readable side is read once into the window that all connections share and
// written to its peer at once; what the peer does not take is kept, and reading that side pauses until it is gone.
// --splice N    moves bytes through a pipe of N bytes for each direction instead.
// --lowat N    sets SO_RCVLOWAT on upstream sockets to N, or to what is left of a reply of --reply bytes when that is
//              less: a real relay cannot know the latter, so this only shows what waiting for more could save.
// --drain 1    reads again while reads fill the window (bounded by 4), instead of once per readiness.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct Side {
    int fd, closed, sawEnd, sentEnd, upstream, mark;
    uint32_t interest;
    struct Side *peer;
    uint8_t *pending;  // Bytes read from this side that the peer has not taken yet.
    size_t pendingAt, pendingCount, piped, passed;
    int pipe[2];
};

static int poll;
static size_t windowBytes = 1 << 20;
static uint8_t *window;
static int useSplice, drain;
static size_t lowat, replyBytes;
static struct Side *graveyard[4096];
static int graveCount;

static void want(struct Side *s, uint32_t interest) {
    if (s->interest == interest) return;
    s->interest = interest;
    struct epoll_event event = {.events = interest, .data.ptr = s};
    epoll_ctl(poll, EPOLL_CTL_MOD, s->fd, &event);
}

static void closePair(struct Side *s) {
    struct Side *sides[2] = {s, s->peer};
    for (int i = 0; i < 2; i++) {
        if (sides[i]->closed) continue;
        sides[i]->closed = 1;
        close(sides[i]->fd);
        if (useSplice) { close(sides[i]->pipe[0]); close(sides[i]->pipe[1]); }
        graveyard[graveCount++] = sides[i];
    }
}

static void update(struct Side *s) {
    uint32_t interest = 0;
    if (!s->sawEnd && !s->pendingCount && !s->piped) interest |= EPOLLIN;
    if (s->peer->pendingCount || s->peer->piped) interest |= EPOLLOUT;
    want(s, interest);
}

static void finish(struct Side *s) {
    if (s->sawEnd && !s->pendingCount && !s->piped && !s->sentEnd) {
        s->sentEnd = 1;
        shutdown(s->peer->fd, SHUT_WR);
        if (s->peer->sentEnd) { closePair(s); return; }
    }
    update(s);
    update(s->peer);
}

static void flush(struct Side *s) {
    while (s->piped) {
        ssize_t n = splice(s->pipe[0], NULL, s->peer->fd, NULL, s->piped, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n < 0) { if (errno != EAGAIN) { closePair(s); return; } break; }
        s->piped -= (size_t)n;
    }
    if (s->pendingCount) {
        ssize_t n = send(s->peer->fd, s->pending + s->pendingAt, s->pendingCount, MSG_NOSIGNAL);
        if (n < 0) { if (errno != EAGAIN) closePair(s); return; }
        s->pendingAt += (size_t)n;
        s->pendingCount -= (size_t)n;
        if (!s->pendingCount) { free(s->pending); s->pending = NULL; }
    }
    finish(s);
}

static void readable(struct Side *s) {
    if (useSplice) {
        ssize_t n = splice(s->fd, NULL, s->pipe[1], NULL, (size_t)useSplice, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (n < 0) { if (errno != EAGAIN) closePair(s); return; }
        if (n == 0) s->sawEnd = 1;
        s->piped += (size_t)n;
        flush(s);
        return;
    }
    for (int turn = 0; turn < (drain ? 4 : 1); turn++) {
        ssize_t n = recv(s->fd, window, windowBytes, 0);
        if (n < 0) { if (errno != EAGAIN) closePair(s); return; }
        if (n == 0) { s->sawEnd = 1; finish(s); return; }
        if (lowat && s->upstream) {
            s->passed = (s->passed + (size_t)n) % replyBytes;
            size_t left = replyBytes - s->passed;
            int mark = (int)(left < lowat ? left : lowat);
            if (mark != s->mark) setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
            s->mark = mark;
        }
        ssize_t sent = send(s->peer->fd, window, (size_t)n, MSG_NOSIGNAL);
        if (sent < 0) { if (errno != EAGAIN) { closePair(s); return; } sent = 0; }
        if (sent < n) {
            s->pendingCount = (size_t)(n - sent);
            s->pendingAt = 0;
            s->pending = malloc(s->pendingCount);
            if (!s->pending) { closePair(s); return; }
            memcpy(s->pending, window + sent, s->pendingCount);
            update(s);
            update(s->peer);
            return;
        }
        if ((size_t)n < windowBytes) return;
    }
}

static int openSide(struct Side **out, int fd) {
    struct Side *s = calloc(1, sizeof *s);
    if (!s) return -1;
    s->fd = fd;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (useSplice) {
        if (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC)) return -1;
        fcntl(s->pipe[0], F_SETPIPE_SZ, useSplice);
    }
    *out = s;
    return 0;
}

int main(int argc, char **argv) {
    int listenPort = 0, connectPort = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--listen")) listenPort = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--connect")) connectPort = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--window")) windowBytes = (size_t)atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--splice")) useSplice = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--lowat")) lowat = (size_t)atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--reply")) replyBytes = (size_t)atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--drain")) drain = atoi(argv[i + 1]);
        else { fprintf(stderr, "bare-relay: unknown option %s\n", argv[i]); return 2; }
    }
    if (lowat && !replyBytes) { fprintf(stderr, "bare-relay: --lowat needs --reply\n"); return 2; }
    window = malloc(windowBytes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)listenPort)};
    struct sockaddr_in upstream = {.sin_family = AF_INET, .sin_port = htons((uint16_t)connectPort)};
    address.sin_addr.s_addr = upstream.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) { perror("bare-relay: listen"); return 1; }
    poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct Side *s = events[i].data.ptr;
            if (s) {
                if (s->closed) continue;
                if (events[i].events & EPOLLOUT) flush(s->peer);
                if (!s->closed && (events[i].events & EPOLLIN)) readable(s);
                if (!s->closed && (events[i].events & (EPOLLHUP | EPOLLERR)) && !(events[i].events & EPOLLIN)) closePair(s);
                continue;
            }
            for (int burst = 0; burst < 16; burst++) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (fd < 0) break;
                int up = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                struct Side *a, *b;
                if (up < 0 || (connect(up, (void *)&upstream, sizeof upstream) && errno != EINPROGRESS)
                    || openSide(&a, fd) || openSide(&b, up)) { close(fd); if (up >= 0) close(up); continue; }
                b->upstream = 1;
                a->peer = b;
                b->peer = a;
                // A connect over loopback completes at once; a send before that gives EAGAIN and is kept as pending.
                event = (struct epoll_event){.events = a->interest = EPOLLIN, .data.ptr = a};
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                event = (struct epoll_event){.events = b->interest = EPOLLIN, .data.ptr = b};
                epoll_ctl(poll, EPOLL_CTL_ADD, up, &event);
            }
        }
        for (int i = 0; i < graveCount; i++) { free(graveyard[i]->pending); free(graveyard[i]); }
        graveCount = 0;
    }
}
