/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quota.c - a control group of half a CPU for fifo.oversub.quota, where the system lets us make one (cgroup v1 or v2).
 *
 * Containers run under such quotas, and a queue that spins burns them. The group is made below our own, joined by the
 * children that need it, and removed at exit; one that a killed run left behind is used again.
 */
#include "bench.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char group[512];
static char reason[600];

static bool write_to(const char *file, const char *text)
{
  char path[600];
  snprintf(path, sizeof path, "%s/%s", group, file);
  FILE *out = fopen(path, "w");
  if (out == NULL)
    return false;
  bool good = fputs(text, out) >= 0;
  return fclose(out) == 0 && good;
}

/* The directory of our own group in the hierarchy that governs CPU time; false if there is none. */
static bool own_group(char *out, size_t size)
{
  static const char *const mounts[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
  char line[512];
  bool found = false;
  FILE *in = fopen("/proc/self/cgroup", "r");
  while (in != NULL && !found && fgets(line, sizeof line, in) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL)
      continue;
    *path++ = '\0';
    controllers++;
    if (controllers[0] == '\0' && access("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0) {
      snprintf(out, size, "/sys/fs/cgroup%s", path);
      found = true;
    }
    for (unsigned i = 0; i < 2 && !found && (strcmp(controllers, "cpu") == 0 || strcmp(controllers, "cpu,cpuacct") == 0); i++) {
      snprintf(out, size, "%s%s", mounts[i], path);
      found = access(mounts[i], R_OK) == 0;
    }
  }
  if (in != NULL)
    fclose(in);
  return found;
}

static void remove_group(void)
{
  if (group[0] != '\0')
    rmdir(group);
}

const char *bench_quota_missing(void)
{
  char own[400];
  if (group[0] != '\0' || reason[0] != '\0')
    return reason[0] != '\0' ? reason : NULL;
  if (!own_group(own, sizeof own)) {
    snprintf(reason, sizeof reason, "no control group hierarchy for CPU time");
    return reason;
  }
  snprintf(group, sizeof group, "%s/pawl-bench", own);
  if (mkdir(group, 0755) != 0 && errno != EEXIST) {
    snprintf(reason, sizeof reason, "no control group can be made in %s: %s", own, strerror(errno));
    group[0] = '\0';
    return reason;
  }
  atexit(remove_group);
  bool limited = write_to("cpu.max", "50000 100000");
  if (!limited)
    limited = write_to("cpu.cfs_period_us", "100000") && write_to("cpu.cfs_quota_us", "50000");
  if (!limited)
    snprintf(reason, sizeof reason, "no CPU quota can be set in %s", own);
  return limited ? NULL : reason;
}

bool bench_quota_join(void)
{
  char pid[32];
  snprintf(pid, sizeof pid, "%ld", (long)getpid());
  return write_to("cgroup.procs", pid);
}
