# SPDX-License-Identifier: BSD-2-Clause
"""Tests of pawl-bench itself: its verification finds planted faults, its files have the promised schema, compare and the
bars judge rightly, the command line refuses what it should. Usage: test_bench.py pawl-bench pawl-bench-faulty"""
import csv
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH, FAULTY = sys.argv[1], sys.argv[2]
KEYS = ["workload", "subject", "producers", "consumers", "threads", "capacity", "unit", "higher_is_better", "samples", "median",
        "cpu_ns_per_op"]
LIMITS = ["xadd", "cas", "contended_xadd", "line_round_trip", "pause", "syscall", "futex_wake_nobody", "clock_gettime"]


def run(*arguments, program=BENCH):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=250)


def row(workload, subject, samples, more=True, producers=4, consumers=4):
    return {"workload": workload, "subject": subject, "producers": producers, "consumers": consumers,
            "threads": producers + consumers, "capacity": 1024, "unit": "Mops/s", "higher_is_better": more,
            "samples": samples, "median": sorted(samples)[len(samples) // 2], "cpu_ns_per_op": 1}


class Bench(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def results(self, name, rows, version=1):
        with open(self.path(name), "w") as out:
            json.dump({"schema_version": version, "env": {"a": [1, {"b": "c\"\\"}, None, True]}, "results": rows}, out)
        return self.path(name)

    # Verification

    def test_a_sound_queue_passes(self):
        result = run("--verify", "--quiet", "--subject", "mutex*", program=FAULTY)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("rows verified", result.stdout)

    def planted(self, fault, message, *options, workload="fifo.solo,fifo.1p1c,fifo.mpmc,fifo.pairs"):
        result = run("--time", "20", "--reps", "1", "--quiet", "--subject", "faulty-" + fault, "--workload", workload,
                     "--threads", "1,2,4", *options, program=FAULTY)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("FAILED", result.stderr)
        self.assertIn(message, result.stderr)
        return result.stderr

    def test_a_lost_item_is_found(self):
        # where each thread waits for its own item the loss shows as a hang, else as a wrong count
        self.planted("lose", " got", "--patience", "2")

    def test_a_repeated_item_is_found(self):
        self.planted("repeat", "out of order", "--patience", "2")

    def test_a_changed_item_is_found(self):
        self.planted("change", "not the same ones")

    def test_two_swapped_items_are_found(self):
        self.planted("swap", "out of order")

    def test_an_item_that_a_stack_loses_is_found(self):
        self.planted("stack-lose", " got", workload="lifo.pair")

    def test_two_items_that_a_stack_swaps_are_found(self):
        for workload in ("lifo.pair", "lifo.pairs"):
            self.planted("stack-swap", "out of order", workload=workload)

    def test_an_item_that_a_priority_queue_loses_is_found(self):
        for workload in ("prio.pair.1e5", "prio.front", "prio.drain"):
            self.planted("prio-lose", " got", workload=workload)

    def test_two_items_that_a_priority_queue_swaps_are_found(self):
        self.planted("prio-swap", "out of order", workload="prio.drain")
        for workload in ("prio.rank.hold", "prio.rank.pair"):
            self.planted("prio-swap", "not the lowest key", workload=workload)

    def test_an_item_with_the_key_of_another_is_found(self):
        for workload in ("prio.pair.1e3", "prio.front"):
            self.planted("prio-mix", "not with their keys", workload=workload)
        self.planted("prio-invent", "not in the queue", workload="prio.rank.pair")

    def test_a_heap_that_is_not_first_in_first_out_among_equals_is_found(self):
        self.planted("prio-unstable", "out of order", workload="prio.drain")

    def test_families_are_kept_apart(self):
        for subject, workload in (("mutex-stack", "fifo.*,prio.*"), ("mutex-heap", "fifo.*,lifo.*"), ("mutex", "lifo.*,prio.*")):
            result = run("--verify", "--quiet", "--subject", subject, "--workload", workload, program=FAULTY)
            self.assertEqual(result.returncode, 2, result.stdout)
            self.assertIn("no subject fits", result.stderr)

    def test_the_rank_error_of_a_strict_queue_is_0(self):
        result = run("--verify", "--quiet", "--subject", "mutex-heap", "--workload", "prio.rank", "--json", self.path("rank.json"))
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(self.path("rank.json")) as file:
            rows = json.load(file)["results"]
        self.assertEqual([(r["workload"], r["median"]) for r in rows],
                         [("prio.rank." + keys + "." + m, 0) for keys in ("hold", "pair") for m in ("mean", "p99", "max")])

    def test_a_crash_costs_its_row_only(self):
        self.assertIn("crashed", self.planted("crash", "Aborted"))

    def test_a_hang_is_ended(self):
        self.planted("hang", "hung", "--patience", "1")

    def test_a_check_of_pawl_does_not_fail_for_a_peer_that_stands_still(self):
        result = run("--verify", "--quiet", "--patience", "1", "--workload", "fifo.1p1c", "--time", "200", "--subject",
                     "faulty-hang", "--json", os.devnull, program=FAULTY)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("peer given up", result.stderr)

    # Files

    def test_json_has_the_schema_and_csv_the_same_rows(self):
        result = run("--verify", "--quiet", "--reps", "3", "--workload", "fifo.solo,fifo.pairs,fifo.block", "--threads", "1,2",
                     "--json", self.path("a.json"), "--csv", self.path("a.csv"))
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(self.path("a.json")) as file:
            data = json.load(file)
        self.assertEqual(list(data), ["schema_version", "env", "results"])
        self.assertEqual(data["schema_version"], 1)
        for key in ["machine", "cpu", "cpus", "compiler", "flags", "libraries", "command", "commit", "governor", "limits"]:
            self.assertIn(key, data["env"])
        for limit in LIMITS:
            self.assertIn(limit, data["env"]["limits"])
        self.assertGreater(len(data["results"]), 10)
        for entry in data["results"]:
            self.assertEqual(list(entry), KEYS)
            self.assertEqual(len(entry["samples"]), 3)
            self.assertEqual(entry["median"], sorted(entry["samples"])[1])
            self.assertIs(type(entry["higher_is_better"]), bool)
        with open(self.path("a.csv")) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(r["workload"], r["subject"]) for r in rows],
                         [(r["workload"], r["subject"]) for r in data["results"]])
        same = run("compare", self.path("a.json"), self.path("a.json"))
        self.assertEqual(same.returncode, 0, same.stderr)
        self.assertIn(f"{len(rows)} rows compared, 0 regressions", same.stdout)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_plots_are_drawn(self):
        rows = [row("fifo.mpmc", s, [1.0, 2, 3]) for s in ("pawl-ring", "mutex")]
        rows += [row("fifo.rtt." + p, "mutex", [10.0, 20], False, 1, 1) for p in ("p50", "p99", "p99.9", "p99.99")]
        result = run("plot", self.results("a.json", rows), self.path("plots"))
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("fifo.mpmc.svg", "fifo.mpmc.png", "fifo.rtt.latency.2.svg", "fifo.rtt.latency.2.png"):
            self.assertGreater(os.path.getsize(os.path.join(self.path("plots"), name)), 1000)
        with open(os.path.join(self.path("plots"), "fifo.mpmc.svg")) as file:
            self.assertIn("pawl-ring", file.read())

    def test_a_results_file_can_be_shown_again(self):
        result = run("show", self.results("a.json", [row("fifo.mpmc", "of-another-build", [1.5, 2.5, 3.5])]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"of-another-build +2\.5")

    # compare

    def compare(self, before, after, *options):
        return run("compare", self.results("before.json", before), self.results("after.json", after), *options)

    def test_compare_finds_a_regression_in_either_direction_of_better(self):
        slower = self.compare([row("fifo.mpmc", "pawl-ring", [100, 101, 102])], [row("fifo.mpmc", "pawl-ring", [90, 91, 92])])
        self.assertEqual(slower.returncode, 1, slower.stdout)
        self.assertIn("REGRESSION", slower.stdout)
        later = self.compare([row("fifo.rtt.p50", "pawl-ring", [100, 101, 102], False)],
                             [row("fifo.rtt.p50", "pawl-ring", [110, 111, 112], False)])
        self.assertEqual(later.returncode, 1, later.stdout)

    def test_compare_heeds_the_threshold_the_noise_and_improvements(self):
        before = [row("fifo.mpmc", "pawl-ring", [100, 101, 102])]
        small = self.compare(before, [row("fifo.mpmc", "pawl-ring", [97, 97, 97])])
        self.assertEqual(small.returncode, 0, small.stdout)
        strict = self.compare(before, [row("fifo.mpmc", "pawl-ring", [97, 97, 97])], "--threshold", "2%")
        self.assertEqual(strict.returncode, 1, strict.stdout)
        noisy = self.compare(before, [row("fifo.mpmc", "pawl-ring", [50, 90, 103, 104])], "--threshold", "2")
        self.assertEqual(noisy.returncode, 0, noisy.stdout)
        self.assertIn("within the noise", noisy.stdout)
        better = self.compare(before, [row("fifo.mpmc", "pawl-ring", [200, 201, 202])])
        self.assertEqual(better.returncode, 0)
        self.assertIn("better", better.stdout)

    def test_compare_keeps_shapes_apart_and_counts_missing_rows(self):
        result = self.compare([row("fifo.mpmc", "mutex", [10, 10], producers=p) for p in (2, 4)],
                              [row("fifo.mpmc", "mutex", [10, 10], producers=p) for p in (4, 8)])
        self.assertIn("1 rows compared, 0 regressions beyond 5 %, 1 rows missing", result.stdout)

    def test_compare_refuses_what_it_cannot_read(self):
        good = self.results("good.json", [row("fifo.mpmc", "mutex", [1, 2])])
        with open(good) as file:
            text = file.read()
        broken = {"garbage": "not json", "empty": "", "cut": text[:-20], "deep": "[" * 5000,
                  "rows": '{"schema_version":1,"results":[{}]}', "number": '{"schema_version":1,"results":[{"samples":["x"]}]}'}
        for name, text in broken.items():
            with open(self.path(name), "w") as out:
                out.write(text)
            result = run("compare", good, self.path(name))
            self.assertEqual(result.returncode, 2, name + result.stdout)
            self.assertIn(self.path(name), result.stderr)
        self.assertEqual(run("compare", good, self.results("v2.json", [row("fifo.mpmc", "mutex", [1, 2])], 2)).returncode, 2)
        self.assertEqual(run("compare", good, self.path("absent.json")).returncode, 2)
        self.assertEqual(run("compare", good, self.results("other.json", [row("fifo.solo", "mutex", [1])])).returncode, 2)

    # bars

    def bar(self, samples, peer):
        result = run("bars", self.results("bars.json", [row("fifo.1p1c", "pawl-ring", samples, True, 1, 1),
                                                        row("fifo.1p1c", "xenium-vyukov", peer, True, 1, 1)]))
        line = [x for x in result.stdout.splitlines() if x.startswith("fifo.1p1c") and "pawl-ring" in x]
        self.assertEqual(len(line), 1, result.stdout)
        return result.returncode, line[0]

    def test_a_bar_is_judged_by_the_fourth_smallest_of_fifteen_ratios(self):
        ratios = [1.0, 1.1, 1.15, 1.25] + [2.0] * 11  # the bar is 1.2
        code, line = self.bar([r * p for r, p in zip(ratios, range(10, 25))], list(range(10, 25)))
        self.assertEqual(code, 0, line)
        self.assertIn("pass", line)
        self.assertIn("1.25", line)
        ratios[3] = 1.19
        code, line = self.bar([r * 10 for r in ratios], [10] * 15)
        self.assertEqual(code, 1, line)
        self.assertIn("MISS", line)

    def test_a_bar_with_too_few_pairs_is_undecided(self):
        code, line = self.bar([100] * 14, [10] * 14)
        self.assertEqual(code, 0, line)
        self.assertIn("undecided", line)

    # The command line

    def test_wrong_use_is_told_and_answered_with_2(self):
        for arguments, hint in [(["--workload", "fifo.mpm"], "fifo.mpmc"), (["--subject", "mutx"], "mutex"),
                                (["--baseline", "nobody"], "nobody"), (["--reps", "0"], "from 1 to"),
                                (["--reps", "many"], "many"), (["--capacity", "-1"], "-1"), (["--nonsense"], "--help"),
                                (["compare", "one"], "2 arguments"), (["dance"], "dance"), (["--threads", "77"], "nothing to do"),
                                (["compare", "a", "b", "--threshold", "x"], "percentage"),
                                (["--workload", "fifo.solo", "--subject", "moodycamel-blocking,mutex-cond"], "nothing to do")]:
            result = run(*arguments)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(hint, result.stderr, arguments)

    def test_a_file_that_cannot_be_written_is_a_failure(self):
        result = run("--verify", "--quiet", "--workload", "fifo.solo", "--subject", "mutex", "--json", self.path("no/such/file"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("no/such/file", result.stderr)

    def test_help_and_list(self):
        self.assertIn("exit status", run("--help").stdout)
        text = run("list").stdout
        for name in ["lifo.pair", "lifo.pairs", "lifo.stall", "prio.pair.1e3", "prio.pair.1e5", "prio.push", "prio.drain", "prio.front",
                     "prio.stall", "prio.rank.hold", "prio.rank.pair", "mutex-stack", "mutex-heap", "fifo.solo", "fifo.spsc", "fifo.1p1c", "fifo.mpmc", "fifo.pairs", "fifo.block", "fifo.rtt", "fifo.idle",
                     "fifo.trickle", "fifo.stall", "fifo.oversub.1cpu", "fifo.oversub.all", "fifo.memory", "fifo.false-empty",
                     "mutex-cond"]:
            self.assertIn("  " + name + " ", text)
        self.assertEqual(run("--list").stdout, text)
        self.assertIn("ck-*: libck-dev", run("list", program=FAULTY).stdout)

    def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(self):
        arguments = ["--verify", "--workload", "fifo.solo", "--subject", "mutex"]
        lines = run(*arguments).stderr
        self.assertIn("fifo.solo", lines)
        self.assertNotIn("\r", lines)
        master, slave = pty.openpty()
        process = subprocess.Popen([BENCH, *arguments], stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:
            pass  # the other end is closed
        self.assertEqual(process.wait(), 0)
        self.assertIn(b"\r[", shown)
        self.assertEqual(run("--quiet", *arguments).stderr, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
