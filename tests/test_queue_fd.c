/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_fd.c - a queue in poll and epoll: readable while armed and due, untouched otherwise, no event lost. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static bool readable(int fd)
{
  struct pollfd at = {.fd = fd, .events = POLLIN};
  CHECK(poll(&at, 1, 0) >= 0);
  return at.revents & POLLIN;
}

TEST(queue, fd_is_made_once_and_closed_with_the_queue)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 2);
    CHECK_CODE(pawl_queue_arm(&f->queue), PAWL_STATE);
    int fd = pawl_queue_fd(&f->queue);
    CHECK(fd >= 0);
    CHECK_EQ(pawl_queue_fd(&f->queue), fd);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    CHECK(!readable(fd));
    fixture_close(f);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    CHECK_EQ(errno, EBADF);
  }
}

TEST(queue, fd_is_not_written_while_nobody_has_armed_it)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 5);
    int fd = pawl_queue_fd(&f->queue);
    uint64_t item;
    fill(f, 0, 5);
    CHECK(!readable(fd));
    take_out(f, 5);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    put_ok(f, 1);
    CHECK(readable(fd)); /* that was the one event */
    CHECK_EQ(read(fd, &item, sizeof(item)), (ssize_t)sizeof(item));
    CHECK_EQ(item, 1);
    put_ok(f, 2);
    CHECK(!readable(fd));
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK(!readable(fd));
    fixture_close(f);
  }
}

TEST(queue, fd_becomes_readable_by_an_item_or_a_shutdown)
{
  EACH_KIND(kind, 0)
  {
    struct fixture *f = fixture_open(kind, 5);
    uint64_t items[2] = {7, 8};
    int fd = pawl_queue_fd(&f->queue);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    CHECK(!readable(fd));
    put_ok(f, 1);
    CHECK(readable(fd));
    get_ok(f, 1);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0); /* clears it */
    CHECK(!readable(fd));
    CHECK_CODE(pawl_queue_put_many(&f->queue, items, 2, NULL, PAWL_NOWAIT), 0);
    note_put(f, 7);
    note_put(f, 8);
    CHECK(readable(fd));
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    CHECK(readable(fd)); /* at once: two are inside */
    take_out(f, 2);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    CHECK(!readable(fd));
    CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
    CHECK(readable(fd));
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    CHECK(readable(fd)); /* at once: it is shut down */
    fixture_close(f);
  }
}

TEST(queue, fd_says_when_no_descriptor_is_left)
{
  struct fixture *f = fixture_open(kind_next(NULL, 0), 5);
  struct rlimit limit, none;
  CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 0;
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  int fd = pawl_queue_fd(&f->queue);
  CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK_CODE(fd, -EMFILE);
  CHECK_CODE(pawl_queue_arm(&f->queue), PAWL_STATE);
  CHECK(pawl_queue_fd(&f->queue) >= 0);
  fixture_close(f);
}

TEST(queue, fd_serves_a_sleeping_getter_and_the_poller)
{
  EACH_KIND(kind, KIND_MANY)
  {
    struct fixture *f = fixture_open(kind, 5);
    struct call get;
    int fd = pawl_queue_fd(&f->queue);
    CHECK_CODE(pawl_queue_arm(&f->queue), 0);
    call_begin(&get, run_get, &f->queue, 0, PAWL_FOREVER);
    call_wait_asleep(&get);
    put_ok(f, 1);
    put_ok(f, 2);
    CHECK(readable(fd));
    CHECK_CODE(call_end(&get), 0);
    CHECK_EQ(pawl_queue_was_size(&f->queue), 1);
    fixture_close(f);
  }
}

