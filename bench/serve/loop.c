/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.c - see loop.h. A turn: wait, serve each event, end what took too long, free the dead. Nothing in a turn waits, and
 * each event does a bounded amount: one receive, at most the requests in one connection's buffer, at most 64 replies.
 */
#include "loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, BACKLOG_SWEEPS = SOMAXCONN / BATCH };

#define LINGER PAWL_S(1)
#define ACCEPT_PAUSE PAWL_MS(50)

static struct conn_list *list_of(struct loop *loop, const struct conn *conn)
{
  switch (conn->phase) {
  case CONN_READING:
  case CONN_WRITING:
    return &loop->clients;
  case CONN_LINGERING:
    return &loop->lingering;
  default:
    return NULL;
  }
}

/* Moves a connection into a phase, and gives it that phase's time from now. */
static void enter(struct loop *loop, struct conn *conn, enum conn_phase phase)
{
  struct conn_list *from = list_of(loop, conn);
  if (from)
    conn_list_remove(from, conn);
  conn->phase = phase;
  struct conn_list *to = list_of(loop, conn);
  if (to)
    conn_list_push(to, conn, pawl_after(phase == CONN_LINGERING ? LINGER : loop->patience));
}

static void bury(struct loop *loop, struct conn *conn)
{
  enter(loop, conn, CONN_CLOSED);
  conn->next = loop->dead;
  loop->dead = conn;
}

/* Closes the socket, for whatever reason, and settles what the client was owed. */
static void hang_up(struct loop *loop, struct conn *conn)
{
  bool midway = conn->owed || conn->phase == CONN_WRITING || (conn->phase == CONN_READING && conn->in_size > 0);
  loop->counters.lost += conn->owed;
  loop->counters.dropped += midway;
  conn->owed = false;
  close(conn->fd);
  conn->fd = -1;
  if (conn->phase != CONN_WORKING)
    bury(loop, conn);
}

/* Tells epoll what the phase waits for. Replies that are sent at once leave it as it is: no system call per request. */
static void watch(struct loop *loop, struct conn *conn)
{
  bool room = conn->phase == CONN_LINGERING || conn->in_size < sizeof conn->in;
  uint32_t wanted = conn->phase == CONN_WRITING ? EPOLLOUT : room && !conn->eof ? EPOLLIN : 0;
  struct epoll_event event = {.events = wanted, .data.ptr = conn};
  if (conn->fd < 0 || wanted == conn->watched)
    return;
  conn->watched = wanted;
  if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, conn->fd, &event) != 0)
    hang_up(loop, conn);
}

static void reply_ourselves(struct loop *loop, struct conn *conn, int status, bool head_only)
{
  conn_answer(conn, status, head_only);
  conn->sent = 0;
  enter(loop, conn, CONN_WRITING);
}

/* Hands a request to the workers, or sheds it. After a successful put the exchange is not ours to look at. */
static void accept_request(struct loop *loop, struct conn *conn)
{
  struct http_request *request = &conn->exchange.request;
  bool head_only = request->head_only;
  if (loop->draining)
    request->keep_alive = false;
  conn->keep_alive = request->keep_alive;
  conn->owed = true;
  loop->counters.requests++;
  if (exchanges_put(loop->requests, &conn->exchange, PAWL_NOWAIT) == 0) {
    conn->tally = &loop->counters.answered;
    loop->in_flight++;
    enter(loop, conn, CONN_WORKING);
  } else { /* PAWL_FULL, or no memory, which is no better */
    conn->tally = &loop->counters.shed;
    reply_ourselves(loop, conn, 503, head_only);
  }
}

/* READING. Returns whether the phase has changed, here and below. */
static bool read_request(struct loop *loop, struct conn *conn)
{
  int status = conn_parse(conn);
  if (status == 200) {
    accept_request(loop, conn);
  } else if (status != 0) {
    conn->keep_alive = false;
    conn->tally = &loop->counters.rejected;
    reply_ourselves(loop, conn, status, false);
  } else if (conn->eof) {
    hang_up(loop, conn);
  }
  return conn->phase != CONN_READING;
}

