#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""layers.py - the architecture, as rules that a build can check.

usage: layers.py SOURCE_ROOT        checks the tree, then that each rule catches a planted violation of itself

The rules are those of the design: includes point down, one file sleeps, one file makes system calls, one file names memory
orders, two free nodes, no Concurrency Kit in public headers, and Concurrency Kit used where it is said to be used.
Comments and strings do not count, so that a file may explain what it must not do.
"""
import pathlib
import re
import sys

# Layer of each file of src/, by stem. A file may include its own layer and those below.
LAYERS = {
    "atomic": 0, "os": 0, "os_linux": 0, "base": 0,
    "admit": 1, "backoff": 1, "reclaim": 1, "fifo_segment": 1, "fifo": 1, "spsc": 1, "ring": 1, "pool": 1, "top": 1,
    "lifo": 1, "heap": 1, "heap_chunk": 1, "heap_valid": 1, "heap4": 1, "relaxed": 1,
    "park": 2,
    "core": 3, "custom": 3, "locked": 3, "fork": 3, "queue": 3, "simple": 3, "sync": 3, "thread": 3,
    "future": 4,
    "executor": 5, "sched": 5,
    "shm": 6, "process": 6, "procpool": 6,
}

SYSTEM_CALLS = (r"\b(syscall|open|openat|read|write|close|poll|ppoll|epoll_\w+|eventfd\w*|mmap|munmap|madvise|fork|kill|nanosleep|usleep|sleep"
                r"|sched_\w+|clock_\w+|gettimeofday|pthread_\w+|sem_\w+|timer\w*_create|getpid|gettid|sysconf|sysinfo|signalfd|pipe2?)\s*\(|\bSYS_\w+")
ORDERS = r"__atomic_|__sync_|\b__ATOMIC_|\bmemory_order|\b_Atomic\b|<stdatomic\.h>|\bck_pr_"
SLEEPS = r"\bos_futex_wait\s*\("
FREES = r"\bpawl__free\s*\(|(?<![\w.>])free\s*\("

# What the design says Concurrency Kit is used for: (file, pattern).
CK_USES = [
    ("src/atomic.h", r"<ck_pr\.h>"), ("src/atomic.h", r"\bck_pr_stall\s*\("),
    ("src/atomic.h", r"<ck_md\.h>"), ("src/atomic.h", r"\bCK_MD_CACHELINE\b"),
]

# (what is forbidden, pattern, files it is looked for in, files that may): by path prefix.
RULES = [
    ("sleeps outside park.c", SLEEPS, "src/", {"src/park.c", "src/os.h", "src/os_linux.c"}),
    ("makes a system call outside os_linux.c", SYSTEM_CALLS, "src/", {"src/os_linux.c"}),
    ("names memory orders outside atomic.h", ORDERS, "src/", {"src/atomic.h"}),
    # check.h is the interface of pawl-check: the orders that it takes as arguments are its subject.
    ("names memory orders in a public header", ORDERS, "include/", {"include/pawl/check.h"}),
    # base.c is the hook itself.
    ("frees nodes outside reclaim.c, fifo_segment.h and pool.c", FREES, "src/", {"src/reclaim.c", "src/reclaim.h", "src/fifo_segment.h", "src/pool.c", "src/base.c", "src/base.h"}),
    ("includes Concurrency Kit in a public header", r"<ck_\w+\.h>|\bck_\w+|\bCK_", "include/", set()),
    ("includes a private header in a public one", r'#\s*include\s+"', "include/", set()),
]
# Whole objects are made and given back in these functions, which therefore may call pawl__free.
OWNERS = re.compile(r"\b(\w*(?:_new|_init|_free|_fini))\s*\([^;{]*\)\s*\{")


def strip(text, keep_includes=True):
    """Blanks comments and string contents, keeping line numbers."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)

    def blank(match):
        piece = match.group(0)
        if piece[0] == '"':
            line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
            return piece if keep_includes and re.match(r"\s*#\s*include\s+$", line) else '""'
        return re.sub(r"[^\n]", " ", piece)

    return pattern.sub(blank, text)


def without_owners(code):
    """Blanks the bodies of OWNERS."""
    for match in list(OWNERS.finditer(code)):
        depth, at = 1, match.end()
        while depth and at < len(code):
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            at += 1
        code = code[:match.end()] + re.sub(r"[^\n]", " ", code[match.end():at]) + code[at:]
    return code


