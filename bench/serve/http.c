/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.c - see http.h. Bytes are checked as they arrive (so that garbage is refused at once and not at the end of its
 * line), meaning is read off a line when it is complete.
 */
#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A piece of the head: [at, end). */
struct span {
  const char *at;
  const char *end;
};

static size_t span_size(struct span s)
{
  return (size_t)(s.end - s.at);
}

static bool span_is(struct span s, const char *word)
{
  return span_size(s) == strlen(word) && strncasecmp(s.at, word, span_size(s)) == 0;
}

/* Takes what stands before the first `stop` off the front of *s; without a stop, all of it. */
static struct span span_until(struct span *s, char stop)
{
  struct span piece = *s;
  const char *at = memchr(s->at, stop, span_size(*s));
  piece.end = at ? at : s->end;
  s->at = at ? at + 1 : s->end;
  return piece;
}

static struct span span_trim(struct span s)
{
  while (s.at < s.end && (*s.at == ' ' || *s.at == '\t'))
    s.at++;
  while (s.at < s.end && (s.end[-1] == ' ' || s.end[-1] == '\t'))
    s.end--;
  return s;
}

/* RFC 9110, 5.6.2: what names of methods and fields are made of. */
static bool is_token(struct span s)
{
  for (const char *c = s.at; c < s.end; c++) {
    bool alnum = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
    if (!alnum && (*c == '\0' || !strchr("!#$%&'*+-.^_`|~", *c)))
      return false;
  }
  return s.at < s.end;
}

static bool is_visible(struct span s)
{
  for (const char *c = s.at; c < s.end; c++)
    if (*c < 0x21 || *c > 0x7e)
      return false;
  return s.at < s.end;
}

/* "HTTP/1.x": 0 and the minor version; HTTP of another major version: 505; anything else: 400. */
static int parse_version(struct span s, unsigned *minor)
{
  if (span_size(s) != 8 || memcmp(s.at, "HTTP/", 5) != 0 || s.at[6] != '.')
    return 400;
  if (s.at[5] < '0' || s.at[5] > '9' || s.at[7] < '0' || s.at[7] > '9')
    return 400;
  *minor = (unsigned)(s.at[7] - '0');
  return s.at[5] == '1' ? 0 : 505;
}

static int parse_request_line(struct http_parser *parser, struct http_request *request, struct span line)
{
  struct span method = span_until(&line, ' ');
  struct span target = span_until(&line, ' ');
  if (!is_token(method) || !is_visible(target))
    return 400;
  int status = parse_version(line, &parser->minor);
  if (status)
    return status;
  request->head_only = span_size(method) == 4 && memcmp(method.at, "HEAD", 4) == 0;
  if (!request->head_only && (span_size(method) != 3 || memcmp(method.at, "GET", 3) != 0))
    return 501;
  if (*target.at != '/' && (span_size(target) < 8 || strncasecmp(target.at, "http://", 7) != 0))
    return 400;
  if (span_size(target) > HTTP_TARGET_MAX)
    return 414;
  request->target_size = span_size(target);
  memcpy(request->target, target.at, request->target_size);
  request->keep_alive = parser->minor >= 1;
  parser->started = true;
  return 0;
}

/* Connection: a list of words; "close" wins over "keep-alive", in whatever order and fields they come. */
static void parse_connection(struct http_parser *parser, struct http_request *request, struct span value)
{
  while (value.at < value.end) {
    struct span word = span_trim(span_until(&value, ','));
    if (span_is(word, "close"))
      parser->closed = true;
    else if (span_is(word, "keep-alive") && parser->minor == 0)
      request->keep_alive = true;
  }
}

/* Content-Length: only 0 passes, since no body is read: 413 for more, 400 for what is no number. */
static int parse_length(struct span value)
{
  bool zero = true;
  for (const char *c = value.at; c < value.end; c++) {
    if (*c < '0' || *c > '9')
      return 400;
    zero = zero && *c == '0';
  }
  return value.at == value.end ? 400 : zero ? 0 : 413;
}

