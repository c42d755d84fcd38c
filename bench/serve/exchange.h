/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exchange.h - what goes through the queues: one request and the room for its reply.
 *
 * An exchange lies inside its connection and has one owner at a time. The loop fills in the request and puts it; from the
 * get on it is the worker's, who writes the reply and puts it back; from that get on it is the loop's again. The queues
 * publish what the other side wrote, so nobody locks. A connection is not freed while a worker owns its exchange.
 */
#ifndef PAWL_SERVE_EXCHANGE_H
#define PAWL_SERVE_EXCHANGE_H

#include "http.h"

#include <pawl.h>

struct exchange {
  struct http_request request;
  size_t reply_size;
  char reply[HTTP_REPLY_MAX];
};

PAWL_QUEUE_OF(exchanges, struct exchange *);

#endif