/* WRITING */
static bool write_reply(struct loop *loop, struct conn *conn)
{
  int sent = conn_send(conn);
  if (sent == 0)
    return false;
  if (sent < 0) {
    hang_up(loop, conn);
    return true;
  }
  ++*conn->tally;
  conn->owed = false;
  if (conn->keep_alive && !loop->draining) {
    enter(loop, conn, CONN_READING);
    return true;
  }
  enter(loop, conn, CONN_LINGERING);
  conn_finish(conn);
  if (conn->eof)
    hang_up(loop, conn);
  return true;
}

/* Carries a connection on until it needs the client or a worker. */
static void proceed(struct loop *loop, struct conn *conn)
{
  bool moved = true;
  while (moved) {
    if (conn->phase == CONN_READING)
      moved = read_request(loop, conn);
    else
      moved = conn->phase == CONN_WRITING && write_reply(loop, conn);
  }
  watch(loop, conn);
}

static void receive(struct loop *loop, struct conn *conn)
{
  bool idle = conn->phase == CONN_READING && conn->in_size == 0;
  bool broken = conn->phase == CONN_LINGERING ? conn_swallow(conn) != 0 : conn_receive(conn) < 0;
  if (broken) {
    hang_up(loop, conn);
    return;
  }
  if (idle && conn->in_size > 0) /* a request begins, and with it its time; later bytes do not prolong it */
    enter(loop, conn, CONN_READING);
}

static void serve_client(struct loop *loop, struct conn *conn, uint32_t events)
{
  if (conn->fd < 0) /* closed earlier in this turn */
    return;
  if (events & (EPOLLERR | EPOLLHUP)) {
    hang_up(loop, conn);
    return;
  }
  if (events & EPOLLIN)
    receive(loop, conn);
  if (conn->fd >= 0)
    proceed(loop, conn);
}

static void take_reply(struct loop *loop, struct conn *conn)
{
  loop->in_flight--;
  if (conn->fd < 0) {
    bury(loop, conn);
    return;
  }
  conn->sent = 0;
  enter(loop, conn, CONN_WRITING);
  proceed(loop, conn);
}

/* One batch, then the sockets have their turn: armed again, the descriptor is readable at once if replies are left. */
static void take_replies(struct loop *loop)
{
  struct exchange *exchange;
  for (int i = 0; i < BATCH && exchanges_get(loop->replies, &exchange, PAWL_NOWAIT) == 0; i++)
    take_reply(loop, conn_of(exchange));
  if (pawl_queue_arm(loop->replies) != 0)
    abort(); /* only a queue without a descriptor refuses, and loop_open has made it */
}

static void add_client(struct loop *loop, int fd)
{
  int one = 1;
  struct conn *conn = calloc(1, sizeof *conn);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
  if (!conn || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    free(conn);
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* without it a reply waits for the client's ACK of the last */
  conn->fd = fd;
  conn->watched = EPOLLIN;
  conn_list_push(&loop->clients, conn, pawl_after(loop->patience));
  loop->counters.connections++;
}

static void watch_listener(struct loop *loop, uint32_t events)
{
  struct epoll_event event = {.events = events, .data.ptr = &loop->listener};
  epoll_ctl(loop->epoll, EPOLL_CTL_MOD, loop->listener, &event);
}

/* Accepts a batch. Returns whether there may be more. */
static bool accept_clients(struct loop *loop)
{
  for (int i = 0; i < BATCH; i++) {
    int fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      add_client(loop, fd);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return false;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      watch_listener(loop, 0); /* level-triggered: it would be reported without end */
      loop->accept_again = pawl_after(ACCEPT_PAUSE);
      return false;
    } /* else this one client failed before it was accepted: accept(2) lists the errors of the network */
  }
  return true;
}

/* A last look at every client that has not been heard: its request, if it is complete, is accepted; then it must go. */
static void hear_out(struct loop *loop)
{
  for (struct conn *conn = loop->clients.first, *next; conn; conn = next) {
    next = conn->next;
    if (conn->phase != CONN_READING)
      continue;
    receive(loop, conn);
    if (conn->fd >= 0)
      proceed(loop, conn);
    if (conn->phase == CONN_READING)
      hang_up(loop, conn);
  }
}

