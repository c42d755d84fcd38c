/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - the part of HTTP/1.1 that pawl-serve speaks: heads of GET and HEAD requests in, replies out. No I/O here.
 *
 * The parser is incremental: bytes may come one at a time, each is looked at once when it arrives and once more when its
 * line is complete. It is strict where leniency has been abused (RFC 9112: bare CR, folded lines, white space before a
 * colon, missing or repeated Host) and takes no request body, so that no two readers can disagree about where a request ends.
 * Not for: proxies, bodies, trailers, upgrades, percent-decoding of the target.
 * Source: RFC 9110 and RFC 9112.
 */
#ifndef PAWL_SERVE_HTTP_H
#define PAWL_SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum {
  HTTP_HEAD_MAX = 8192,   /* bytes of request line and fields together */
  HTTP_TARGET_MAX = 1024, /* bytes of the target */
  HTTP_BODY_MAX = 1536,   /* bytes of a reply's body */
  HTTP_REPLY_MAX = 2048,  /* bytes of a reply: body and head, whose fields are our own and short */
};

struct http_request {
  bool head_only;  /* HEAD: the reply has no body */
  bool keep_alive; /* the client wants to go on */
  size_t target_size;
  char target[HTTP_TARGET_MAX]; /* not terminated; bytes 0x21 to 0x7e only */
};

/* All zero: at the start of a request. Offsets count from the start of the buffer that http_parse is given. */
struct http_parser {
  size_t line;    /* where the current line starts; after a complete head: its size */
  size_t scanned; /* bytes looked at */
  unsigned minor; /* HTTP/1.x */
  unsigned hosts; /* Host fields seen */
  bool started;   /* the request line is complete */
  bool closed;    /* "Connection: close" seen */
};

/*
 * Goes on parsing buffer[0 .. size), which holds what an earlier call with this parser saw and perhaps more. Returns 0:
 * the head is not complete yet; 200: it is, `request` is filled and the head was parser->line bytes long; else the status
 * to refuse the request with, after which the connection is of no more use.
 */
int http_parse(struct http_parser *parser, struct http_request *request, const char *buffer, size_t size);

/* What a reply says. The body is plain text. */
struct http_answer {
  int status;
  bool keep_alive;
  bool head_only;
  const char *body;
  size_t body_size;
};

/* Writes a reply to out, which has room for HTTP_REPLY_MAX bytes, and returns its size. A body is cut at HTTP_BODY_MAX. */
size_t http_reply(char *out, const struct http_answer *answer);

#endif
