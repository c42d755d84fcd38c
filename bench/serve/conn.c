/* SPDX-License-Identifier: BSD-2-Clause */
/* conn.c - see conn.h. */
#include "conn.h"

#include <errno.h>
#include <sys/socket.h>

enum { SWALLOW_MAX = 64 * 1024 };

static bool must_wait(int error)
{
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int conn_receive(struct conn *conn)
{
  if (conn->eof || conn->in_size == sizeof conn->in)
    return 0;
  ssize_t n = recv(conn->fd, conn->in + conn->in_size, sizeof conn->in - conn->in_size, 0);
  if (n < 0)
    return must_wait(errno) ? 0 : -errno;
  conn->eof = n == 0;
  conn->in_size += (size_t)n;
  return 0;
}

int conn_parse(struct conn *conn)
{
  int status = http_parse(&conn->parser, &conn->exchange.request, conn->in, conn->in_size);
  if (status != 200)
    return status;
  conn->in_size -= conn->parser.line;
  memmove(conn->in, conn->in + conn->parser.line, conn->in_size);
  conn->parser = (struct http_parser){0};
  return status;
}

void conn_answer(struct conn *conn, int status, bool head_only)
{
  static const char shed[] = "All workers are busy, come back later.\n";
  static const char refused[] = "This is not a request that can be served here.\n";
  struct http_answer answer = {.status = status, .keep_alive = conn->keep_alive, .head_only = head_only};
  answer.body = status == 503 ? shed : refused;
  answer.body_size = strlen(answer.body);
  conn->exchange.reply_size = http_reply(conn->exchange.reply, &answer);
}

int conn_send(struct conn *conn)
{
  const struct exchange *exchange = &conn->exchange;
  while (conn->sent < exchange->reply_size) {
    ssize_t n = send(conn->fd, exchange->reply + conn->sent, exchange->reply_size - conn->sent, MSG_NOSIGNAL);
    if (n < 0)
      return must_wait(errno) ? 0 : -errno;
    conn->sent += (size_t)n;
  }
  return 1;
}

void conn_finish(struct conn *conn)
{
  shutdown(conn->fd, SHUT_WR);
  conn->sent = 0;
}

int conn_swallow(struct conn *conn)
{
  ssize_t n = recv(conn->fd, conn->in, sizeof conn->in, 0);
  if (n < 0)
    return !must_wait(errno);
  conn->sent += (size_t)n;
  return n == 0 || conn->sent >= SWALLOW_MAX;
}

void conn_list_push(struct conn_list *list, struct conn *conn, pawl_time deadline)
{
  conn->deadline = deadline;
  conn->next = NULL;
  conn->prev = list->last;
  *(list->last ? &list->last->next : &list->first) = conn;
  list->last = conn;
}

void conn_list_remove(struct conn_list *list, struct conn *conn)
{
  *(conn->prev ? &conn->prev->next : &list->first) = conn->next;
  *(conn->next ? &conn->next->prev : &list->last) = conn->prev;
}
