#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""readme.py - the programs of the README compile, run, and print what the README says.

usage: readme.py README CC INCLUDE_DIRECTORY LIBRARY_FILE [PAWL_CHECK_LIBRARY_FILE]

A program is a ```c block (```cpp likewise) with a main. If the next block, with nothing but prose between, is ```text or
```output, the program must print exactly that, "..." standing for any text. Without such a block it must end with 0.
A block that opens with ```c pawl-check ARGUMENT... is built for pawl-check as NAME_check.c, where NAME is the first argument,
and run with these arguments; it must end with 1 if the text that it prints is to tell of a FAULT. Without the library of pawl-check such blocks are told and left out.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```\s*$", re.S | re.M)


def programs(markdown):
    """(language, words after it, source, expected output or None) of each program."""
    blocks = [(m.group(1), m.group(3), m.start(), m.end(), m.group(2).split()) for m in FENCE.finditer(markdown)]
    for i, (language, source, _, end, words) in enumerate(blocks):
        if language not in ("c", "cpp") or not re.search(r"\bint\s+main\s*\(", source):
            continue
        expected = None
        if i + 1 < len(blocks) and blocks[i + 1][0] in ("text", "output"):
            if not re.search(r"^#", markdown[end:blocks[i + 1][2]], re.M):
                expected = blocks[i + 1][1]
        yield language, words, source, expected


def matches(expected, actual):
    pattern = ".*".join(re.escape(piece) for piece in expected.rstrip().split("..."))
    return re.fullmatch(pattern, re.sub(r" +$", "", actual, flags=re.M).rstrip(), re.S) is not None


def try_program(cc, include, library, checker, language, words, source, expected):
    """None, or what is wrong."""
    checking = words[:1] == ["pawl-check"]
    arguments = words[1:] if checking else []
    status = 1 if checking and expected and "FAULT" in expected else 0
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "program")
        standard = "-std=c11" if language == "c" else "-std=c++11"
        options = ["-x", language.replace("cpp", "c++"), standard, "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", include, "-", "-x", "none"]
        if checking:
            options, library = ["-DPAWL_CHECK_STDATOMIC", *options], checker
            source = f'#line 1 "{arguments[0]}_check.c"\n{source}'
        build = subprocess.run([*cc, *options, library, "-pthread", "-o", program, *(["-lstdc++"] if language == "cpp" else [])],
                               input=source, text=True, capture_output=True)
        if build.returncode != 0:
            return "does not compile:\n" + build.stderr
        try:
            run = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "does not end"
        if run.returncode != status:
            return f"ends with {run.returncode}: {run.stderr}"
        if expected is not None and not matches(expected, run.stdout):
            return f"prints\n{run.stdout}--- the text says\n{expected}"
    return None


def self_test(arguments):
    """The script finds a program and its output in a made-up text, and a wrong output is told."""
    text = ("# T\n```c\n#include <pawl.h>\n#include <stdio.h>\nint main(void) { puts(pawl_strerror(PAWL_EMPTY)); return 0; }\n```\nprints\n"
            "```text\nqueue is ...\n```\n```c\nint fragment;\n```\n")
    found = list(programs(text))
    assert len(found) == 1 and found[0][3] == "queue is ...\n", found
    assert try_program(*arguments, *found[0]) is None, try_program(*arguments, *found[0])
    language, words, source, _ = found[0]
    assert "the text says" in try_program(*arguments, language, words, source, "queue is full\n")
    assert "does not compile" in try_program(*arguments, language, words, source.replace("PAWL_EMPTY", "PAWL_NONE"), None)
    assert "ends with" in try_program(*arguments, language, words, source.replace("return 0", "return 3"), None)


def main():
    readme, cc, include, library = sys.argv[1:5]
    checker = next(iter(sys.argv[5:6]), None)
    arguments = (cc.split(), include, library, checker)
    self_test(arguments)
    if not pathlib.Path(readme).exists():
        print(f"{readme} is missing")
        return 1
    passed = failed = 0
    for language, words, source, expected in programs(pathlib.Path(readme).read_text()):
        if words[:1] == ["pawl-check"] and checker is None:
            print("left out, because pawl-check is not built: a program for it")
            continue
        wrong = try_program(*arguments, language, words, source, expected)
        passed, failed = passed + (wrong is None), failed + (wrong is not None)
        if wrong:
            print(f"FAIL\n{source}{wrong}")
    print(f"{passed} passed, {failed} failed: programs of {readme}")
    return failed != 0 or passed == 0


sys.exit(main())
