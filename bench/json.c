/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.c - results files, written and read. Schema version 1:
 *
 *   {"schema_version":1,"env":{...},"results":[{"workload":"fifo.mpmc","subject":"pawl-bounded","producers":4,"consumers":4,
 *    "threads":8,"capacity":1024,"unit":"Mops/s","higher_is_better":true,"samples":[...],"median":...,"cpu_ns_per_op":...}]}
 *
 * capacity is 0 for a subject without a bound. The reader takes any JSON of that shape: members in any order, unknown ones
 * skipped. Not a general library: numbers are doubles, strings keep \u escapes beyond Latin-1 as they are.
 */
#include "bench.h"
#include <errno.h>
#include <stdlib.h>

void bench_json_string(FILE *out, const char *text)
{
  fputc('"', out);
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c < 0x20)
      fprintf(out, "\\u%04x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

static void write_row(FILE *out, const struct bench_row *row)
{
  fputs("{\"workload\":", out);
  bench_json_string(out, row->workload);
  fputs(",\"subject\":", out);
  bench_json_string(out, row->subject);
  fprintf(out, ",\"producers\":%u,\"consumers\":%u,\"threads\":%u,\"capacity\":%zu,\"unit\":", row->producers, row->consumers,
          row->threads, row->capacity);
  bench_json_string(out, row->unit);
  fprintf(out, ",\"higher_is_better\":%s,\"samples\":[", row->higher_is_better ? "true" : "false");
  for (unsigned i = 0; i < row->count; i++)
    fprintf(out, "%s%.6g", i ? "," : "", row->samples[i]);
  fprintf(out, "],\"median\":%.6g,\"cpu_ns_per_op\":%.6g}", row->median, row->cpu_ns_per_op);
}

bool bench_json_write(const char *path, const struct bench_results *results)
{
  FILE *out = fopen(path, "w");
  if (out == NULL)
    return false;
  fprintf(out, "{\"schema_version\":1,\"env\":%s,\"results\":[", results->env != NULL ? results->env : "{}");
  for (unsigned i = 0; i < results->count; i++) {
    fputs(i ? ",\n" : "\n", out);
    write_row(out, &results->rows[i]);
  }
  fputs("\n]}\n", out);
  return fclose(out) == 0;
}

/* The reader: recursive descent over the text in memory; the first error stops it. */
struct reader {
  const char *start;
  const char *at;
  char *error;
  size_t size;
  unsigned depth;
};

static bool fail(struct reader *reader, const char *what)
{
  if (reader->error[0] == '\0')
    snprintf(reader->error, reader->size, "byte %zu: %s", (size_t)(reader->at - reader->start), what);
  return false;
}

static void skip_space(struct reader *reader)
{
  while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r')
    reader->at++;
}

static bool accept(struct reader *reader, char c)
{
  skip_space(reader);
  if (*reader->at != c)
    return false;
  reader->at++;
  return true;
}

/* Reads a string into `out`, cut to `size`. */
static bool read_string(struct reader *reader, char *out, size_t size)
{
  size_t length = 0;
  if (!accept(reader, '"'))
    return fail(reader, "a string was expected");
  while (*reader->at != '"') {
    if (*reader->at == '\0')
      return fail(reader, "unfinished string");
    if (*reader->at == '\\' && reader->at[1] != '\0')
      reader->at++;
    if (length + 1 < size)
      out[length++] = *reader->at;
    reader->at++;
  }
  reader->at++;
  if (size > 0)
    out[length] = '\0';
  return true;
}

static bool read_number(struct reader *reader, double *out)
{
  char *end;
  skip_space(reader);
  *out = strtod(reader->at, &end);
  if (end == reader->at)
    return fail(reader, "a number was expected");
  reader->at = end;
  return true;
}

static bool read_bool(struct reader *reader, bool *out)
{
  skip_space(reader);
  *out = strncmp(reader->at, "true", 4) == 0;
  if (!*out && strncmp(reader->at, "false", 5) != 0)
    return fail(reader, "true or false was expected");
  reader->at += *out ? 4 : 5;
  return true;
}

static bool skip_value(struct reader *reader);

/* The members of an object or array whose opening bracket has been read. */
static bool skip_members(struct reader *reader, char close, bool keys)
{
  if (accept(reader, close))
    return true;
  do {
    if (keys && (!read_string(reader, NULL, 0) || !accept(reader, ':')))
      return fail(reader, "a member was expected");
    if (!skip_value(reader))
      return false;
  } while (accept(reader, ','));
  return accept(reader, close) || fail(reader, "unfinished object or array");
}

static bool skip_value(struct reader *reader)
{
  double number;
  bool good;
  if (reader->depth >= 64)
    return fail(reader, "nested too deep");
  reader->depth++;
  skip_space(reader);
  if (*reader->at == '"')
    good = read_string(reader, NULL, 0);
  else if (accept(reader, '{'))
    good = skip_members(reader, '}', true);
  else if (accept(reader, '['))
    good = skip_members(reader, ']', false);
  else if (strncmp(reader->at, "null", 4) == 0)
    good = (reader->at += 4, true);
  else if (*reader->at == 't' || *reader->at == 'f')
    good = read_bool(reader, &good) || fail(reader, "a value was expected");
  else
    good = read_number(reader, &number);
  reader->depth--;
  return good;
}

static bool read_unsigned(struct reader *reader, unsigned *out)
{
  double number;
  if (!read_number(reader, &number))
    return false;
  if (!(number >= 0 && number <= 4e9))
    return fail(reader, "a count was expected");
  *out = (unsigned)number;
  return true;
}

static bool read_samples(struct reader *reader, struct bench_row *row)
{
  if (row->samples != NULL || !accept(reader, '['))
    return fail(reader, "one array of samples was expected");
  row->samples = malloc(BENCH_REPS_MAX * sizeof *row->samples);
  if (row->samples == NULL)
    return fail(reader, "no memory");
  if (accept(reader, ']'))
    return true;
  do {
    if (row->count == BENCH_REPS_MAX)
      return fail(reader, "too many samples");
    if (!read_number(reader, &row->samples[row->count++]))
      return false;
  } while (accept(reader, ','));
  return accept(reader, ']') || fail(reader, "unfinished samples");
}

static bool read_member(struct reader *reader, const char *key, struct bench_row *row)
{
  unsigned capacity;
  if (strcmp(key, "workload") == 0)
    return read_string(reader, row->workload, sizeof row->workload);
  if (strcmp(key, "subject") == 0)
    return read_string(reader, row->subject, sizeof row->subject);
  if (strcmp(key, "unit") == 0)
    return read_string(reader, row->unit, sizeof row->unit);
  if (strcmp(key, "producers") == 0)
    return read_unsigned(reader, &row->producers);
  if (strcmp(key, "consumers") == 0)
    return read_unsigned(reader, &row->consumers);
  if (strcmp(key, "threads") == 0)
    return read_unsigned(reader, &row->threads);
  if (strcmp(key, "capacity") == 0 && read_unsigned(reader, &capacity))
    return row->capacity = capacity, true;
  if (strcmp(key, "higher_is_better") == 0)
    return read_bool(reader, &row->higher_is_better);
  if (strcmp(key, "samples") == 0)
    return read_samples(reader, row);
  if (strcmp(key, "median") == 0)
    return read_number(reader, &row->median);
  if (strcmp(key, "cpu_ns_per_op") == 0)
    return read_number(reader, &row->cpu_ns_per_op);
  return skip_value(reader);
}

static bool read_row(struct reader *reader, struct bench_results *results)
{
  struct bench_row *row = bench_results_add(results);
  char key[32];
  if (!accept(reader, '{'))
    return fail(reader, "a result was expected");
  do {
    if (!read_string(reader, key, sizeof key) || !accept(reader, ':'))
      return fail(reader, "a member was expected");
    if (!read_member(reader, key, row))
      return fail(reader, "unreadable member");
  } while (accept(reader, ','));
  if (!accept(reader, '}'))
    return fail(reader, "unfinished result");
  if (row->workload[0] == '\0' || row->subject[0] == '\0' || row->count == 0)
    return fail(reader, "a result lacks its workload, subject or samples");
  return true;
}

static bool read_top(struct reader *reader, struct bench_results *results)
{
  double version = 0;
  char key[32];
  if (!accept(reader, '{'))
    return fail(reader, "not a JSON object");
  do {
    if (!read_string(reader, key, sizeof key) || !accept(reader, ':'))
      return fail(reader, "a member was expected");
    skip_space(reader);
    const char *value = reader->at;
    if (strcmp(key, "schema_version") == 0 && !read_number(reader, &version))
      return false;
    if (strcmp(key, "results") == 0) {
      if (!accept(reader, '['))
        return fail(reader, "results must be an array");
      if (!accept(reader, ']')) {
        do {
          if (!read_row(reader, results))
            return false;
        } while (accept(reader, ','));
        if (!accept(reader, ']'))
          return fail(reader, "unfinished results");
      }
    }
    if (reader->at == value && !skip_value(reader))
      return false;
    if (strcmp(key, "env") == 0 && results->env == NULL)
      results->env = strndup(value, (size_t)(reader->at - value));
  } while (accept(reader, ','));
  if (!accept(reader, '}'))
    return fail(reader, "unfinished object");
  return version == 1 || fail(reader, "schema_version is not 1");
}

static char *read_file(const char *path, char *error, size_t size)
{
  FILE *in = fopen(path, "r");
  if (in == NULL) {
    snprintf(error, size, "%s", strerror(errno));
    return NULL;
  }
  size_t room = 1 << 16, length = 0;
  char *text = malloc(room);
  for (size_t n; text != NULL && (n = fread(text + length, 1, room - length - 1, in)) > 0;) {
    length += n;
    if (room - length < 2)
      text = realloc(text, room *= 2);
  }
  fclose(in);
  if (text == NULL)
    snprintf(error, size, "no memory");
  else
    text[length] = '\0';
  return text;
}

bool bench_json_read(const char *path, struct bench_results *results, char *error, size_t size)
{
  error[0] = '\0';
  char *text = read_file(path, error, size);
  if (text == NULL)
    return false;
  struct reader reader = {text, text, error, size, 0};
  bool good = read_top(&reader, results);
  free(text);
  return good;
}
