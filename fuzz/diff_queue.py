#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The differential test: the same operations on Pawl (diff_queue, the C half) and on Python's queue module, compared.

  diff_queue.py DRIVER [--seconds S] [--seed N] [FILE_OR_DIRECTORY...]

First the programs in the files, then programs made at random for S seconds. A difference is printed with the shortest
program found that still shows it; the exit status is then 1. Where Python has no shutdown (before 3.13) its definition is
added here. Out of scope, because Pawl deviates on purpose: negative timeouts (they are deadlines in the past) and
SimpleQueue's shutdown, which Python does not have.
"""

import argparse
import itertools
import pathlib
import queue
import random
import subprocess
import sys
import time

if hasattr(queue, "ShutDown"):
    ShutDown = queue.ShutDown

    class Shutdown:
        pass

else:

    class ShutDown(Exception):
        pass

    class Shutdown:
        """Python 3.13's shutdown for an older Queue, for one thread."""

        is_shutdown = False

        def put(self, item, block=True, timeout=None):
            if self.is_shutdown:
                raise ShutDown
            super().put(item, block, timeout)

        def get(self, block=True, timeout=None):
            if self.is_shutdown and not self._qsize():
                raise ShutDown
            return super().get(block, timeout)

        def shutdown(self, immediate=False):
            self.is_shutdown = True
            while immediate and self._qsize():
                self._get()
                if self.unfinished_tasks > 0:
                    self.unfinished_tasks -= 1


class Fifo(Shutdown, queue.Queue):
    pass


class Lifo(Shutdown, queue.LifoQueue):
    pass


class Priority(Shutdown, queue.PriorityQueue):
    pass


ORDERS = {"lifo": Lifo, "priority": Priority, "locked": Priority, "less": Priority}


class Oracle:
    """Answers as diff_queue.c does."""

    def new(self, kind, maxsize):
        self.simple = kind == "simple"
        self.queue = queue.SimpleQueue() if self.simple else ORDERS.get(kind, Fifo)(int(maxsize))
        return "ok"

    def put(self, item, ms):
        if ms == "0":
            self.queue.put(int(item), block=False)
        else:
            self.queue.put(int(item), timeout=int(ms) / 1000)
        return "ok"

    def get(self, ms):
        item = self.queue.get(block=False) if ms == "0" else self.queue.get(timeout=int(ms) / 1000)
        return f"ok {item}"

    def task_done(self):
        self.queue.task_done()
        return "ok"

    def join(self):
        if self.queue.unfinished_tasks:
            return "would block"
        self.queue.join()
        return "ok"

    def qsize(self):
        return f"ok {self.queue.qsize()}"

    def empty(self):
        return f"ok {int(self.queue.empty())}"

    def full(self):
        return f"ok {int(self.queue.full())}"

    def unfinished(self):
        return f"ok {self.queue.unfinished_tasks}"

    def maxsize(self, maxsize):
        self.queue.maxsize = int(maxsize)
        return "ok"

    def shutdown(self, immediate):
        self.queue.shutdown(immediate != "0")
        return "ok"

    def answer(self, line):
        operation, *args = line.split()
        try:
            return getattr(self, operation)(*args)
        except queue.Full:
            return "full"
        except queue.Empty:
            return "empty"
        except ShutDown:
            return "shutdown"
        except ValueError:
            return "too many"


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answers(self, program):
        self.process.stdin.write("\n".join(program) + "\n\n")
        self.process.stdin.flush()
        answers = [self.process.stdout.readline().rstrip("\n") for _ in program]
        if self.process.poll() is not None:
            raise SystemExit(f"the driver ended with {self.process.returncode}:\n" + "\n".join(program))
        return answers


def difference(driver, program):
    """Where the two first differ, or None."""
    oracle = Oracle()
    for line, got, expected in zip(program, driver.answers(program), map(oracle.answer, program)):
        if got != expected:
            return f"{line}: Pawl answers {got!r}, Python {expected!r}"
    return None


def shortest(driver, program):
    """Leaves out what can be left out."""
    again = True
    while again:
        again = False
        for i in range(len(program) - 1, 0, -1):
            shorter = program[:i] + program[i + 1 :]
            if difference(driver, shorter):
                program, again = shorter, True
    return program


def random_program(rng):
    kind = rng.choice(["fifo", "fifo", "ring", "prealloc", "spsc", "custom", "simple", *ORDERS])
    bounded = kind in ("ring", "prealloc")
    capacity = rng.choice([1, 1, 2, 3, 5, 8, 64]) if bounded else rng.choice([-1, 0, 0, 1, 1, 2, 3, 5, 64])
    # Priorities are few, so that there are equals; Python's order of equals cannot be seen, because an item is its own key.
    item = iter(lambda: rng.randint(-9, 9), None) if ORDERS.get(kind) is Priority else itertools.count(1)
    milliseconds = lambda: 1 if rng.random() < 0.01 else 0
    common = [
        lambda: f"put {next(item)} {milliseconds()}",
        lambda: f"put {next(item)} {milliseconds()}",
        lambda: f"get {milliseconds()}",
        lambda: "qsize",
        lambda: "empty",
    ]
    queues_only = [
        lambda: "task_done",
        lambda: "task_done",
        lambda: "join",
        lambda: "full",
        lambda: "unfinished",
        lambda: f"maxsize {rng.randint(1, capacity) if bounded else rng.randint(-1, 6)}",
        lambda: "get 0",
        lambda: f"shutdown {rng.randint(0, 1)}" if rng.random() < 0.1 else "get 0",
    ]
    choices = common if kind == "simple" else common + queues_only
    return [f"new {kind} {capacity}"] + [rng.choice(choices)() for _ in range(rng.randint(1, 60))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("driver")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_intermixed_args()
    driver, rng = Driver(args.driver), random.Random(args.seed)
    paths = [p for name in args.files for p in (sorted(pathlib.Path(name).iterdir()) if pathlib.Path(name).is_dir() else [pathlib.Path(name)])]
    from_files = ([l for l in p.read_text().splitlines() if l and not l.startswith("#")] for p in paths)
    end = time.monotonic() + args.seconds
    at_random = iter(lambda: random_program(rng) if time.monotonic() < end else None, None)
    programs = operations = 0
    for program in itertools.chain(from_files, at_random):
        if difference(driver, program):
            program = shortest(driver, program)
            print(difference(driver, program), "\n\n" + "\n".join(program))
            return 1
        programs += 1
        operations += len(program)
    print(f"{programs} programs ({len(paths)} from files), {operations} operations: Pawl and Python agree")
    return 0 if programs else 1


if __name__ == "__main__":
    sys.exit(main())
