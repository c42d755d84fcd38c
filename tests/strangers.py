#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""strangers.py - what pawl-check says to those who use it for the first time and make an ordinary mistake.

usage: strangers.py README CC INCLUDE_DIRECTORY PAWL_CHECK_LIBRARY_FILE

Takes the README's program for pawl-check, makes one mistake in it at a time, and compares the exit status and the text.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

RELEASE = "atomic_store_explicit(&r->cell[t % r->size].turn, t + 1, memory_order_release);"
PLAIN = [("PAWL_CHECK_PLAIN_STORE(&r->cell[t % r->size].value, call->item)", "r->cell[t % r->size].value = call->item"),
         ("PAWL_CHECK_PLAIN_LOAD(&r->cell[h % r->size].value)", "r->cell[h % r->size].value")]
HEADER = "#include <pawl/check.h>"

# (mistake, replacements, compiler options, arguments, exit status, text expected)
MISTAKES = [
    ("none", [], ["-DPAWL_CHECK_STDATOMIC"], [], 1, "put answered FULL though there was room"),
    ("the macros are forgotten", [(HEADER, "#include <stdatomic.h>\n" + HEADER), *PLAIN], [], [], 2, "nothing was checked"),
    ("an atomic field is assigned", [(RELEASE, "r->cell[t % r->size].turn = t + 1;")], ["-DPAWL_CHECK_STDATOMIC"], ["--weak"], 1,
     "written without the machine's macros"),
    ("a result of one's own", [("return PAWL_EMPTY", "return -1")], ["-DPAWL_CHECK_STDATOMIC"], [], 1,
     "answered what none of its kind may answer"),
    ("a loop without a pause", [("    if (atomic_load(&r->cell[h % r->size].turn) != h + 1)\n      return PAWL_EMPTY;",
                                 "    while (atomic_load(&r->cell[h % r->size].turn) != h + 1)\n      h = atomic_load(&r->head);")],
     ["-DPAWL_CHECK_STDATOMIC"], [], 1, "needs pawl_check_pause"),
    ("a lock that is never released", [("static int ring_put", "#include <pthread.h>\nstatic pthread_mutex_t lock;\nstatic int ring_put"),
                                       ("uint64_t t = ", "uint64_t t = (uint64_t)pthread_mutex_lock(&lock) + ")],
     ["-DPAWL_CHECK_STDATOMIC"], [], 2, "waits outside of the machine"),
    ("a write before the reader's eyes", [(RELEASE, RELEASE.replace("release", "relaxed"))], ["-DPAWL_CHECK_STDATOMIC"],
     ["--weak", "--mix", "pg", "--capacity", "8"], 1, "races with a plain"),
    ("an operation that the machine lacks", [("uint64_t t = ", "uint64_t t = atomic_fetch_xor(&r->tail, 0) + ")],
     ["-DPAWL_CHECK_STDATOMIC"], None, 1, "pawl_check_has_no_fetch_xor"),
]


def attempt(readme, cc, include, library, mistake):
    """None, or what is wrong."""
    name, replacements, options, arguments, status, text = mistake
    source = re.search(r"^```c pawl-check[^\n]*\n(.*?)^```", readme, re.S | re.M).group(1)
    for old, new in replacements:
        if source.count(old) != 1:
            return f"the README's program has no such line any more: {old}"
        source = source.replace(old, new)
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "program")
        result = subprocess.run([*cc, "-D_GNU_SOURCE", *options, "-I", include, "-x", "c", "-", "-x", "none", library, "-pthread", "-o", program],
                                input=source, text=True, capture_output=True)
        if (result.returncode == 0) == (arguments is None):
            return "compiles" if arguments is None else result.stderr
        if arguments is not None:
            result = subprocess.run([program, "ring", "--capacity", "2", "--schedules", "1e5", *arguments], text=True,
                                    capture_output=True, timeout=60)
    said = result.stdout + result.stderr
    return None if result.returncode == status and text in said else f"ends with {result.returncode}, and says\n{said[:2000]}"


def main():
    readme, cc, include, library = pathlib.Path(sys.argv[1]).read_text(), sys.argv[2].split(), sys.argv[3], sys.argv[4]
    wrong = {mistake[0]: attempt(readme, cc, include, library, mistake) for mistake in MISTAKES}
    for name, what in wrong.items():
        print(f"{'FAIL' if what else 'PASS'} {name}{': ' + what if what else ''}")
    failed = sum(what is not None for what in wrong.values())
    print(f"{len(wrong) - failed} passed, {failed} failed: ordinary mistakes")
    return failed != 0


sys.exit(main())