def check_includes(path, code, complaints):
    stem = pathlib.Path(path).stem
    if stem not in LAYERS:
        complaints.append(f"{path}: stands in no layer (add it to LAYERS)")
        return
    for match in re.finditer(r'#\s*include\s+"([^"]+)"', code):
        other = pathlib.Path(match.group(1)).stem
        if other == "model_atomic" and stem == "atomic":
            continue  # the deterministic scheduler's world, only under its macro
        if LAYERS.get(other, 99) > LAYERS[stem]:
            complaints.append(f"{path}: includes {match.group(1)}, which stands above it")


def check(files):
    """All complaints about {path: text}."""
    complaints = []
    for path, text in sorted(files.items()):
        code = strip(text)
        if path.startswith("src/"):
            check_includes(path, code, complaints)
        for what, pattern, where, allowed in RULES:
            if not path.startswith(where) or path in allowed:
                continue
            searched = without_owners(code) if pattern is FREES else code
            for match in re.finditer(pattern, searched):
                line = searched.count("\n", 0, match.start()) + 1
                complaints.append(f"{path}:{line}: {what}: {match.group(0).strip()}")
    for path, pattern in CK_USES:
        if not re.search(pattern, strip(files.get(path, ""))):
            complaints.append(f"{path}: Concurrency Kit is not used here as the design says ({pattern})")
    return complaints


# Each violation is appended to the file named and must raise exactly one kind of complaint.
PLANTED = [
    ("src/fifo.h", '#include "park.h"\n', "stands above it"),
    ("src/stray.c", "int x;\n", "stands in no layer"),
    ("src/queue.c", "void f(void) { os_futex_wait(0, 0, 0, 0); }\n", "sleeps outside"),
    ("src/queue.c", "void f(void) { syscall(1); }\n", "system call"),
    ("src/base.c", "int f = SYS_futex;\n", "system call"),
    ("src/park.c", "void f(void) { pthread_mutex_lock(0); }\n", "system call"),
    ("src/park.c", "int f(int *p) { return __atomic_load_n(p, 0); }\n", "memory orders outside"),
    ("src/reclaim.c", "#include <stdatomic.h>\n", "memory orders outside"),
    ("src/fifo.h", "void f(void) { ck_pr_fence_memory(); }\n", "memory orders outside"),
    ("include/pawl/queue.h", "static _Atomic int x;\n", "memory orders in a public header"),
    ("src/queue.c", "static void f(void *p) { pawl__free(p, 1, 1); }\n", "frees nodes"),
    ("src/queue.c", "static void f(void *p) { free(p); }\n", "frees nodes"),
    ("include/pawl/base.h", "#include <ck_ring.h>\n", "Concurrency Kit in a public header"),
    ("include/pawl/base.h", '#include "base.h"\n', "private header"),
]


def self_test(files):
    """Complaints about this script: planted violations that it does not see, innocent text that it blames."""
    base, missed = set(check(files)), []
    for path, text, expected in PLANTED:
        new = set(check({**files, path: files.get(path, "") + text})) - base
        if not any(expected in complaint for complaint in new):
            missed.append(f"layers.py does not see in {path}: {text.strip()}")
    without_ck = {**files, "src/atomic.h": files["src/atomic.h"].replace("ck_pr_stall", "nothing")}
    if len(check(without_ck)) == len(base):
        missed.append("layers.py does not see that Concurrency Kit is gone")
    innocent = '/* syscall( SYS_futex */ // __atomic_load_n\nconst char *text = "os_futex_wait(";\nint x_free(void *p) { pawl__free(p, 1, 1); }\n'
    if set(check({**files, "src/queue.c": files.get("src/queue.c", "") + innocent})) - base:
        missed.append("layers.py blames innocent text")
    return missed


def main():
    root = pathlib.Path(sys.argv[1])
    files = {str(p.relative_to(root)): p.read_text() for d in ("src", "include") for p in (root / d).rglob("*.[ch]")}
    complaints = check(files)
    missed = self_test(files)
    for complaint in complaints + missed:
        print(complaint)
    clean = len(files) - len({complaint.split(":")[0] for complaint in complaints} & set(files))
    print(f"{clean + len(PLANTED) + 2 - len(missed)} passed, {len(complaints + missed)} failed: {len(files)} files, {len(PLANTED) + 2} planted cases")
    return bool(complaints or missed or not files)


sys.exit(main())
