/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_http.c - the parser gives one answer however its input is cut into pieces, and never looks beyond the bytes it was
 * given: each prefix stands in a buffer of its own size, where a sanitizer sees a byte too many. Known heads have known
 * answers; then heads damaged at random must get the same answer whole and byte by byte.
 */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAMAGED_HEADS = 20000, ROOM = 512 };

struct outcome {
  int status;
  size_t size; /* of the head, when status is 200 */
  struct http_request request;
};

static int failures;

static void report(const char *what, const char *head, size_t size)
{
  failures++;
  fprintf(stderr, "%s:", what);
  for (size_t i = 0; i < size; i++)
    fprintf(stderr, head[i] >= 0x20 && head[i] < 0x7f ? "%c" : "\\x%02x", (unsigned char)head[i]);
  fputc('\n', stderr);
}

/* Shows the parser the first `cut` bytes, then `step` more at a time, each time in a fresh buffer of the exact size. */
static struct outcome parse(const char *head, size_t size, size_t cut, size_t step)
{
  struct http_parser parser = {0};
  struct outcome outcome = {0};
  for (size_t shown = cut; outcome.status == 0; shown = size - shown < step ? size : shown + step) {
    char *copy = malloc(shown ? shown : 1);
    if (!copy)
      abort();
    memcpy(copy, head, shown);
    outcome.status = http_parse(&parser, &outcome.request, copy, shown);
    free(copy);
    if (shown == size)
      break;
  }
  outcome.size = outcome.status == 200 ? parser.line : 0;
  return outcome;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
  if (a->status != b->status || a->size != b->size)
    return false;
  const struct http_request *x = &a->request, *y = &b->request;
  return a->status != 200 || (x->head_only == y->head_only && x->keep_alive == y->keep_alive &&
                              x->target_size == y->target_size && memcmp(x->target, y->target, x->target_size) == 0);
}

/* Refusals may come before the last byte; what follows a head is not part of it. */
static void known_heads_at_every_cut(void)
{
  static const struct {
    int status;
    const char *head;
  } known[] = {
      {200, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {200, "\r\n\r\nHEAD /a?b=c HTTP/1.0\r\n\r\n"},
      {200, "GET http://a/b HTTP/1.1\nHost:\nContent-Length: 000\nConnection: x,\tclose ,y\n\n"},
      {200, "GET / HTTP/1.9\r\nHost: a\r\nX-Long: \x80\xff \t tail\t\r\n\r\n"},
      {0, "GET / HTTP/1.1\r\nHost: a\r\n\r"},
      {0, ""},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n\rX"},
      {400, "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"},
      {413, "GET / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n"},
      {501, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {505, "GET / HTTP/3.0\r\n\r\n"},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    size_t size = strlen(known[i].head);
    struct outcome whole = parse(known[i].head, size, size, 1);
    if (whole.status != known[i].status || (whole.status == 200 && whole.size != size))
      report("wrong answer", known[i].head, size);
    for (size_t cut = 0; cut < size; cut++) {
      struct outcome pieces = parse(known[i].head, size, cut, cut % 3 ? size : 1);
      if (!same(&whole, &pieces))
        report("answer depends on the cut", known[i].head, size);
    }
  }
}

static unsigned dice(unsigned sides)
{
  static unsigned long long state = 88172645463325252ULL; /* xorshift64, Marsaglia 2003 */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % sides;
}

static void damaged_heads_whole_and_byte_by_byte(void)
{
  static const char sound[] = "GET /a/b HTTP/1.1\r\nHost: example\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\nGET";
  static const char favourites[] = "\0\r\n\t :/,.109\x7f\x80";
  unsigned seen[2] = {0, 0};
  for (int n = 0; n < DAMAGED_HEADS; n++) {
    char head[ROOM];
    size_t size = sizeof sound - 1;
    memcpy(head, sound, size);
    for (unsigned damages = dice(4); damages; damages--) {
      size_t at = dice((unsigned)size);
      head[at] = dice(2) ? favourites[dice(sizeof favourites)] : (char)dice(256);
      if (dice(4) == 0)
        size = at + 1;
    }
    struct outcome whole = parse(head, size, size, 1);
    struct outcome pieces = parse(head, size, 0, 1);
    if (!same(&whole, &pieces))
      report("whole and byte by byte differ", head, size);
    seen[whole.status == 200]++;
  }
  if (seen[0] < DAMAGED_HEADS / 10 || seen[1] < DAMAGED_HEADS / 10)
    report("the dice are loaded", "", 0);
}

static void size_limits(void)
{
  static char head[HTTP_HEAD_MAX];
  struct http_request request;
  struct http_parser parser = {0};
  memset(head, 'a', sizeof head);
  if (http_parse(&parser, &request, head, sizeof head - 1) != 0 || http_parse(&parser, &request, head, sizeof head) != 414)
    report("endless request line", "", 0);
  static const char start[] = "GET / HTTP/1.1\r\nX: ";
  memcpy(head, start, sizeof start - 1);
  parser = (struct http_parser){0};
  if (http_parse(&parser, &request, head, sizeof head - 1) != 0 || http_parse(&parser, &request, head, sizeof head) != 431)
    report("endless field", "", 0);
}

static void longest_reply_fits(void)
{
  static char body[HTTP_BODY_MAX + 1], out[HTTP_REPLY_MAX];
  struct http_answer answer = {503, true, false, body, sizeof body};
  memset(body, 'b', sizeof body);
  size_t size = http_reply(out, &answer);
  if (size > sizeof out || !memmem(out, size, "Content-Length: 1536\r\n", 22) || out[size - HTTP_BODY_MAX - 1] != '\n')
    report("longest reply", out, size < sizeof out ? size : sizeof out);
  answer.head_only = true;
  if (http_reply(out, &answer) != size - HTTP_BODY_MAX)
    report("longest reply without its body", "", 0);
}

int main(void)
{
  known_heads_at_every_cut();
  damaged_heads_whole_and_byte_by_byte();
  size_limits();
  longest_reply_fits();
  return failures != 0;
}