/* A thread with a cancellation pending, which strikes at the first cancellation point: there is none in any call. */
static void *cancelled(void *arg)
{
  struct fixture *f = arg;
  uint64_t item;
  (void)pthread_cancel(pthread_self());
  CHECK(pawl_queue_fd(&f->queue) >= 0);
  CHECK_CODE(pawl_queue_arm(&f->queue), 0);
  put_ok(f, 1); /* writes the descriptor */
  CHECK_CODE(pawl_queue_put(&f->queue, 2, pawl_after(PAWL_US(100))), PAWL_FULL);
  CHECK_CODE(pawl_queue_join(&f->queue, pawl_after(PAWL_US(100))), PAWL_TIMEOUT);
  CHECK_CODE(pawl_queue_arm(&f->queue), 0); /* reads it, and writes it again */
  get_ok(f, 1);
  CHECK_CODE(pawl_queue_get(&f->queue, &item, pawl_after(PAWL_US(100))), PAWL_EMPTY);
  CHECK_CODE(pawl_queue_arm(&f->queue), 0);
  CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
  CHECK(pawl_cpu_count() > 0);
  CHECK_CODE(pawl_queue_fini(&f->queue), 0); /* closes the descriptor */
  return "here";
}

TEST(queue, no_call_is_a_cancellation_point)
{
  const struct kind *kind = kind_next(NULL, KIND_BOUNDED | KIND_TRACKED | KIND_MANY);
  struct fixture *f = fixture_open(kind, 1);
  pthread_t thread;
  void *end;
  CHECK_EQ(pthread_create(&thread, NULL, cancelled, f), 0);
  CHECK_EQ(pthread_join(thread, &end), 0);
  CHECK(end != PTHREAD_CANCELED);
  CHECK_STR(end, "here");
  fixture_close(f);
}

/* --- under traffic: the loop of the header's comment --- */

struct poller {
  struct pawl_queue *queue;
  int fd, epoll;
  uint64_t items;
  _Atomic uint64_t got, sum;
};

static void poll_items(void *arg)
{
  struct poller *poller = arg;
  struct epoll_event event;
  uint64_t item;
  for (;;) {
    int result;
    while ((result = pawl_queue_get(poller->queue, &item, PAWL_NOWAIT)) == 0) {
      poller->sum += item;
      poller->got++;
    }
    if (result == PAWL_SHUTDOWN)
      return;
    CHECK_CODE(result, PAWL_EMPTY);
    CHECK_CODE(pawl_queue_arm(poller->queue), 0);
    test_waiting("the queue's descriptor");
    while (epoll_wait(poller->epoll, &event, 1, -1) < 0)
      CHECK_EQ(errno, EINTR);
  }
}

static void put_items(void *arg)
{
  struct poller *poller = arg;
  uint64_t seed = (uintptr_t)&seed | 1;
  for (uint64_t i = 1; i <= poller->items; i++) {
    CHECK_CODE(pawl_queue_put(poller->queue, i, PAWL_FOREVER), 0);
    if (test_random(&seed) % 16 == 0) /* let the poller run dry now and then */
      sched_yield();
  }
}

static void traffic(const struct kind *kind, uint32_t events)
{
  struct fixture *f = fixture_open(kind, 3);
  struct poller poller = {.queue = &f->queue, .items = 6000 / (uint64_t)test_scale()};
  struct epoll_event event = {.events = events};
  struct test_thread consumer, producers[2];
  poller.fd = pawl_queue_fd(&f->queue);
  poller.epoll = epoll_create1(EPOLL_CLOEXEC);
  CHECK_EQ(epoll_ctl(poller.epoll, EPOLL_CTL_ADD, poller.fd, &event), 0);
  test_start(&consumer, "poller", poll_items, &poller);
  for (int i = 0; i < 2; i++)
    test_start(&producers[i], "producer", put_items, &poller);
  for (int i = 0; i < 2; i++)
    test_join(&producers[i]);
  EVENTUALLY(poller.got == 2 * poller.items);
  CHECK_CODE(pawl_queue_shutdown(&f->queue, false), 0);
  test_join(&consumer);
  CHECK_EQ(poller.sum, poller.items * (poller.items + 1));
  close(poller.epoll);
  fixture_close(f);
}

TEST(queue, fd_loses_no_event_under_traffic)
{
  EACH_KIND(kind, KIND_MANY)
  traffic(kind, EPOLLIN);
}

TEST(queue, fd_loses_no_event_under_traffic_edge_triggered)
{
  EACH_KIND(kind, KIND_MANY)
  traffic(kind, EPOLLIN | EPOLLET);
}
