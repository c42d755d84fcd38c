#include "bench.h"
char *bench_env(const struct bench_settings *s, int argc, char **argv)
{
  (void)s;
  (void)argc;
  (void)argv;
  return strdup("{}");
}
double bench_ns_per_tick(void)
{
  uint64_t t0 = bench_now(), c0 = bench_ticks();
  while (bench_now() - t0 < 20000000)
    ;
  uint64_t c1 = bench_ticks(), t1 = bench_now();
  return (double)(t1 - t0) / (double)(c1 - c0);
}