static int parse_field(struct http_parser *parser, struct http_request *request, struct span line)
{
  if (!memchr(line.at, ':', span_size(line)))
    return 400;
  struct span name = span_until(&line, ':');
  struct span value = span_trim(line);
  if (!is_token(name)) /* also a folded line, and white space before the colon */
    return 400;
  if (span_is(name, "host"))
    return ++parser->hosts > 1 ? 400 : 0;
  if (span_is(name, "connection"))
    parse_connection(parser, request, value);
  else if (span_is(name, "content-length"))
    return parse_length(value);
  else if (span_is(name, "transfer-encoding"))
    return 501;
  return 0;
}

/* The empty line: 200, unless HTTP/1.1's one obligatory field is missing. */
static int parse_end(const struct http_parser *parser, struct http_request *request)
{
  if (parser->closed)
    request->keep_alive = false;
  return parser->minor >= 1 && parser->hosts == 0 ? 400 : 200;
}

static int parse_line(struct http_parser *parser, struct http_request *request, struct span line)
{
  if (!parser->started) /* RFC 9112, 2.2: empty lines before the request are passed over */
    return line.at == line.end ? 0 : parse_request_line(parser, request, line);
  return line.at == line.end ? parse_end(parser, request) : parse_field(parser, request, line);
}

/* Can this byte stand here at all? `before` is the byte before it in its line, or 0. */
static bool byte_fits(const struct http_parser *parser, unsigned char byte, unsigned char before)
{
  if (before == '\r')
    return byte == '\n';
  if (byte < 0x20)
    return byte == '\n' || byte == '\r' || (byte == '\t' && parser->started);
  return byte < 0x7f || (byte > 0x7f && parser->started);
}

int http_parse(struct http_parser *parser, struct http_request *request, const char *buffer, size_t size)
{
  while (parser->scanned < size) {
    size_t at = parser->scanned++;
    char before = at > parser->line ? buffer[at - 1] : 0;
    if (!byte_fits(parser, (unsigned char)buffer[at], (unsigned char)before))
      return 400;
    if (buffer[at] != '\n')
      continue;
    struct span line = {buffer + parser->line, buffer + at - (before == '\r')};
    parser->line = at + 1;
    int status = parse_line(parser, request, line);
    if (status)
      return status;
  }
  if (size < HTTP_HEAD_MAX)
    return 0;
  return parser->started ? 431 : 414;
}

static const char *reason(int status)
{
  switch (status) {
  case 200:
    return "OK";
  case 400:
    return "Bad Request";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 431:
    return "Request Header Fields Too Large";
  case 501:
    return "Not Implemented";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Unknown";
  }
}

enum { DATE_MAX = sizeof "Sun, 06 Nov 1994 08:49:37 GMT" };

/* Formats the date once per second and thread. The process keeps the "C" locale, whose names are those of the RFC. */
static const char *date_now(void)
{
  static _Thread_local char text[DATE_MAX];
  static _Thread_local time_t made;
  time_t now = time(NULL);
  struct tm utc;
  if (now != made && gmtime_r(&now, &utc) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc))
    made = now;
  return text;
}

size_t http_reply(char *out, const struct http_answer *answer)
{
  size_t body = answer->body_size < HTTP_BODY_MAX ? answer->body_size : HTTP_BODY_MAX;
  const char *connection = answer->keep_alive ? "keep-alive" : "close";
  const char *retry = answer->status == 503 ? "Retry-After: 1\r\n" : "";
  int head = snprintf(out, HTTP_REPLY_MAX - HTTP_BODY_MAX,
                      "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                      "Connection: %s\r\n%s\r\n",
                      answer->status, reason(answer->status), date_now(), body, connection, retry);
  if (answer->head_only)
    return (size_t)head;
  memcpy(out + head, answer->body, body);
  return (size_t)head + body;
}
