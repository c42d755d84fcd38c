#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_rows.py - every acceptance row in scope has a test that passes, and a planted fault that makes that test fail.

usage: run_rows.py TESTS_FAULTS SOURCE_ROOT

TESTS_FAULTS is the plain runner linked with the library's fault build, in which the environment variable PAWL_FAULT names a
step (at_step("name") in src/) to be skipped.
  tests/rows.txt    ROW in|out|later [reason]    out: not for this library; later: its object has not landed yet
  tests/faults.txt  STEP PATTERN...              tests (fnmatch on suite/name) that skipping the step must make fail
                    STEP model REASON            no unit test can see it: pawl-check kills it
Also told: steps of src/ without a line, lines whose step is gone or is never reached, tests of rows that do not exist.
"""
import concurrent.futures
import fnmatch
import os
import pathlib
import re
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
    verdicts = dict(reversed(line.split("] ")) for line in result.stdout.splitlines() if re.match(r"\[[A-Z]+\] \S+/\S+$", line))
    return {test: verdicts.get(test, "[MISSING") in ("[PASS", "[SKIP") for test in tests}


def try_fault(binary, step, tests):
    """(tests that failed, whether the step was reached) with `step` skipped."""
    failed, reached = set(), False
    with tempfile.TemporaryDirectory() as folder:
        mark = pathlib.Path(folder, "reached")
        environment = {"PAWL_FAULT": step, "PAWL_FAULT_REACHED": str(mark), "PAWL_TEST_TIMEOUT": TIMEOUT_SECONDS}
        for _ in range(ATTEMPTS):
            missing = [test for test in tests if test not in failed]
            if not missing:
                break
            failed |= {test for test, passed in run(binary, missing, environment).items() if not passed}
            reached = reached or mark.exists()
    return failed, reached


def read_faults(root, tests):
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
            for pattern in patterns:
                matching = fnmatch.filter(tests, pattern)
                if not matching:
                    complaints.append(f"faults.txt: {step}: no test matches {pattern}")
                faults.setdefault(step, []).extend(test for test in matching if test not in faults.get(step, []))
    for step in sorted(planted - listed):
        complaints.append(f"faults.txt: step without a line: {step}")
    return faults


def main():
    binary, root = sys.argv[1], pathlib.Path(sys.argv[2])
    tests = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()
    rows = {row: state for row, state, *_ in lines_of(root / "tests/rows.txt")}
    complaints.extend(f"rows.txt: {row}: state {state}" for row, state in rows.items() if state not in ("in", "out", "later"))
    complaints.extend(f"{test} names {row}, which is not in rows.txt" for test in tests for row in rows_of(test) if row not in rows)
    faults = read_faults(root, tests)

    row_tests = [test for test in tests if rows_of(test)]
    healthy = run(binary, row_tests) if row_tests else {}
    complaints.extend(f"fails without a fault: {test}" for test, passed in healthy.items() if not passed)

    proven, killed = set(), 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        trials = {step: pool.submit(try_fault, binary, step, must_fail) for step, must_fail in faults.items()}
    for step, trial in trials.items():
        failed, reached = trial.result()
        survived = [test for test in faults[step] if test not in failed]
        print(f"{'killed  ' if not survived else 'SURVIVED'} {step}: {len(failed)} of {len(faults[step])} tests fail")
        if not reached:
            complaints.append(f"{step} is never reached by its tests")
        complaints.extend(f"{step} is not noticed by {test}" for test in survived)
        killed += reached and not survived
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


sys.exit(main())
