/* SPDX-License-Identifier: BSD-2-Clause */
/* env.c - what a figure is worth nothing without: machine, compiler, versions, command, commit, as a JSON object. */
#include "bench.h"
#include "commit.h"
#include <stdlib.h>
#include <sys/utsname.h>

double bench_ns_per_tick(void)
{
  uint64_t begin = bench_now(), first = bench_ticks(), end;
  do
    end = bench_now();
  while (end - begin < 20000000);
  return (double)(end - begin) / (double)(bench_ticks() - first);
}

/* First line of a file, without its end; false if it cannot be read. */
static bool first_line(const char *path, char *out, size_t size)
{
  FILE *in = fopen(path, "r");
  bool good = in != NULL && fgets(out, (int)size, in) != NULL;
  if (good)
    out[strcspn(out, "\n")] = '\0';
  if (in != NULL)
    fclose(in);
  return good;
}

static void member(FILE *out, const char *key, const char *value)
{
  fprintf(out, ",\"%s\":", key);
  if (value != NULL)
    bench_json_string(out, value);
  else
    fputs("null", out);
}

static void member_file(FILE *out, const char *key, const char *path)
{
  char line[256];
  member(out, key, first_line(path, line, sizeof line) ? line : NULL);
}

static void cpu_model(FILE *out)
{
  char line[256], model[256] = "";
  FILE *in = fopen("/proc/cpuinfo", "r");
  while (in != NULL && model[0] == '\0' && fgets(line, sizeof line, in) != NULL)
    if (strncmp(line, "model name", 10) == 0 || strncmp(line, "CPU part", 8) == 0)
      snprintf(model, sizeof model, "%.200s", strchr(line, ':') != NULL ? strchr(line, ':') + 2 : "");
  if (in != NULL)
    fclose(in);
  model[strcspn(model, "\n")] = '\0';
  member(out, "cpu", model[0] != '\0' ? model : NULL);
}

static void libraries(FILE *out)
{
  fputs(",\"libraries\":[", out);
  const char *separator = "";
  for (unsigned i = 0; bench_subjects[i] != NULL; i++) {
    bool seen = false;
    for (unsigned j = 0; j < i && !seen; j++)
      seen = strcmp(bench_subjects[j]->library, bench_subjects[i]->library) == 0;
    if (seen)
      continue;
    fputs(separator, out);
    bench_json_string(out, bench_subjects[i]->library);
    separator = ",";
  }
  fputc(']', out);
}

static void limits_object(FILE *out, const struct bench_settings *settings, const struct bench_limits *limits)
{
  fprintf(out, ",\"limits\":{\"unit\":\"ns\",\"ns_per_tick\":%.4f,\"xadd\":%.2f,\"cas\":%.2f,\"mutex_pair\":%.2f,",
          settings->ns_per_tick, limits->xadd, limits->cas, limits->mutex_pair);
  fprintf(out, "\"pause\":%.2f,\"sched_yield\":%.1f,\"syscall\":%.1f,\"futex_wake_nobody\":%.1f,\"clock_gettime\":%.1f,",
          limits->pause, limits->sched_yield, limits->syscall, limits->futex_wake_nobody, limits->clock_gettime);
  if (limits->line_round_trip > 0)
    fprintf(out, "\"contended_xadd\":%.2f,\"line_round_trip\":%.1f}", limits->contended_xadd, limits->line_round_trip);
  else
    fputs("\"contended_xadd\":null,\"line_round_trip\":null}", out);
}

char *bench_env(const struct bench_settings *settings, const struct bench_limits *limits, int argc, char **argv)
{
  char *text = NULL, date[32];
  size_t size;
  struct utsname system;
  time_t now = time(NULL);
  FILE *out = open_memstream(&text, &size);
  if (out == NULL || uname(&system) != 0)
    abort();
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  fprintf(out, "{\"machine\":\"%s\"", system.machine);
  cpu_model(out);
  fprintf(out, ",\"cpus\":%u", bench_cpu_count());
  member(out, "kernel", system.release);
  member(out, "compiler", BENCH_COMPILER);
  member(out, "flags", BENCH_FLAGS);
  libraries(out);
  fputs(",\"command\":", out);
  char command[1024] = "";
  for (int i = 0; i < argc; i++)
    snprintf(command + strlen(command), sizeof command - strlen(command), "%s%s", i ? " " : "", argv[i]);
  bench_json_string(out, command);
  member(out, "commit", BENCH_COMMIT);
  member(out, "date", date);
  fprintf(out, ",\"pinned\":%s", settings->pin ? "true" : "false");
  member_file(out, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  member_file(out, "cpu_max", "/sys/fs/cgroup/cpu.max");
  member_file(out, "cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  limits_object(out, settings, limits);
  fputc('}', out);
  fclose(out);
  return text;
}