/* Who has connected before now is accepted and heard; after that no request can come, and the workers may run dry. */
static void drain(struct loop *loop)
{
  for (int i = 0; i < BACKLOG_SWEEPS && accept_clients(loop); i++)
    ;
  close(loop->listener);
  loop->listener = -1;
  loop->accept_again = 0;
  loop->draining = true;
  hear_out(loop);
  pawl_queue_shutdown(loop->requests, false);
}

static void hang_up_all(struct loop *loop, struct conn_list *list, pawl_time until)
{
  while (list->first && list->first->deadline <= until)
    hang_up(loop, list->first);
}

static void take_signal(struct loop *loop)
{
  struct signalfd_siginfo info;
  if (read(loop->signals, &info, sizeof info) != sizeof info)
    return;
  if (!loop->draining) {
    drain(loop);
  } else {
    hang_up_all(loop, &loop->clients, PAWL_FOREVER);
    hang_up_all(loop, &loop->lingering, PAWL_FOREVER);
  }
}

static void dispatch(struct loop *loop, const struct epoll_event *event)
{
  void *source = event->data.ptr;
  if (source == &loop->replies_fd)
    take_replies(loop);
  else if (source == &loop->signals)
    take_signal(loop);
  else if (source != &loop->listener)
    serve_client(loop, source, event->events);
  else if (loop->listener >= 0)
    accept_clients(loop);
}

static void expire(struct loop *loop)
{
  pawl_time now = pawl_now();
  hang_up_all(loop, &loop->clients, now);
  hang_up_all(loop, &loop->lingering, now);
  if (loop->accept_again && loop->accept_again <= now) {
    loop->accept_again = 0;
    watch_listener(loop, EPOLLIN);
  }
}

static void free_dead(struct loop *loop)
{
  while (loop->dead) {
    struct conn *conn = loop->dead;
    loop->dead = conn->next;
    free(conn);
  }
}

/* Milliseconds until the first deadline, rounded up; -1: there is none. */
static int time_left(const struct loop *loop)
{
  pawl_time first = loop->accept_again ? loop->accept_again : PAWL_FOREVER;
  if (loop->clients.first && loop->clients.first->deadline < first)
    first = loop->clients.first->deadline;
  if (loop->lingering.first && loop->lingering.first->deadline < first)
    first = loop->lingering.first->deadline;
  if (first == PAWL_FOREVER)
    return -1;
  int64_t left = first - pawl_now();
  return left <= 0 ? 0 : (int)(left / 1000000 < 60000 ? left / 1000000 + 1 : 60000);
}

static bool is_done(const struct loop *loop)
{
  return loop->draining && !loop->in_flight && !loop->clients.first && !loop->lingering.first;
}

void loop_run(struct loop *loop)
{
  struct epoll_event events[BATCH];
  while (!is_done(loop)) {
    int n = epoll_wait(loop->epoll, events, BATCH, time_left(loop));
    for (int i = 0; i < n; i++)
      dispatch(loop, &events[i]);
    expire(loop);
    free_dead(loop);
  }
}

static int add_source(struct loop *loop, int *fd)
{
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};
  return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, *fd, &event) == 0 ? 0 : -errno;
}

static int add_sources(struct loop *loop)
{
  int result = pawl_thread_attach(); /* from here on a get can only succeed or find nothing */
  if (result == 0)
    result = loop->replies_fd = pawl_queue_fd(loop->replies);
  if (result >= 0)
    result = pawl_queue_arm(loop->replies);
  if (result == 0)
    result = add_source(loop, &loop->replies_fd);
  if (result == 0)
    result = add_source(loop, &loop->signals);
  if (result == 0)
    result = add_source(loop, &loop->listener);
  return result;
}

int loop_open(struct loop *loop)
{
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (loop->epoll < 0)
    return -errno;
  int result = add_sources(loop);
  if (result != 0)
    loop_close(loop);
  return result;
}

void loop_close(struct loop *loop)
{
  close(loop->epoll);
}
