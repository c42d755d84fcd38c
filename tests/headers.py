#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""headers.py - every public header stands alone, in every language version it promises, without a warning.

usage: headers.py INCLUDE_DIRECTORY        compilers: gcc, clang and their C++ halves, as far as they are installed

Each header is included alone and twice, then its initialisers and generating macros are used. Serves the promise of
pawl/base.h that programs in C11 to C23 and C++11 to C++20 may include Pawl under their own warning flags.
"""
import pathlib
import shutil
import subprocess
import sys

C = ["c11", "c17", "c2x"]
CPP = ["c++11", "c++17", "c++20"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]

# What a user writes with the macros of a header, in the common subset of C and C++.
USES = {
    "pawl/base.h": "int64_t use(void) { return pawl_after(PAWL_MS(250) + PAWL_US(1) + PAWL_S(1)) - PAWL_FOREVER + PAWL_NOWAIT; }",
    "pawl/queue.h": """
        struct job { int n; };
        PAWL_QUEUE_OF(jobs, struct job *);
        PAWL_QUEUE_OF(bytes, unsigned char);
        PAWL_QUEUE_OF(reals, double);
        struct pawl_queue q = PAWL_QUEUE_INIT(1024);
        static struct pawl_queue zero;
        struct pawl_simple_queue s = PAWL_SIMPLE_QUEUE_INIT;
        int use(struct job *job) { double r; return jobs_put(&q, job, PAWL_NOWAIT) + reals_get(&zero, &r, PAWL_FOREVER); }
        """,
    "pawl/sync.h": "struct pawl_lock lock = PAWL_LOCK_INIT; int use(void) { return pawl_lock_acquire(&lock, PAWL_FOREVER); }",
}
USES["pawl.h"] = "".join(USES.values()).replace("use(", "use_%d(") % tuple(range(len(USES)))


def compile_text(compiler, language, standard, include, text):
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, "-I", include, "-fsyntax-only", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True)


def main():
    include = sys.argv[1]
    headers = sorted(str(p.relative_to(include)) for p in pathlib.Path(include).rglob("*.h"))
    compilers = [(c, "c", C) for c in ("gcc", "clang") if shutil.which(c)]
    compilers += [(c, "c++", CPP) for c in ("g++", "clang++") if shutil.which(c)]
    done = failed = 0
    for header in headers:
        text = f'#include <{header}>\n#include <{header}>\n{USES.get(header, "int unused_;")}\n'
        for compiler, language, standards in compilers:
            for standard in standards:
                result = compile_text(compiler, language, standard, include, text)
                done += 1
                if result.returncode != 0:
                    failed += 1
                    print(f"FAIL {header} {compiler} {standard}\n{result.stderr}")
    stray = sorted(set(USES) - set(headers))
    if stray or not headers or not compilers:
        print(f"nothing to check: headers {headers}, compilers {compilers}, uses of missing headers {stray}")
        return 1
    print(f"{done - failed} passed, {failed} failed: {len(headers)} headers with {', '.join(c[0] for c in compilers)}")
    return failed != 0


sys.exit(main())
