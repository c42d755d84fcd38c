/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pawl-serve - a small HTTP/1.1 keep-alive server on epoll and two Pawl queues: what a real embedding looks like, and the
 * test that the queues hold their promises in one (tests/test_serve.py). It listens on the loopback unless told otherwise.
 *
 *   clients -> [loop: epoll] -> requests, bounded, PAWL_NOWAIT -> [workers] -> replies, a descriptor in epoll -> [loop]
 *
 * loop.h owns the sockets, workers.h the application, http.h the protocol, exchange.h says what passes between them.
 * Not for: production; it serves an echo, has no TLS, no logs and no configuration.
 */
#include "loop.h"
#include "workers.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct options {
  const char *bind;
  const char *port;
  int64_t workers;
  int64_t queue;
  int64_t work_us;
  int64_t timeout_ms;
};

static const char usage[] = "usage: pawl-serve [options]\n"
                            "  --bind ADDRESS     numeric address to listen on (127.0.0.1)\n"
                            "  --port N           port, 0: any free one (8080); the choice is printed\n"
                            "  --workers N        worker threads, 1 to 256 (one per CPU)\n"
                            "  --queue N          requests that may wait for a worker before 503 is answered (1024)\n"
                            "  --work-us N        microseconds that a request keeps its worker, asleep (0)\n"
                            "  --timeout-ms N     milliseconds a client may take to send, to read, or to idle (10000)\n"
                            "SIGTERM or SIGINT: answer what was accepted, print the counters, exit 0.\n";

static int64_t number(const char *text, int64_t least, int64_t most)
{
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < least || value > most) {
    fprintf(stderr, "pawl-serve: %s is not a number from %" PRId64 " to %" PRId64 "\n%s", text, least, most, usage);
    exit(2);
  }
  return value;
}

static struct options parse_options(int argc, char **argv)
{
  static const struct option names[] = {{"bind", 1, NULL, 'b'},  {"port", 1, NULL, 'p'},    {"workers", 1, NULL, 'w'},
                                        {"queue", 1, NULL, 'q'}, {"work-us", 1, NULL, 'u'}, {"timeout-ms", 1, NULL, 't'},
                                        {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
  unsigned cpus = pawl_cpu_count();
  struct options o = {"127.0.0.1", "8080", cpus < WORKERS_MAX ? cpus : WORKERS_MAX, 1024, 0, 10000};
  int name;
  while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
    switch (name) {
    case 'b':
      o.bind = optarg;
      break;
    case 'p':
      number(optarg, 0, 65535);
      o.port = optarg;
      break;
    case 'w':
      o.workers = number(optarg, 1, WORKERS_MAX);
      break;
    case 'q':
      o.queue = number(optarg, 1, 1 << 20);
      break;
    case 'u':
      o.work_us = number(optarg, 0, 60 * 1000 * 1000);
      break;
    case 't':
      o.timeout_ms = number(optarg, 1, 24 * 3600 * 1000);
      break;
    default:
      fputs(usage, name == 'h' ? stdout : stderr);
      exit(name == 'h' ? 0 : 2);
    }
  }
  if (optind < argc) {
    fputs(usage, stderr);
    exit(2);
  }
  return o;
}

static int fail(const char *what, const char *why)
{
  fprintf(stderr, "pawl-serve: %s: %s\n", what, why);
  return 1;
}

static int bind_and_listen(int fd, const struct addrinfo *address)
{
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0 ? -errno : 0;
}

/* A listening socket, or -1 after a message. */
static int open_listener(const struct options *o)
{
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  struct addrinfo *address;
  int error = getaddrinfo(o->bind, o->port, &hints, &address);
  if (error) {
    fail(o->bind, gai_strerror(error));
    return -1;
  }
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int result = fd < 0 ? -errno : bind_and_listen(fd, address);
  freeaddrinfo(address);
  if (result == 0)
    return fd;
  fail("cannot listen", pawl_strerror(result));
  if (fd >= 0)
    close(fd);
  return -1;
}

/* Tells the address, which whoever started us on port 0 waits for. */
static void print_address(int listener)
{
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
      getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) ==
          0)
    printf("listening on %s port %s\n", host, port);
  fflush(stdout);
}

/* Blocks the signals before the first thread starts, so that all come through the descriptor; -1 after a message. */
static int open_signals(void)
{
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0)
    fail("signalfd", pawl_strerror(-errno));
  return fd;
}

static int print_counters(const struct counters *c)
{
  bool exact = c->requests == c->answered + c->shed + c->lost;
  printf("connections %" PRIu64 " requests %" PRIu64 " answered %" PRIu64 " shed %" PRIu64 " lost %" PRIu64 " rejected %" PRIu64
         " dropped %" PRIu64 "\n",
         c->connections, c->requests, c->answered, c->shed, c->lost, c->rejected, c->dropped);
  return exact ? 0 : fail("counters", "requests != answered + shed + lost");
}

static int serve(struct loop *loop, struct workers *workers, unsigned count)
{
  int result = loop_open(loop);
  if (result != 0)
    return fail("loop", pawl_strerror(result));
  result = workers_start(workers, count);
  if (result == 0) {
    print_address(loop->listener);
    loop_run(loop);
    workers_join(workers);
  }
  loop_close(loop);
  return result == 0 ? print_counters(&loop->counters) : fail("workers", pawl_strerror(result));
}

/* One bound serves both queues: a worker that finds the replies full waits, and the loop, which never does, takes some. */
static int serve_through_queues(const struct options *o, struct loop *loop)
{
  static struct pawl_queue requests, replies;
  const struct pawl_queue_options bounded = {.maxsize = o->queue, .flags = PAWL_UNTRACKED};
  struct workers workers = {.requests = &requests, .replies = &replies, .work = PAWL_US(o->work_us)};
  loop->requests = &requests;
  loop->replies = &replies;
  loop->patience = PAWL_MS(o->timeout_ms);
  int result = pawl_queue_init(&requests, &bounded);
  if (result == 0)
    result = pawl_queue_init(&replies, &bounded);
  int status = result == 0 ? serve(loop, &workers, (unsigned)o->workers) : fail("queues", pawl_strerror(result));
  pawl_queue_fini(&replies);
  pawl_queue_fini(&requests);
  return status;
}

int main(int argc, char **argv)
{
  struct options options = parse_options(argc, argv);
  struct loop loop = {.listener = open_listener(&options), .signals = open_signals()};
  int status = loop.listener < 0 || loop.signals < 0 ? 1 : serve_through_queues(&options, &loop);
  if (loop.listener >= 0)
    close(loop.listener);
  if (loop.signals >= 0)
    close(loop.signals);
  return status;
}
