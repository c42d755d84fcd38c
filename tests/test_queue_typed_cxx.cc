/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue_typed_cxx.cc - the headers as a C++11 program uses them; called by test_queue_typed.c, no test of its own. */
#include <pawl.h>

namespace
{

struct job {
  int number;
};

enum class colour : unsigned char { red, green };

PAWL_QUEUE_OF(jobs, job *);
PAWL_QUEUE_OF(colours, colour);
PAWL_PRIORITY_QUEUE_OF(alarms, job *);

struct pawl_queue in_bss;
struct pawl_queue bounded = PAWL_QUEUE_INIT(2);
struct pawl_simple_queue simple = PAWL_SIMPLE_QUEUE_INIT;
struct pawl_lock lock = PAWL_LOCK_INIT;

} // namespace

extern "C" int typed_from_cxx(void);

#define MUST(condition)                                                                                                        \
  do {                                                                                                                         \
    if (!(condition))                                                                                                          \
      return __LINE__;                                                                                                         \
  } while (0)

extern "C" int typed_from_cxx(void)
{
  job first{1}, second{2}, *back = nullptr;
  colour c = colour::red;
  uint64_t item = 0;
  MUST(jobs_put(&bounded, &first, PAWL_FOREVER) == 0);
  MUST(jobs_put(&bounded, &second, PAWL_NOWAIT) == 0);
  MUST(jobs_put(&bounded, &second, PAWL_NOWAIT) == PAWL_FULL);
  MUST(jobs_get(&bounded, &back, pawl_after(PAWL_MS(1))) == 0 && back == &first);
  MUST(jobs_get(&bounded, &back, PAWL_NOWAIT) == 0 && back->number == 2);
  MUST(colours_put(&in_bss, colour::green, PAWL_NOWAIT) == 0);
  MUST(colours_get(&in_bss, &c, PAWL_NOWAIT) == 0 && c == colour::green);
  MUST(pawl_simple_queue_put(&simple, 5) == 0);
  MUST(pawl_simple_queue_get(&simple, &item, PAWL_FOREVER) == 0 && item == 5);
  MUST(pawl_lock_acquire(&lock, PAWL_FOREVER) == 0);
  MUST(pawl_lock_release(&lock) == 0);

  struct pawl_queue urgent;
  struct pawl_queue_options by_key = {};
  int64_t key = 0;
  by_key.order = PAWL_PRIORITY;
  MUST(pawl_queue_init(&urgent, &by_key) == 0);
  MUST(alarms_put(&urgent, 2, &second, PAWL_FOREVER) == 0);
  MUST(alarms_put(&urgent, -1, &first, PAWL_FOREVER) == 0);
  MUST(alarms_get(&urgent, &key, &back, PAWL_NOWAIT) == 0 && key == -1 && back == &first);
  MUST(alarms_get(&urgent, nullptr, &back, PAWL_NOWAIT) == 0 && key == -1 && back == &second);
  MUST(pawl_queue_fini(&urgent) == 0);

  struct pawl_queue_options options = {};
  options.maxsize = 3;
  options.progress = PAWL_RING;
  struct pawl_queue *heap = nullptr;
  MUST(pawl_queue_new(&heap, &options) == 0);
  for (int i = 0; i < 3; i++)
    MUST(pawl_queue_put(heap, 1, PAWL_NOWAIT) == 0);
  MUST(pawl_queue_put(heap, 1, PAWL_NOWAIT) == PAWL_FULL);
  MUST(pawl_queue_free(heap) == 0);
  MUST(pawl_queue_fini(&bounded) == 0 && pawl_queue_fini(&in_bss) == 0 && pawl_simple_queue_fini(&simple) == 0);
  return 0;
}
