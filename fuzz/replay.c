/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c - a main function for fuzz targets without a fuzzer: runs them on files, and on files changed at random.
 *
 *   replay [--random SECONDS] FILE_OR_DIRECTORY...
 *
 * For corpus regressions in every build, and for reproducing a finding under a debugger. --random is a poor fuzzer where
 * libFuzzer is missing: it knows nothing of coverage.
 */
#include "input.h"
#include "../tests/random.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { FILES_MAX = 4096, SIZE_MAX_FILE = 65536 };

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct {
  uint8_t *data;
  size_t size;
} files[FILES_MAX];
static size_t file_count;

static void load_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL || file_count == FILES_MAX) {
    fprintf(stderr, "cannot read %s\n", path);
    exit(2);
  }
  uint8_t *data = malloc(SIZE_MAX_FILE);
  files[file_count].size = fread(data, 1, SIZE_MAX_FILE, file);
  files[file_count].data =
      realloc(data, files[file_count].size > 0 ? files[file_count].size : 1); /* its end is the end of the block, for ASan */
  file_count++;
  fclose(file);
}

static void load(const char *path)
{
  struct stat about;
  if (stat(path, &about) == 0 && !S_ISDIR(about.st_mode)) {
    load_file(path);
    return;
  }
  DIR *directory = opendir(path);
  for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
    char name[4096];
    snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
    if (stat(name, &about) == 0 && S_ISREG(about.st_mode))
      load_file(name);
  }
  if (directory != NULL)
    closedir(directory);
}

/* A file with some bytes changed, inserted from another file, or cut off; or only noise. */
static size_t change(uint8_t *data, uint64_t *random)
{
  size_t from = test_random(random) % file_count, size = files[from].size < 512 ? files[from].size : 512;
  memcpy(data, files[from].data, size);
  for (uint64_t n = test_random(random) >> 20 & 7; n > 0; n--) {
    uint64_t word = test_random(random) >> 8;
    if (size == 0 || word % 8 == 0) {
      size = word >> 8 & 255;
      for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(test_random(random) >> 20);
    } else if (word % 8 == 1) {
      size = (word >> 8) % size;
    } else if (word % 8 == 2 && size <= 768) {
      size_t other = (word >> 8) % file_count, part = files[other].size < 256 ? files[other].size : 256;
      memcpy(data + size, files[other].data, part);
      size += part;
    } else {
      data[(word >> 8) % size] = (uint8_t)(word >> 32);
    }
  }
  return size;
}

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
  double seconds = 0;
  uint64_t runs = 0, random = 88172645463325252u;
  if (LLVMFuzzerInitialize != NULL)
    LLVMFuzzerInitialize(&argc, &argv);
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--random") == 0 && i + 1 < argc)
      seconds = strtod(argv[++i], NULL);
    else
      load(argv[i]);
  }
  if (file_count == 0)
    return fputs("usage: replay [--random SECONDS] FILE_OR_DIRECTORY...\n", stderr), 2;
  for (size_t i = 0; i < file_count; i++)
    LLVMFuzzerTestOneInput(files[i].data, files[i].size);
  for (double end = seconds_now() + seconds; seconds > 0 && seconds_now() < end; runs++) {
    static uint8_t data[1024];
    size_t size = change(data, &random);
    LLVMFuzzerTestOneInput(data, size);
  }
  printf("%zu files replayed, %llu inputs made at random: no fault\n", file_count, (unsigned long long)runs);
  return 0;
}
