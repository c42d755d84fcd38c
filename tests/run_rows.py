#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_rows.py - every acceptance row in scope has a test that passes, and a planted fault that makes that test fail.

usage: run_rows.py TESTS_FAULTS SOURCE_ROOT

TESTS_FAULTS is the plain runner linked with the library's fault build, in which the environment variable PAWL_FAULT names a
step (at_step("name") in src/) to be skipped.
  tests/rows.txt    ROW in|out|later [reason]    out: not for this library; later: its object has not landed yet
  tests/faults.txt  STEP PATTERN...              tests (fnmatch on suite/name) that skipping the step must make fail
                    STEP model REASON            no unit test can see it: pawl-check kills it
  tests/faults.ini  [NAME] file, old, new, fails: faults in plain logic, planted by replacing a text that stands once in
                    the file (a second pair: old2, new2), then building the library anew
Also told: steps of src/ without a line, lines whose step is gone or is never reached, texts that are gone, tests of rows
that do not exist.
"""
import concurrent.futures
import configparser
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ATTEMPTS = 5  # a fault that opens a race need not be hit each time; a test that never sees it proves nothing
TIMEOUT_SECONDS = "6"  # of one test under a fault: a lost wake-up hangs
WORKERS = 2
ROW = re.compile(r"(?:^|_)([A-Z]{3}\d+)(?=_|$)")

complaints = []


def lines_of(path):
    for line in path.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words


def rows_of(test):
    return ROW.findall(test.split("/", 1)[1])


def run(binary, tests, environment=None):
    """{test: passed} of a run of exactly these tests."""
    command = [binary]
    for test in tests:
        command += ["--filter", test]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    verdicts = {test: verdict for verdict, test in re.findall(r"^\[([A-Z]+)\] (\S+/\S+)", result.stdout, re.M)}
    return {test: verdicts.get(test) in ("PASS", "SKIP") for test in tests}


def until_failed(binary, tests, environment):
    """Those of the tests that failed in at least one of a few attempts."""
    failed = set()
    for _ in range(ATTEMPTS):
        missing = [test for test in tests if test not in failed]
        if not missing:
            break
        verdicts = run(binary, missing, {"PAWL_TEST_TIMEOUT": TIMEOUT_SECONDS, **environment})
        failed |= {test for test, passed in verdicts.items() if not passed}
    return failed


def try_step(binary, step, tests):
    """(tests that failed with `step` skipped, what is wrong with the fault itself)."""
    with tempfile.TemporaryDirectory() as folder:
        mark = pathlib.Path(folder, "reached")
        failed = until_failed(binary, tests, {"PAWL_FAULT": step, "PAWL_FAULT_REACHED": str(mark)})
        return failed, None if mark.exists() else "is never reached by its tests"


def plant(folder, root, fault):
    """Copies src into the folder with the fault planted. What is wrong with it, or None."""
    shutil.copytree(root / "src", folder / "src")
    path = folder / fault["file"]
    text = path.read_text()
    for old, new in ((fault["old"], fault["new"]), (fault.get("old2"), fault.get("new2"))):
        if old is None:
            continue
        if text.count(old) != 1:
            return f"its text stands {text.count(old)} times in {fault['file']}: {old}"
        text = text.replace(old, new)
    path.write_text(text)
    return None


def includes(directory, output, changed):
    """Does this object depend on the file? If nobody knows, yes."""
    result = subprocess.run(["ninja", "-C", directory, "-t", "deps", output], capture_output=True, text=True)
    return result.returncode != 0 or "deps not found" in result.stdout or f"/{changed}\n" in result.stdout


def build(binary, folder, changed):
    """Builds the tests with the library in the folder, of which the file `changed` has changed, by the commands of the build
    directory; those that include the file, too. The program's path, and what is wrong."""
    directory = pathlib.Path(binary).resolve().parent.parent
    commands = json.loads((directory / "compile_commands.json").read_text())
    objects, linker = [], None
    for entry in commands:
        words, source = shlex.split(entry["command"]), pathlib.Path(entry["directory"], entry["file"]).resolve()
        if "/tests-faults.p/" in entry["output"]:
            stays, source_there = not changed.endswith(".h") or not includes(directory, entry["output"], changed), source
        elif "libpawl-faults.a.p/" in entry["output"]:
            stays, source_there = changed.endswith(".c") and source.name != pathlib.Path(changed).name, folder / "src" / source.name
        else:
            continue
        if stays:
            objects.append(str(directory / entry["output"]))
        else:
            objects.append(str(folder / (source.name + ".o")))
            words = [words[0], f"-I{folder}/src", *words[1:words.index("-MD")], "-g0", "-w", "-o", objects[-1], "-c", str(source_there)]
            result = subprocess.run(words, cwd=directory, capture_output=True, text=True)
            if result.returncode != 0:
                return None, f"does not compile: {result.stderr}"
        if linker is None or source.suffix != ".c":
            linker = words[0]
    program = folder / "tests"
    result = subprocess.run([linker, *objects, "-pthread", "-o", program], capture_output=True, text=True)
    return (program, None) if result.returncode == 0 else (None, f"does not link: {result.stderr}")


