/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dlclose.c - the shared library is loaded, used in a thread and closed, and the thread ends after that. */
#include "test.h"

#include <dlfcn.h>

struct user {
  struct test_latch used, closed;
  int (*init)(struct pawl_queue *, const struct pawl_queue_options *);
  int (*put)(struct pawl_queue *, uint64_t, pawl_time);
  int (*get)(struct pawl_queue *, uint64_t *, pawl_time);
  int (*fini)(struct pawl_queue *);
};

static void use_queue(void *arg)
{
  struct user *user = arg;
  static struct pawl_queue queue;
  uint64_t item = 0;
  CHECK_CODE(user->init(&queue, NULL), 0);
  CHECK_CODE(user->put(&queue, 42, PAWL_NOWAIT), 0);
  CHECK_CODE(user->get(&queue, &item, PAWL_NOWAIT), 0);
  CHECK_EQ(item, 42);
  CHECK_CODE(user->fini(&queue), 0);
  test_latch_arrive(&user->used);
  test_latch_wait(&user->closed);
}

static void *symbol(void *library, const char *name)
{
  void *address = dlsym(library, name);
  if (!address)
    test_fail(__FILE__, __LINE__, "%s", dlerror());
  return address;
}

TEST(dlclose, a_thread_that_used_a_queue_outlives_the_closed_library)
{
  for (int round = 0; round < 3; round++) {
    void *library = dlopen(PAWL_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
      test_fail(__FILE__, __LINE__, "%s", dlerror());
    struct user user;
    test_latch_init(&user.used, 1);
    test_latch_init(&user.closed, 1);
    *(void **)&user.init = symbol(library, "pawl_queue_init");
    *(void **)&user.put = symbol(library, "pawl_queue_put");
    *(void **)&user.get = symbol(library, "pawl_queue_get");
    *(void **)&user.fini = symbol(library, "pawl_queue_fini");
    struct test_thread thread;
    test_start(&thread, "user", use_queue, &user);
    test_latch_wait(&user.used);
    CHECK_EQ(dlclose(library), 0);
    test_latch_arrive(&user.closed);
    test_join(&thread);
  }
}
