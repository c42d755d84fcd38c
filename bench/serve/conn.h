/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.h - one client's connection: its bytes, where it stands, and the lists of connections that wait for their client.
 * Only the loop's thread touches it, its exchange apart (see exchange.h).
 *
 *   READING --request--> WORKING --reply--> WRITING --sent--> READING          keep-alive
 *      |                                     ^   \--sent--> LINGERING --> CLOSED
 *      +--shed (503) or garbage (4xx, 5xx)---+
 *
 * One request at a time: what a client pipelines waits in `in`, then in the kernel, until the reply before it has been
 * sent. LINGERING swallows what the client still sends after our last byte, because closing on unread bytes resets the
 * connection and may take the reply from the client's hands. Any phase ends in CLOSED when the client goes or stalls; in
 * WORKING the socket is closed at once (fd is -1) and the object stays until the worker has given its exchange back.
 */
#ifndef PAWL_SERVE_CONN_H
#define PAWL_SERVE_CONN_H

#include "exchange.h"

enum conn_phase { CONN_READING, CONN_WORKING, CONN_WRITING, CONN_LINGERING, CONN_CLOSED };

struct conn {
  int fd;
  enum conn_phase phase;
  uint32_t watched;   /* events that epoll reports for fd */
  bool eof;           /* the client has sent its last byte; it may still read */
  bool keep_alive;    /* go on after this reply */
  bool owed;          /* a request was accepted and its answer is not sent yet */
  uint64_t *tally;    /* counts this reply once it is sent */
  pawl_time deadline; /* READING, WRITING, LINGERING: when our patience ends */
  struct conn *next;  /* in the list of its phase, or of the dead */
  struct conn *prev;
  struct http_parser parser;
  size_t in_size;
  size_t sent; /* bytes of the reply, or in LINGERING of what was swallowed */
  struct exchange exchange;
  char in[HTTP_HEAD_MAX];
};

static inline struct conn *conn_of(struct exchange *exchange)
{
  return (struct conn *)((char *)exchange - offsetof(struct conn, exchange));
}

/* Receives what fits into `in`. 0, also when nothing was there; -errno when the connection is broken. */
int conn_receive(struct conn *conn);

/* http_parse on what has been received; with 200 the head is taken off the front of `in`. */
int conn_parse(struct conn *conn);

/* Makes a reply of the server's own instead of a worker's. */
void conn_answer(struct conn *conn, int status, bool head_only);

/* Sends the rest of the reply. 1: all is sent; 0: the client must read first; -errno: the connection is broken. */
int conn_send(struct conn *conn);

/* Sends our end of file, then swallows what still comes. */
void conn_finish(struct conn *conn);

/* Throws received bytes away. 0: there may be more; 1: end of file, or enough of it, or broken. */
int conn_swallow(struct conn *conn);

/* Connections in the order of their deadlines, which holds because every entry gets the same span from now. */
struct conn_list {
  struct conn *first;
  struct conn *last;
};

void conn_list_push(struct conn_list *list, struct conn *conn, pawl_time deadline);
void conn_list_remove(struct conn_list *list, struct conn *conn);

#endif
