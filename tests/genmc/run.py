#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py - the models of this directory under the model checker GenMC, and natively where it is not installed.

usage: run.py [--genmc PROGRAM] [--full] [--table] [--seconds N] ROOT [MODEL...]
       run.py --native COMPILER ROOT

A model must come out as it says in models.ini, and each fault planted in the sources it includes must be found; a fault whose text is
gone is told. Without MODEL: those of level ci, with --full those of level full, too. --table prints the lines of RESULTS.md. Seconds are of processor time; a
model that takes more than N (3600) has failed.
--native builds each model with real threads and runs it some times: the models compile and their assertions hold.
Exit status: 0; 1 something came out otherwise; 77 GenMC is not installed.
"""
import argparse
import configparser
import os
import pathlib
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile

TOOL = ["--disable-estimation", "--disable-warn-on-unfreed-memory"]
NO_CACHE = ["--disable-instruction-caching"]
COMPILER = ["-O1", "-Xclang", "-disable-lifetime-markers"]  # -O1: struct arguments go by registers; the tool has no accesses of 16 bytes
NATIVE_RUNS = 20
NATIVE_FLAGS = "-std=c11 -D_GNU_SOURCE -DPAWL_NATIVE -Wall -Wextra -Werror -Wno-unused-function -Wno-type-limits -O1 -g -pthread".split()
COUNT = re.compile(r"Number of (complete|blocked) executions[^:]*: (\d+)")


def read(root):
    """({model: section}, {fault: section})"""
    ini = configparser.ConfigParser(interpolation=None, strict=True)
    ini.optionxform = str
    ini.read(root / "tests/genmc/models.ini")
    models = {name: ini[name] for name in ini.sections() if "source" in ini[name]}
    faults = {name: ini[name] for name in ini.sections() if "of" in ini[name]}
    for name, fault in faults.items():
        if fault["of"] not in models:
            sys.exit(f"models.ini: {name}: no such model: {fault['of']}")
    return models, faults


def defines(model):
    words = model.get("define", "").split("\n")
    threads = sum(word.startswith("THREAD") for word in words)
    return [f"-D{word}" for word in words + ([f"NUMBER_OF_THREADS={threads}"] if threads else []) if word]


def includes(root):
    return [f"-I{root}/src", f"-I{root}/include", f"-I{root}/tests/genmc"]


def plant(folder, root, fault):
    """A copy of the tree's sources with the fault planted, or why there is none."""
    for part in ("src", "include", "tests/genmc"):
        shutil.copytree(root / part, folder / part)
    path = folder / fault["file"]
    text = path.read_text()
    if text.count(fault["old"]) != 1:
        return f"stands {text.count(fault['old'])} times in {fault['file']}: {fault['old']}"
    path.write_text(text.replace(fault["old"], fault["new"]))
    return None


class Outcome:
    def __init__(self, model, text, seconds):
        self.text, self.seconds = text, seconds
        self.counts = {what: int(n) for what, n in COUNT.findall(text)}
        error = re.search(r"^Error: (.*)$", text, re.M)
        clean = "No errors were detected" in text and "complete" in self.counts and self.counts["complete"] > 0
        self.verdict = error.group(1).rstrip("!") if error else "clean" if clean else "not ended"
        self.expected = (self.verdict == "clean") == (model.get("expect", "clean") == "clean") and self.verdict != "not ended"


def check(genmc, root, model, seconds):
    """
    Runs the tool on a model whose sources lie under root. With its cache of instructions, version 0.11.0 takes arrays on the stack for freed
    when a thread comes by again; so an access to freed memory has to be found without the cache, too, which takes longer.
    """
    outcome = run_tool(genmc, root, model, seconds, TOOL)
    return run_tool(genmc, root, model, seconds, TOOL + NO_CACHE) if "freed memory" in outcome.verdict else outcome


def run_tool(genmc, root, model, seconds, options):
    command = [genmc, *model.get("options", "").split(), *options, "--", *COMPILER,
               *(shlex.quote(word) for word in includes(root) + defines(model)), str(root / "tests/genmc" / model["source"])]
    before = children_seconds()
    result = subprocess.run(command, capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)))
    return Outcome(model, result.stdout + result.stderr, children_seconds() - before)


def children_seconds():
    """Processor time, so that what else the machine does is not in the figures."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def line(table, name, kind, outcome, good):
    complete, blocked = outcome.counts.get("complete", 0), outcome.counts.get("blocked", 0)
    if table:
        print(f"| {name} | {kind} | {complete} | {blocked} | {outcome.seconds:.2f} | {outcome.verdict} |", flush=True)
    else:
        print(f"{'ok  ' if good else 'FAIL'} {name}: {outcome.verdict}, {complete} executions and {blocked} blocked, {outcome.seconds:.2f} s", flush=True)
        if not good:
            print(outcome.text)


def run_models(arguments, models, faults):
    failed = 0
    for name, model in models.items():
        outcome = check(arguments.genmc, arguments.root, model, arguments.seconds)
        line(arguments.table, name, "model", outcome, outcome.expected)
        failed += not outcome.expected
        for title, fault in faults.items():
            if fault["of"] != name:
                continue
            with tempfile.TemporaryDirectory() as folder:
                wrong = plant(pathlib.Path(folder), arguments.root, fault)
                if wrong:
                    print(f"FAIL {title}: {wrong}")
                    failed += 1
                    continue
                outcome = check(arguments.genmc, pathlib.Path(folder), model, arguments.seconds)
            found = re.search(fault["error"], outcome.verdict) is not None
            line(arguments.table, title, "fault", outcome, found)
            failed += not found
    return 1 if failed else 0


def run_natively(compiler, root, models):
    failed = ran = 0
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "model")
        for name, model in models.items():
            if model.get("expect", "clean") != "clean" or "DEADLINE_THREAD" in model.get("define", ""):
                continue
            command = [*shlex.split(compiler), *NATIVE_FLAGS, *includes(root), *defines(model),
                       str(root / "tests/genmc" / model["source"]), "-o", program]
            built = subprocess.run(command, capture_output=True, text=True)
            good = built.returncode == 0
            runs = range(NATIVE_RUNS) if good else []
            good = good and all(subprocess.run([program], capture_output=True, timeout=60).returncode == 0 for _ in runs)
            print(f"{'ok  ' if good else 'FAIL'} {name}{'' if good else ': ' + built.stderr}", flush=True)
            failed += not good
            ran += 1
    return 1 if failed or not ran else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--genmc", default="genmc")
    parser.add_argument("--native")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("models", nargs="*")
    arguments = parser.parse_args()
    models, faults = read(arguments.root)
    if arguments.native:
        return run_natively(arguments.native, arguments.root, models)
    if shutil.which(arguments.genmc) is None:
        print("skipped: GenMC is not installed (https://github.com/MPI-SWS/genmc)")
        return 77
    unknown = [name for name in arguments.models if name not in models]
    if unknown:
        sys.exit(f"models.ini: no such model: {unknown}")
    levels = ("ci", "full") if arguments.full else ("ci",)
    chosen = {name: model for name, model in models.items()
              if (name in arguments.models if arguments.models else model.get("level", "ci") in levels)}
    return run_models(arguments, chosen, faults)


if __name__ == "__main__":
    sys.exit(main())
