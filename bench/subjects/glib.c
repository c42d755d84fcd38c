/* SPDX-License-Identifier: BSD-2-Clause */
/* glib.c - GAsyncQueue: a linked queue under a mutex with one condition. Unbounded. */
#include "../subject.h"
#include <glib.h>

static void *glib_open(const struct bench_shape *shape)
{
  (void)shape;
  return g_async_queue_new();
}

static void glib_close(void *queue)
{
  g_async_queue_unref(queue);
}

struct glib_handle {
  GAsyncQueue *queue;
};

static void glib_attach(struct glib_handle *handle, void *queue)
{
  handle->queue = queue;
}

static void glib_detach(struct glib_handle *handle)
{
  (void)handle;
}

static inline bool glib_put(struct glib_handle *handle, uint64_t item)
{
  g_async_queue_push(handle->queue, (gpointer)item);
  return true;
}

static inline bool glib_get(struct glib_handle *handle, uint64_t *item)
{
  *item = (uint64_t)g_async_queue_try_pop(handle->queue);
  return *item != 0;
}

static inline void glib_put_wait(struct glib_handle *handle, uint64_t item)
{
  g_async_queue_push(handle->queue, (gpointer)item);
}

static inline void glib_get_wait(struct glib_handle *handle, uint64_t *item)
{
  *item = (uint64_t)g_async_queue_pop(handle->queue);
}

#define SUBJECT glib
#define SUBJECT_NAME "glib"
#define SUBJECT_LIBRARY "glib " BENCH_GLIB_VERSION
#define SUBJECT_NOTE "GAsyncQueue, unbounded"
#define SUBJECT_CAPS (BENCH_TRY | BENCH_WAIT)
#include "../loops.h"
