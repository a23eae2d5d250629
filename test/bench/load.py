"""load.py - ringlet-load against ringlet: what it says is what was.

    load.py --binary RINGLET --engine io_uring|epoll --sanitize KIND

The generator is the ringlet-load beside the binary.
"""
import os
import re
import signal
import sys
import tempfile
import time
import unittest

from rig import Run, run_held
from server import SKIP, Root, Server, io_uring_refusal, main, until

HELLO = b"Hello, world\n"
LARGE = bytes(range(256)) * 4000
SHORT = ("-d", 0.2, "--warmup", 0.05)


def blocks(process, number):
    """Does it keep a signal for itself?"""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        mask = int(re.search(r"^SigBlk:\t([0-9a-f]+)$", file.read(), re.M)[1], 16)
    return bool(mask >> (number - 1) & 1)


class Load(unittest.TestCase):

    def setUp(self):
        root = Root()
        self.addCleanup(root.remove)
        root.write("hello.txt", HELLO)
        root.write("other.txt", HELLO * 100)
        root.write("large.bin", LARGE)
        self.server = Server(root)
        self.addCleanup(self.server.kill)
        self.base = f"http://127.0.0.1:{self.server.address[1]}"
        self.hello = f"{self.base}/hello.txt"

    def expect_good(self, run):
        self.assertEqual(run.status, 0, run.said())
        result = run.json
        self.assertGreater(result["requests"], 0)
        self.assertEqual(result["statuses"], {"200": result["requests"]})
        self.assertEqual(run.errors(), {})
        self.assertIsNone(result["refused"])
        told = re.search(r"(\d+) requests in ", run.stdout)
        self.assertEqual(int(told[1]), result["requests"])
        self.assertAlmostEqual(result["requests"] / result["seconds"],
                               result["requests_per_second"], delta=1)
        return result

    def test_closed_loop(self):
        run = run_held(self, *SHORT, "-c", 8, self.hello)
        result = self.expect_good(run)
        self.assertIsNone(result["rate"])
        self.assertEqual(result["latency"]["count"], result["requests"])
        self.assertGreater(result["generator"]["cpu_ns_per_request"], 0)
        self.assertIn(f"Total count    = {result['requests']:12d}", run.hgrm)

    def test_bytes_are_counted(self):
        with self.server.client() as client:
            client.send(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            head = client.reply()
        result = self.expect_good(run_held(self, *SHORT, "-c", 2, f"{self.base}/large.bin",
                                      "--expect-length", len(LARGE)))
        self.assertEqual(len(head.body), len(LARGE))
        self.assertAlmostEqual(result["bytes"] / len(LARGE), result["requests"], delta=5)

    def test_rate(self):
        run = run_held(self, "-d", 1, "--warmup", 0.1, "-c", 8, "-R", 1000, self.hello)
        result = self.expect_good(run)
        self.assertEqual(result["rate"], 1000)
        self.assertEqual(result["latency"]["count"], 1000)
        self.assertEqual(result["uncorrected"]["count"], 1000)
        self.assertAlmostEqual(result["requests"], 1000, delta=10)
        for percentile, corrected in result["latency"]["percentiles"].items():
            self.assertGreaterEqual(corrected, result["uncorrected"]["percentiles"][percentile])
        self.assertGreaterEqual(result["lag_us"]["100"], result["lag_us"]["50"])
        self.expect_consistent(run)

    def test_pauses_at_a_rate(self):
        """A pause ends the warm-up, others are not part of the run: all that is due is asked for in
        the seconds that it may take."""
        stops = []

        def pause(generator):
            self.assertTrue(until(lambda: blocks(generator, signal.SIGTSTP)))
            for _ in range(3):
                time.sleep(0.3)
                generator.send_signal(signal.SIGTSTP)
                told = os.waitid(os.P_PID, generator.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                stops.append(told.si_status)
                time.sleep(0.5)
                generator.send_signal(signal.SIGCONT)
        begun = time.monotonic()
        result = self.expect_good(run_held(self, "-d", 1, "--warmup", 60, "-c", 8, "-R", 1000,
                                           self.hello, meanwhile=pause))
        self.assertEqual(set(stops), {signal.SIGSTOP})
        self.assertEqual(result["latency"]["count"], 1000)
        self.assertAlmostEqual(result["seconds"], 1, delta=0.1)
        self.assertGreater(time.monotonic() - begun, 0.3 + 3 * 0.5 + 1)
        self.assertLess(result["latency"]["percentiles"]["90"], 4e5)

    def expect_consistent(self, run):
        """The .hgrm file, the JSON and what was printed tell the same."""
        rows = re.findall(r"^ *([\d.]+) +([\d.]+) +(\d+)", run.hgrm, re.M)
        self.assertEqual(int(rows[-1][2]), run.json["latency"]["count"])
        self.assertAlmostEqual(float(rows[-1][0]) * 1000, run.json["latency"]["max_us"],
                               delta=0.01 + run.json["latency"]["max_us"] / 1000)
        median = next(float(value) for value, share, _ in rows if float(share) >= 0.5)
        self.assertAlmostEqual(median * 1000, run.json["latency"]["percentiles"]["50"],
                               delta=0.01 + median)
        self.assertIn("50.000%", run.stdout)

    def test_a_stall_counts_for_all_that_were_due(self):
        def stall(_generator):
            time.sleep(0.5)
            self.server.tell(signal.SIGSTOP)
            time.sleep(0.6)
            self.server.tell(signal.SIGCONT)
        run = run_held(self, "-d", 2, "--warmup", 0, "-c", 4, "-R", 500, self.hello,
                       meanwhile=stall)
        result = self.expect_good(run)
        self.assertEqual(result["latency"]["count"], 1000)
        self.assertGreater(result["latency"]["percentiles"]["90"], 250000)
        self.assertLess(result["uncorrected"]["percentiles"]["90"], 250000)

    def test_a_stopped_server_is_the_one_to_blame(self):
        def stop(_generator):
            time.sleep(0.5)
            self.server.tell(signal.SIGSTOP)
        try:
            run = run_held(self, "-d", 1.5, "--warmup", 0, "--timeout", 0.5, "-R", 200, self.hello,
                           meanwhile=stop)
        finally:
            self.server.tell(signal.SIGCONT)
        self.assertEqual(run.status, 3, run.said())
        self.assertIn("the server fell behind", run.stderr)
        self.assertIsNone(run.json["latency"])
        self.assertIn("the server fell behind", run.json["refused"])
        self.assertIsNone(run.hgrm)
        self.assertNotIn("99.000%", run.stdout)

    def test_an_impossible_rate_is_refused(self):
        run = Run(*SHORT, "-c", 4, "-R", 2_000_000, "--timeout", 0.2, self.hello)
        self.assertEqual(run.status, 3, run.said())
        self.assertIn("fell behind", run.stderr)
        self.assertIsNone(run.json["latency"])

    def test_pipeline_and_rotation(self):
        urls = [f"{self.base}/{name}" for name in ("hello.txt", "large.bin", "other.txt")]
        self.expect_good(run_held(self, *SHORT, "-c", 3, "--pipeline", 16, *urls))
        self.expect_good(run_held(self, *SHORT, "-c", 3, "-t", 2, *urls))
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as targets:
            targets.write("/hello.txt\n\n/other.txt\n")
            targets.flush()
            self.expect_good(run_held(self, *SHORT, "--pipeline", 5, "--targets", targets.name,
                                      self.base))
        run = run_held(self, *SHORT, "-c", 3, "--pipeline", 4, "-R", 300, *urls)
        self.expect_good(run)

    def test_a_connection_per_request(self):
        self.expect_good(run_held(self, *SHORT, "--new-connection", "-c", 4, self.hello))
        run = run_held(self, *SHORT, "--new-connection", "-c", 4, "-R", 400, self.hello)
        self.assertEqual(self.expect_good(run)["latency"]["count"], 80)

    def test_other_methods_and_fields(self):
        self.expect_good(run_held(self, *SHORT, "-m", "HEAD", "--expect-length", 0, self.hello))
        self.expect_good(run_held(self, *SHORT, "--browser", "-H", "X-One: 1", self.hello))
        run = Run(*SHORT, "--body-size", 1000, "--expect-status", 405, self.hello)
        self.assertEqual(run.status, 0, run.said())

    def test_a_wrong_status_is_counted(self):
        run = Run(*SHORT, f"{self.base}/none")
        self.assertEqual(run.status, 4, run.said())
        self.assertEqual(run.errors(), {"status": run.json["requests"]})
        self.assertEqual(list(run.json["statuses"]), ["404"])

    def test_idle_connections_stay(self):
        def count(_generator):
            time.sleep(0.7)
            self.assertGreaterEqual(self.server.sockets(), 60 + 4)
        run = Run("-d", 1, "--warmup", 0.3, "-c", 4, "--idle", 60, self.hello, meanwhile=count)
        self.expect_good(run)

    def test_a_server_that_dies_ends_the_run(self):
        def die(_generator):
            time.sleep(0.8)
            self.server.kill()
        run = Run("-d", 30, "--warmup", 0.1, "--timeout", 0.4, self.hello, meanwhile=die)
        self.assertEqual(run.status, 1, run.said())
        self.assertIn("connections to 127.0.0.1:", run.stderr)


class LostIdle(unittest.TestCase):

    def test_idle_connections_that_are_gone_are_told(self):
        root = Root()
        self.addCleanup(root.remove)
        root.write("hello.txt", HELLO)
        with Server(root, "--timeout", "300ms") as server:
            run = Run("-d", 1, "--warmup", 0.1, "-c", 1, "--idle", 20,
                      f"http://127.0.0.1:{server.address[1]}/hello.txt")
        self.assertEqual(run.status, 4, run.said())
        self.assertEqual(run.errors(), {"read": 20})


if __name__ == "__main__":
    if io_uring_refusal():
        print(f"skipped: ringlet-load needs io_uring ({io_uring_refusal()})")
        sys.exit(SKIP)
    main()
