/* SPDX-License-Identifier: BSD-2-Clause */
/* workers.c - see workers.h. */
#include "workers.h"
#include "exchange.h"

#include <stdio.h>
#include <time.h>

static void sleep_for(int64_t ns)
{
  struct timespec span = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  if (ns > 0)
    nanosleep(&span, NULL);
}

/* The application: it echoes the target, so that a client can tell whether the reply is the one to its own request. */
static void answer(struct exchange *exchange, int64_t work)
{
  char body[HTTP_BODY_MAX];
  const struct http_request *request = &exchange->request;
  sleep_for(work);
  int size = snprintf(body, sizeof body, "You asked for %.*s\n", (int)request->target_size, request->target);
  struct http_answer ok = {200, request->keep_alive, request->head_only, body, (size_t)size};
  exchange->reply_size = http_reply(exchange->reply, &ok);
}

/*
 * An answered exchange must get back to the loop, whatever happens. A full queue holds the worker until the loop has taken
 * something; the loop never waits in a put, so that this ends. Memory may come back; nobody shuts the queue down.
 */
static void give_back(struct workers *workers, struct exchange *exchange)
{
  while (exchanges_put(workers->replies, exchange, PAWL_FOREVER) != 0)
    sleep_for(PAWL_MS(1));
}

static void *work(void *arg)
{
  struct workers *workers = arg;
  struct exchange *exchange;
  while (pawl_thread_attach() != 0) /* from here on a get can only succeed or answer PAWL_SHUTDOWN */
    sleep_for(PAWL_MS(1));
  while (exchanges_get(workers->requests, &exchange, PAWL_FOREVER) == 0) {
    answer(exchange, workers->work);
    give_back(workers, exchange);
  }
  return NULL;
}

int workers_start(struct workers *workers, unsigned count)
{
  for (workers->running = 0; workers->running < count; workers->running++) {
    int error = pthread_create(&workers->threads[workers->running], NULL, work, workers);
    if (error) {
      pawl_queue_shutdown(workers->requests, true);
      workers_join(workers);
      return -error;
    }
  }
  return 0;
}

void workers_join(struct workers *workers)
{
  while (workers->running)
    pthread_join(workers->threads[--workers->running], NULL);
}
