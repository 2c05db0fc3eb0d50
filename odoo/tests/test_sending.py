"""The queue and the sender, against a real HTTP server that is down, slow, full or picky; threads, forks, the
end."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import nullcontext

from harness import SERIES, Case, Settings, eventually, otlp, runtime, settings, stub, unittest

# From Python 3.10 on.
NO_LOGS = hasattr(unittest.TestCase, "assertNoLogs")
EVENT = "odoo.product.price.updated"


def record(number=0, name=EVENT):
    return otlp.Record(
        name, time.time_ns(), {"event.id": "e%d" % number, "business.outcome": "ok"}, key=number
    )


class Sending(Case):
    def ids(self):
        return [item["attributes"]["event.id"] for item in self.sink.items("logs")]

    def emit(self, *numbers):
        for number in numbers:
            self.runtime.emit(record(number))

    def count(self, reason):
        return self.runtime.counts()["plimsoll.odoo.events.dropped", reason]

    def test_an_event_arrives_as_otlp(self):
        self.emit(7)
        item = eventually("the event arrives", lambda: self.sink.items("logs"))[0]
        self.assertEqual(
            (item["eventName"], item["attributes"]), (EVENT, {"event.id": "e7", "business.outcome": "ok"})
        )
        self.assertEqual(item["resource"]["service.name"], "odoo")
        self.assertEqual(item["resource"]["service.version"], SERIES)
        self.assertEqual(item["resource"]["process.pid"], os.getpid())
        path, headers, _, _ = self.sink.requests[0]
        self.assertEqual(
            (path, headers["content-type"], headers["content-encoding"]),
            ("/v1/logs", "application/json", "gzip"),
        )

    def test_nothing_is_sent_or_started_before_there_is_something_to_say(self):
        names = {thread.name for thread in threading.enumerate()}
        self.assertNotIn("plimsoll_events.sender", names)
        self.assertEqual(self.sink.requests, [])

    def test_a_sink_that_is_down_for_a_while_loses_nothing_that_fits(self):
        self.sink.answers.extend([None, (503, {"retry-after": "0"}, b""), (429, {"retry-after": "0"}, b"")])
        self.emit(*range(10))
        eventually("all arrive", lambda: len(self.ids()) == 10)
        self.assertEqual(self.ids(), ["e%d" % number for number in range(10)])
        self.assertEqual(self.count("refused") + self.count("queue_full"), 0)

    def test_a_connection_that_the_sink_closed_while_it_was_idle_is_no_outage(self):
        self.emit(1)
        eventually("it arrives", self.ids)
        self.sink.answers.append(None)
        with self.assertNoLogs("odoo.addons.plimsoll_events", "WARNING") if NO_LOGS else nullcontext():
            self.emit(2)
            eventually("it arrives", lambda: self.ids() == ["e1", "e2"])

    def test_retry_after_is_obeyed(self):
        self.sink.answers.append((503, {"retry-after": "1"}, b""))
        began = time.monotonic()
        self.emit(1)
        eventually("it arrives", self.ids)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_what_the_sink_will_never_take_is_dropped_counted_and_told_once(self):
        self.sink.answers.extend([(400, {}, b"no")] * 3)
        with self.assertLogs("odoo.addons.plimsoll_events", "WARNING") as logs:
            for number in range(3):
                self.emit(number)
                eventually("it is counted", lambda number=number: self.count("refused") == number + 1)
        self.assertEqual(len(logs.output), 1)
        self.emit(9)
        eventually("the next one arrives", lambda: self.ids() == ["e9"])

    def test_what_a_partial_success_rejects_is_counted(self):
        self.sink.answers.append(
            (200, {}, json.dumps({"partialSuccess": {"rejectedLogRecords": "2"}}).encode())
        )
        self.runtime.sender.wake = lambda: None
        self.emit(1, 2, 3)
        del self.runtime.sender.wake
        self.emit(4)
        eventually("it is counted", lambda: self.count("refused") == 2)
        self.assertEqual(self.runtime.counts()["plimsoll.odoo.events.sent", None], 2)

    def test_the_token_is_sent_and_never_logged(self):
        self.runtime.settings.headers["authorization"] = "Bearer secret"
        self.sink.answers.append((401, {}, b""))
        with self.assertLogs("odoo.addons.plimsoll_events", "WARNING") as logs:
            self.emit(1)
            eventually("it is counted", lambda: self.count("refused") == 1)
        self.assertEqual(self.sink.requests[0][1]["authorization"], "Bearer secret")
        self.assertNotIn("secret", str(logs.output))

    def test_what_it_counted_is_a_metric_with_zeros(self):
        self.emit(1)
        points = eventually("metrics arrive", lambda: self.sink.items("metrics"))
        by_name = {point["name"]: point for point in points}
        dropped = by_name["plimsoll.odoo.events.dropped"]["sum"]
        reasons = {
            item["attributes"][0]["value"]["stringValue"]: item["asInt"] for item in dropped["dataPoints"]
        }
        self.assertEqual(reasons, {"queue_full": "0", "refused": "0", "encoding": "0", "limit": "0"})
        self.assertTrue(dropped["isMonotonic"])
        self.assertIn("gauge", by_name["plimsoll.odoo.queue.length"])

    def test_a_value_that_can_not_be_encoded_costs_its_batch_and_not_the_sender(self):
        broken = record(1)
        broken.attributes = None
        with self.assertLogs("odoo.addons.plimsoll_events", "WARNING"):
            self.runtime.emit(broken)
            eventually("it is counted", lambda: self.count("encoding") == 1)
        self.emit(2)
        eventually("the next one arrives", lambda: self.ids() == ["e2"])

    def test_threads_may_tell_at_once_and_nothing_is_lost_or_there_twice(self):
        def work(offset):
            for number in range(200):
                self.runtime.emit(record(offset + number))

        threads = [threading.Thread(target=work, args=(offset * 1000,)) for offset in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        eventually("all arrive", lambda: len(self.ids()) >= 1600)
        self.assertEqual(len(set(self.ids())), 1600)

    def test_a_forked_child_sends_its_own_and_not_its_parents(self):
        self.runtime.sender.wake = lambda: None
        self.emit(1)
        pid = os.fork()
        if not pid:
            code = 1
            try:
                self.emit(2)
                self.runtime.sender.drain(5)
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        eventually("the child's arrives", lambda: self.ids() == ["e2"])
        del self.runtime.sender.wake
        self.emit(3)
        eventually("the parent's arrive", lambda: len(self.ids()) == 3)
        pids = {
            item["attributes"]["event.id"]: item["resource"]["process.pid"]
            for item in self.sink.items("logs")
        }
        self.assertEqual(pids, {"e1": os.getpid(), "e2": pid, "e3": os.getpid()})

    def test_no_thread_of_ours_is_there_while_a_process_forks(self):
        self.emit(1)
        eventually("it arrives", self.ids)
        seen = []
        before, self.runtime.before_fork = self.runtime.before_fork, lambda: None

        def observe():
            before()
            seen.extend(thread.name for thread in threading.enumerate())

        self.runtime.before_fork = observe
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        self.assertNotIn("plimsoll_events.sender", seen)

    def test_gevent_is_an_odoo_process_too(self):
        try:
            import gevent  # noqa: F401
        except ImportError:
            # Odoo's requirement, not ours: where it is there, the same code must send.
            return
        code = "from gevent import monkey; monkey.patch_all()\n" + CHILD
        subprocess.run([sys.executable, "-c", code, self.sink.url], check=True, timeout=30, env=child_env())
        self.assertEqual(len(self.ids()), 3)


CHILD = textwrap.dedent("""
    import sys
    from test_sending import record, runtime, settings
    active = runtime.start(settings(sys.argv[1]), release="x")
    for number in range(3):
        active.emit(record(number))
