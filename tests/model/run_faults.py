#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_faults.py - faults planted into the library's sources are found by pawl-check within the schedules that faults.ini states.

usage: run_faults.py PAWL_CHECK SOURCE_ROOT [PATTERN]

PAWL_CHECK is the program in its build directory, whose compile commands build the sources with each fault anew. PATTERN
(fnmatch) chooses faults by name.
"""
import concurrent.futures
import configparser
import fnmatch
import json
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[2])
sys.path.insert(0, str(root / "tests"))
import run_rows  # noqa: E402  (plants by the same rules)

SEEDS = 5
PATIENCE = 4  # times the stated schedules, so that a median is one
WORKERS = 2


def build(program, folder, changed):
    """pawl-check with the sources in the folder, of which the file `changed` has changed. Its path, and what is wrong."""
    directory = program.resolve().parent.parent.parent
    objects = []
    for entry in json.loads((directory / "compile_commands.json").read_text()):
        if "/pawl-check.p/" not in entry["output"]:
            continue
        source = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if source.parent != (root / "src").resolve() or not run_rows.includes(directory, entry["output"], changed):
            objects.append(str(directory / entry["output"]))
            continue
        objects.append(str(folder / (source.name + ".o")))
        words = shlex.split(entry["command"])
        words = words[:words.index("-MD")] + ["-O0", "-g0", "-w", "-o", objects[-1], "-c", str(folder / "src" / source.name)]
        result = subprocess.run(words, cwd=directory, capture_output=True, text=True)
        if result.returncode != 0:
            return None, f"does not compile: {result.stderr}"
    faulty = folder / "pawl-check"
    library = directory / "tests/model/libpawl-check.a"
    result = subprocess.run([words[0], *objects, library, "-pthread", "-o", faulty], capture_output=True, text=True)
    return (faulty, None) if result.returncode == 0 else (None, f"does not link: {result.stderr}")


def schedules_until_found(program, campaign, bound):
    """By seed; infinite if the fault was not found."""
    spent = []
    for seed in range(1, SEEDS + 1):
        command = [program, *campaign.split(), "--quiet", "--seed", str(1000003 * seed), "--schedules", str(PATIENCE * bound)]
        result = subprocess.run(command, capture_output=True, text=True)
        found = re.search(r"^after (\d+) schedules", result.stdout, re.M)
        spent.append(int(found[1]) if result.returncode == 1 and found else float("inf"))
    return spent


def try_fault(program, fault):
    """[(campaign, median of schedules)], what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        wrong = run_rows.plant(folder, root, fault)
        faulty, wrong = (None, wrong) if wrong else build(program, folder, fault["file"])
        if wrong:
            return [], wrong
        campaigns = fault["finds"].strip().splitlines()
        return [(c, statistics.median(schedules_until_found(faulty, c, int(fault["schedules"])))) for c in campaigns], None


def main():
    program = pathlib.Path(sys.argv[1])
    pattern = sys.argv[3] if len(sys.argv) > 3 else "*"
    faults = configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="")
    faults.read(root / "tests/model/faults.ini")
    names = fnmatch.filter(faults.sections(), pattern)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        trials = {name: pool.submit(try_fault, program, faults[name]) for name in names}
        for name, trial in trials.items():
            medians, wrong = trial.result()
            if wrong:
                print(f"FAILED  {name}: {wrong}")
                failed += 1
            for campaign, median in medians:
                good = median <= int(faults[name]["schedules"])
                print(f"{'found ' if good else 'FAILED'}  {name:52} after {median:>7g} schedules, at most "
                      f"{faults[name]['schedules']:>6}   {campaign}", flush=True)
                passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed: faults planted for the machine")
    return failed != 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