def try_text(binary, root, fault, tests):
    """As try_step, for a fault of faults.ini."""
    with tempfile.TemporaryDirectory() as name:
        folder, program = pathlib.Path(name), None
        wrong = plant(folder, root, fault)
        if not wrong:
            program, wrong = build(binary, folder, fault["file"])
        return (until_failed(program, tests, {}) if program else set()), wrong


def matching_tests(name, patterns, tests):
    found = []
    for pattern in patterns:
        matching = fnmatch.filter(tests, pattern)
        if not matching:
            complaints.append(f"{name}: no test matches {pattern}")
        found += [test for test in matching if test not in found]
    return found


def read_steps(root, tests):
    """{step: tests that must fail}, after comparing the list with the steps in the sources."""
    planted = {step for p in (root / "src").glob("*.[ch]") if p.name != "atomic.h"
               for step in re.findall(r'\bat_step\("([^"]+)"\)', p.read_text())}
    faults, listed = {}, set()
    for step, *patterns in lines_of(root / "tests/faults.txt"):
        listed.add(step)
        if step not in planted:
            complaints.append(f"faults.txt: no step of this name in src: {step}")
        elif patterns and patterns[0] == "model":
            if len(patterns) < 2:
                complaints.append(f"faults.txt: {step} is left to the model without a reason")
        else:
            faults[step] = matching_tests(f"faults.txt: {step}", patterns, tests)
    for step in sorted(planted - listed):
        complaints.append(f"faults.txt: step without a line: {step}")
    return faults


def main():
    binary, root = sys.argv[1], pathlib.Path(sys.argv[2])
    tests = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()
    rows = {row: state for row, state, *_ in lines_of(root / "tests/rows.txt")}
    complaints.extend(f"rows.txt: {row}: state {state}" for row, state in rows.items() if state not in ("in", "out", "later"))
    complaints.extend(f"{test} names {row}, which is not in rows.txt" for test in tests for row in rows_of(test) if row not in rows)
    faults = read_steps(root, tests)
    texts = configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="")
    texts.read(root / "tests/faults.ini")
    faults.update({name: matching_tests(f"faults.ini: {name}", texts[name]["fails"].split(), tests) for name in texts.sections()})

    planted_for = [test for test in tests if any(test in must_fail for must_fail in faults.values())]
    healthy = run(binary, planted_for) if planted_for else {}
    complaints.extend(f"fails without a fault: {test}" for test, passed in healthy.items() if not passed)

    proven, killed = set(), 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        trials = {name: pool.submit(try_text, binary, root, texts[name], must_fail) if texts.has_section(name)
                  else pool.submit(try_step, binary, name, must_fail) for name, must_fail in faults.items()}
    for name, trial in trials.items():
        failed, wrong = trial.result()
        survived = [test for test in faults[name] if test not in failed]
        print(f"{'killed  ' if not survived and not wrong else 'SURVIVED'} {name}: {len(failed)} of {len(faults[name])} tests fail")
        if wrong:
            complaints.append(f"{name} {wrong}")
        else:
            complaints.extend(f"{name} is not noticed by {test}" for test in survived)
        killed += not survived and not wrong
        proven |= {row for test in failed if healthy.get(test) for row in rows_of(test)}

    for row, state in rows.items():
        if state == "in" and row not in proven:
            seen = any(row in rows_of(test) for test in tests)
            complaints.append(f"{row}: {'no planted fault makes its tests fail' if seen else 'no test'}")
    for complaint in complaints:
        print(complaint)
    in_scope = [row for row, state in rows.items() if state == "in"]
    out = [row for row, state in rows.items() if state == "out"]
    later = len(rows) - len(in_scope) - len(out)
    print(f"rows: {len(proven & set(in_scope))} proven, {len(out)} out of scope" + (f", {later} of objects still to come" if later else ""))
    print(f"{len(proven & set(in_scope)) + killed} passed, {len(complaints)} failed: rows and faults")
    return bool(complaints) or not in_scope


if __name__ == "__main__":
    sys.exit(main())