""")


def child_env():
    return {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)), "STUB_SERIES": SERIES}


class Ends(Case):
    def test_a_process_that_ends_sends_what_it_has(self):
        subprocess.run([sys.executable, "-c", CHILD, self.sink.url], check=True, timeout=30, env=child_env())
        self.assertEqual(len(self.sink.items("logs")), 3)
        sent = [item for item in self.sink.items("metrics") if item["name"] == "plimsoll.odoo.events.sent"]
        self.assertEqual(sent[-1]["sum"]["dataPoints"][0]["asInt"], "3")

    def test_a_sink_that_never_answers_delays_the_end_by_a_few_seconds_at_most(self):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(16)
            began = time.monotonic()
            url = "http://127.0.0.1:%d" % deaf.getsockname()[1]
            subprocess.run([sys.executable, "-c", CHILD, url], check=True, timeout=30, env=child_env())
            self.assertLess(time.monotonic() - began, 8)


class Full(Case):
    more_settings = {"OTEL_BLRP_MAX_QUEUE_SIZE": "100", "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "10"}

    def test_an_outage_costs_a_bounded_queue_that_keeps_the_newest_and_nobody_waits(self):
        held = threading.Event()
        self.addCleanup(held.set)
        self.sink.answers.append(lambda: held.wait(30) and (503, {"retry-after": "0"}, b""))
        self.runtime.emit(record(0))
        eventually("the sink holds the first", lambda: not self.sink.answers)
        began = time.monotonic()
        for number in range(1, 1001):
            self.runtime.emit(record(number))
        self.assertLess(time.monotonic() - began, 1)
        self.assertEqual(len(self.runtime.queues["logs"]), 100)
        held.set()
        eventually("the newest arrive", lambda: len(self.sink.items("logs")) >= 100)
        ids = [item["attributes"]["event.id"] for item in self.sink.items("logs")]
        self.assertEqual(ids, ["e%d" % number for number in range(901, 1001)])
        self.assertEqual(self.runtime.counts()["plimsoll.odoo.events.dropped", "queue_full"], 901)

    def test_spans_do_not_push_events_out(self):
        self.runtime.sender.wake = lambda: None
        self.runtime.emit(record(1))
        for _ in range(500):
            self.runtime.finish(otlp.Span("x", "internal", "1" * 32, "2" * 16, "", 1))
        self.assertEqual(len(self.runtime.queues["logs"]), 1)
        self.assertEqual(self.runtime.counts()["plimsoll.odoo.spans.dropped", "queue_full"], 400)


class Configuration(unittest.TestCase):
    def test_the_environment_wins_over_the_file_and_the_file_over_defaults(self):
        section = {"endpoint": "http://file:1", "service_name": "erp", "token": "t"}
        read = Settings(env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://env:2/"}, section=section)
        self.assertEqual(read.endpoints["logs"], "http://env:2/v1/logs")
        self.assertEqual(read.resource["service.name"], "erp")
        self.assertEqual(read.headers["authorization"], "Bearer t")
        self.assertEqual(Settings(env={}).endpoints["traces"], "http://127.0.0.1:4318/v1/traces")

    def test_a_signal_may_have_an_endpoint_of_its_own(self):
        read = Settings(env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://traces:1/x"})
        self.assertEqual(
            (read.endpoints["traces"], read.endpoints["logs"]),
            ("http://traces:1/x", "http://127.0.0.1:4318/v1/logs"),
        )

    def test_nonsense_is_told_and_switches_off(self):
        for endpoint in ("collector:4318", "ftp://x", "http://", "http://x:y"):
            self.assertIsNotNone(Settings(env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}).problem(), endpoint)
        self.assertIsNone(Settings(env={}).problem())
        self.assertEqual(Settings(env={"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}).timeout, 10)

    def test_headers_and_resource_attributes_are_read_as_opentelemetry_writes_them(self):
        read = Settings(
            env={"OTEL_EXPORTER_OTLP_HEADERS": "x-a=1%202, X-B = 3", "OTEL_RESOURCE_ATTRIBUTES": "a=b,c"}
        )
        self.assertEqual(read.headers, {"x-a": "1 2", "x-b": "3"})
        self.assertEqual(read.resource["a"], "b")

    def test_the_section_of_the_configuration_file_is_read(self):
        import tempfile

        from odoo.addons.plimsoll_events.settings import from_odoo
        from odoo.tools import config

        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("[options]\nworkers = 2\n[plimsoll_events]\nservice_name = 100%%odd\n")
            file.flush()
            config.rcfile = file.name
            try:
                self.assertEqual(from_odoo().resource["service.name"], "100%%odd")
            finally:
                del config.rcfile

    def test_switched_off_nothing_is_placed(self):
        from odoo.service import model

        placed = model.retrying
        runtime._runtime = None
        stub.DATABASES[stub.DB] = stub.Database(stub.DB)
        try:
            from odoo.addons import plimsoll_events

            runtime.start(settings("http://127.0.0.1:1", OTEL_SDK_DISABLED="true"), release="x")
            plimsoll_events._post_load()
            self.assertIs(model.retrying, placed)
        finally:
            runtime._runtime = None


class Encoding(unittest.TestCase):
    def test_bytes_are_what_the_protocol_says(self):
        body = json.loads(otlp.traces({"a": 1}, "v", [otlp.Span("n", "server", "1" * 32, "2" * 16, "", 5)]))
        span = body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        self.assertEqual((span["traceId"], span["kind"], span["startTimeUnixNano"]), ("1" * 32, 2, "5"))
        self.assertNotIn("parentSpanId", span)

    def test_values_keep_their_type(self):
        encoded = otlp.attributes(
            {"t": "x" * 1000, "b": True, "i": 2**62, "f": 1.5, "n": None, "e": "", "bad": float("nan")}
        )
        values = {item["key"]: item["value"] for item in encoded}
        self.assertEqual(len(values.pop("t")["stringValue"]), 256)
        self.assertEqual(
            values,
            {
                "b": {"boolValue": True},
                "i": {"intValue": str(2**62)},
                "f": {"doubleValue": 1.5},
                "bad": {"stringValue": "nan"},
            },
        )


if __name__ == "__main__":
    unittest.main()
