/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.h - the one thread that owns all sockets. It hands requests to the workers through a bounded queue with
 * PAWL_NOWAIT, answers 503 itself when that says PAWL_FULL, and takes replies from a second queue whose descriptor stands
 * in the same epoll set as the sockets. It waits in epoll_wait only.
 */
#ifndef PAWL_SERVE_LOOP_H
#define PAWL_SERVE_LOOP_H

#include "conn.h"

/* At the end of a run: requests == answered + shed + lost. */
struct counters {
  uint64_t connections; /* accepted */
  uint64_t requests;    /* accepted: complete and well-formed */
  uint64_t answered;    /* requests whose 200 was sent whole */
  uint64_t shed;        /* requests whose 503 was sent whole */
  uint64_t lost;        /* requests whose client was gone, or did not read, before its answer was sent whole */
  uint64_t rejected;    /* 4xx and 5xx sent for what is no request to be served here */
  uint64_t dropped;     /* connections that ended, or were ended, in the midst of a request or a reply */
};

struct loop {
  /* Set by the caller, who owns them. */
  struct pawl_queue *requests;
  struct pawl_queue *replies;
  int listener;     /* non-blocking; closed and set to -1 when draining starts */
  int signals;      /* a signalfd: the first signal drains, a second one cuts off clients that do not read */
  int64_t patience; /* nanoseconds that a client may take to send a request, to read a reply, or to idle */
  /* The loop's own; zero at first. */
  struct counters counters;
  int epoll;
  int replies_fd;
  bool draining;
  uint64_t in_flight;         /* exchanges that a worker or a queue holds */
  pawl_time accept_again;     /* not 0: out of descriptors or memory, clients wait in the backlog until then */
  struct conn_list clients;   /* READING, WRITING */
  struct conn_list lingering; /* LINGERING */
  struct conn *dead;          /* freed at the end of the turn, since events for them may still be in hand */
};

/* Makes the epoll set. 0 or a negative code; then there is nothing to close. */
int loop_open(struct loop *loop);

/*
 * Serves until a signal comes, then stops accepting, answers what was accepted, shuts `requests` down to drain, and
 * returns when the last reply has left and the last connection is closed.
 */
void loop_run(struct loop *loop);

void loop_close(struct loop *loop);

#endif
