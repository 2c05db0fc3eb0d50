"""R14: what an honest sender notices of a poisonous one: the answer's latency alone, and beside it."""

import http.client
import os
import threading
import time

from measures import medians, ratio
from servers import Plimsoll, load
from wire import attributes, event, fixed64, message, request, text

PAUSE_S = 0.2


def isolation(options):
    rows = {"alone": [], "beside a poisonous source": []}
    sent = []
    for _ in range(options.runs or 3):
        for who, latencies in rows.items():
            with Plimsoll(options.binary) as server:
                stop = threading.Event()
                poison = threading.Thread(target=lambda: sent.append(send_poison(server, stop)))
                if who != "alone":
                    poison.start()
                ran = honest(options, server)
                stop.set()
                if poison.ident:
                    poison.join()
                assert ran.report["total"]["acknowledged"] == ran.report["total"]["sent"], ran.report
                latencies.append(ran.report["ack_latency_ms"])
    alone, beside = (medians(f"honest, {who}", latencies) for who, latencies in rows.items())
    beside["poison requests"] = sum(map(sum, (counts.values() for counts in sent))) / len(sent)
    print(f"answers to the poison: {sent}")
    return [alone, beside, ratio(beside, alone, "p50") | ratio(beside, alone, "p99")]


def honest(options, server):
    door = ["--endpoint", f"http://127.0.0.1:{server.grpc}"]
    return load(options.generator, *door, "--rate", 5_000, "--items", 100, "--duration", "15s")


def send_poison(server, stop):
    """One body after the other until told to stop; says which answers it got, and how often."""
    answers = {}
    bodies = poison()
    connection = http.client.HTTPConnection("127.0.0.1", server.http, timeout=60)
    while not stop.is_set():
        for path, body in bodies:
            connection.request("POST", path, body, {"content-type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            answers[answer.status] = answers.get(answer.status, 0) + 1
            if stop.wait(PAUSE_S):
                break
    return answers


def poison():
    """A million keys, one value more than a 16-bit dictionary takes, ten megabytes in one attribute, moments that nobody
    lives in, and one event ten thousand times."""
    now = time.time_ns()
    keys = [span(now, [(f"key.{row}.{key}", "v") for key in range(1_000)]) for row in range(1_000)]
    values = [span(now, [("value", f"{value:016x}")], f"name {value}") for value in range(65_537)]
    large = [span(now, [("large", "x" * 10_000_000)])]
    moments = [span(moment, []) for moment in (1, 2**63 - 1) for _ in range(1_000)]
    events = [event(now, "odoo.poison.sent", [("event.id", "the same")])] * 10_000
    traces = [("/v1/traces", request(spans)) for spans in (keys, values, large, moments)]
    return [*traces, ("/v1/logs", request(events))]


def span(start, pairs, name="poison"):
    ids = message(1, os.urandom(16)) + message(2, os.urandom(8))
    times = fixed64(7, start) + fixed64(8, start)
    return message(2, ids + text(5, name) + times + attributes(9, pairs))
