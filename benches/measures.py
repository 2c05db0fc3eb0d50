"""The write path: acknowledged, queryable, how late, how soon visible, how large, how quickly back."""

import json
import os
import statistics
import threading
import time
from http.client import HTTPConnection

import device
from servers import ROOT, Load, Otlp2Parquet, Plimsoll, Rotel, cpu_seconds, disk_bytes, forget_peak, load, peak_rss

# The log alone: nothing is written to Delta while the measure runs, so that its cost is not in the figure.
LOG_ONLY = {"lake.flush_rows": 100_000_000, "lake.flush_age": "1h", "lake.buffer_limit": "12GiB"}


def median(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def medians(label, rows):
    """One row from several runs of the same thing; what is no number is taken from the first."""
    keys = [key for key in rows[0] if isinstance(rows[0][key], (int, float))]
    return {"who": label, "runs": len(rows), **{key: median(rows, key) for key in keys}}


def ratio(ours, theirs, key):
    return {"who": f"ours / {theirs['who']}", key: ours[key] / theirs[key]}


def cost(ran: Load, cpu):
    acknowledged = ran.report["total"]["acknowledged"]
    return {
        "spans/s": ran.report["items_per_second"],
        "spans/CPU-s": acknowledged / cpu,
        "ack p50 ms": ran.report["ack_latency_ms"]["p50"],
        "ack p99 ms": ran.report["ack_latency_ms"]["p99"],
        "sender spans/CPU-s": acknowledged / ran.cpu,
    }


def acknowledged(options):
    """P1: OTLP to the answer. Ours answers after fsync; rotel decodes and drops."""
    spans, runs = options.spans or 1_500_000, options.runs or 5
    table = []
    for protocol in ("http", "grpc"):
        ours, theirs = [], []
        for _ in range(runs):
            with Plimsoll(options.binary, LOG_ONLY) as server:
                ours.append(received(options, server, protocol, spans, ["--verify", f"http://127.0.0.1:{server.console}"]))
            with Rotel() as server:
                theirs.append(received(options, server, protocol, spans, []))
        ours, theirs = medians(f"ours, {protocol}, fsync", ours), medians(f"rotel, {protocol}, drop", theirs)
        table += [ours, theirs, ratio(ours, theirs, "spans/CPU-s") | ratio(ours, theirs, "spans/s")]
    return table


def received(options, server, protocol, spans, extra):
    """The server's CPU up to the last answer; what is asked of it afterwards is not counted."""
    doors = ["--protocol", protocol, "--endpoint", f"http://127.0.0.1:{getattr(server, protocol)}"]
    before = server.cpu()
    ran = load(options.generator, *doors, "--count", spans)
    row = cost(ran, server.cpu() - before)
    row["peak MB"] = peak_rss(server.pid) / 1e6
    if extra:
        stored = server.number("count(DISTINCT span_id)", "spans") if spans <= 2_000_000 else spans
        assert stored == ran.report["total"]["acknowledged"], f"{stored} stored: {ran.report}"
    return row


def queryable(options):
    """P2 and P3: everything in, to files that a query engine reads, until the process has ended."""
    import duckdb

    spans, runs = options.spans or 2_000_000, options.runs or 5
    ours, theirs = [], []
    for _ in range(runs):
        with Plimsoll(options.binary) as server:
            row = stored(options, server, spans)
            row |= on_disk(duckdb, server, spans)
            row["parquet B/span"] = sum(path.stat().st_size for path in server.files("spans")) / spans
            ours.append(row)
        with Otlp2Parquet() as server:
            row = stored(options, server, spans)
            row |= on_disk(duckdb, server, spans)
            theirs.append(row)
    ours, theirs = medians("ours, http, fsync, Delta", ours), medians("otlp2parquet, http, from memory", theirs)
    return [ours, theirs, ratio(ours, theirs, "spans/CPU-s") | ratio(ours, theirs, "B/span")]


def stored(options, server, spans):
    started = time.monotonic()
    before = server.cpu()
    door = ["--protocol", "http", "--endpoint", f"http://127.0.0.1:{server.http}", *server.generator_options]
    ran = load(options.generator, *door, "--count", spans)
    ended = server.stop()
    row = cost(ran, ended.cpu - before)
    row["spans/s to files"] = spans / (time.monotonic() - started)
    row["peak MB"] = ended.peak_rss / 1e6
    return row


def on_disk(duckdb, server, spans):
    """All rows are there, by somebody else's count, or the figure is worth nothing."""
    files = [str(path) for path in server.files("spans")]
    found = duckdb.execute(f"SELECT count(*) FROM read_parquet({files!r})").fetchall()[0][0]
    assert found == spans, f"{server.name}: {found} of {spans} spans are in the files"
    return {"B/span": disk_bytes(server.data) / spans, "files": len(files)}


def latency(options):
    """P4: the answer's latency at 20,000 spans a second, beside the device's own fdatasync."""
    runs, table = options.runs or 3, []
    ours = {"grpc": [], "http": []}
    bare = []
    for _ in range(runs):
        bare.append(device.fdatasync(seconds=8, writes_per_second=200, size=24_500))
        for protocol, rows in ours.items():
            with Plimsoll(options.binary) as server:
                ran = paced(options, server, protocol, 15)
                rows.append(ran.report["ack_latency_ms"])
    floor = medians("fdatasync of 24.5 kB, 200/s", bare)
    table.append(floor)
    for protocol, rows in ours.items():
        row = medians(f"ours, {protocol}, 100 spans a request", rows)
        table += [row, ratio(row, floor, "p99")]
    return table


def paced(options, server, protocol, seconds):
    door = ["--protocol", protocol, "--endpoint", f"http://127.0.0.1:{getattr(server, protocol)}"]
    return load(options.generator, *door, "--rate", 20_000, "--items", 100, "--duration", f"{seconds}s")


def visible(options):
    """P6: from the acknowledgement to the row in SQL, under 20,000 spans a second; and after kill -9."""
    probes = []
    with Plimsoll(options.binary) as server:
        background = threading.Thread(target=paced, args=(options, server, "grpc", 25))
        background.start()
        for number in range(200):
            probes.append(probe(server, f"probe-{number}"))
            time.sleep(0.05)
        background.join()
    probes.sort()
    alive = {"who": "ours, ack to visible", "runs": len(probes)}
    alive |= {"p50 ms": quantile(probes, 0.5), "p99 ms": quantile(probes, 0.99), "max ms": probes[-1]}
    return [alive, *after_kill(options)]


def probe(server, name):
    """Milliseconds from the acknowledgement of one event until SQL shows it."""
    text = lambda key, value: {"key": key, "value": {"stringValue": value}}  # noqa: E731
    now = str(time.time_ns())
    record = {"timeUnixNano": now, "eventName": "odoo.probe.sent", "attributes": [text("event.id", name)]}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    connection = HTTPConnection("127.0.0.1", server.http)
    connection.request("POST", "/v1/logs", body, {"content-type": "application/json"})
    assert connection.getresponse().status == 200
    acknowledged_at = time.perf_counter()
    while not server.sql(f"SELECT event_id FROM business_events WHERE event_id = '{name}'"):
        pass
    return (time.perf_counter() - acknowledged_at) * 1e3


def after_kill(options):
    """kill -9 under load; how long until it is ready, and how many acknowledged spans its first answer misses."""
    rows = []
    for _ in range(options.runs or 3):
        with Plimsoll(options.binary) as server:
            file = server.folder / "acknowledged.jsonl"
            door = ["--endpoint", f"http://127.0.0.1:{server.grpc}", "--rate", 20_000, "--items", 100]
            sending = threading.Thread(
                target=load,
                args=(options.generator, *door, "--duration", "20s", "--give-up", "1s", "--acknowledged", file),
                kwargs={"check": False},
            )
            sending.start()
            time.sleep(6)
            server.kill()
            killed = time.monotonic()
            told = sum(json.loads(line)["items"] for line in file.read_text().splitlines())
            server.start()
            ready = time.monotonic() - killed
            first = server.number("count(*)", "spans")
            sending.join()
            rows.append({"ready s": ready, "missing at first answer": max(0, told - first), "acknowledged": told})
    return [medians("ours, kill -9 under load", rows)]


def memory(options):
    """P9: peak memory at 20,000 spans a second with rules on and a query every second; the peer at full speed."""
    example = {f"rules/{path.name}": path.read_text() for path in (ROOT / "examples/rules").glob("*.yaml")}
    example |= {f"slos/{path.name}": path.read_text() for path in (ROOT / "examples/slos").glob("*.yaml")}
    rows = []
    for _ in range(options.runs or 3):
        with Plimsoll(options.binary, files=example) as server:
            before, started = server.cpu(), time.monotonic()
            door = ["--endpoint", f"http://127.0.0.1:{server.grpc}"]
            turns = ",".join(["spans"] * 9 + ["events"])
            pace = ["--rate", 22_222, "--items", 100, "--duration", "60s", "--signals", turns]
            sending = threading.Thread(target=load, args=(options.generator, *door, *pace))
            sending.start()
            asked = 0
            while sending.is_alive():
                server.sql(
                    "SELECT http_route, count(*) AS n, approx_percentile_cont(duration_ms, 0.95) AS p95 FROM spans "
                    "WHERE time > now() - INTERVAL '1 minute' GROUP BY http_route"
                )
                asked += 1
                time.sleep(1)
            spent = server.cpu() - before
            rows.append(
                {"peak MiB": peak_rss(server.pid) / 2**20, "queries": asked,
                 "CPU share": spent / (time.monotonic() - started)}
            )
    with Otlp2Parquet() as server:
        door = ["--protocol", "http", "--endpoint", f"http://127.0.0.1:{server.http}", *server.generator_options]
        load(options.generator, *door, "--count", 2_000_000)
        peer = {"who": "otlp2parquet, full speed", "runs": 1, "peak MiB": peak_rss(server.pid) / 2**20}
    return [medians("ours, 20,000 spans/s, rules, queries", rows), peer]


def replay(options):
    """P10: kill -9 with a gigabyte of log, then a start with the usual settings."""
    rows = []
    for _ in range(options.runs or 3):
        with Plimsoll(options.binary, LOG_ONLY) as server:
            door = ["--endpoint", f"http://127.0.0.1:{server.grpc}"]
            sent = 0
            while disk_bytes(server.data) < 1e9:
                load(options.generator, *door, "--count", 500_000)
                sent += 500_000
            log_bytes = disk_bytes(server.data)
            server.kill()
            server.settings = {"query.timeout": "5m"}
            server.prepare()
            started = time.monotonic()
            server.start()
            accepting = time.monotonic() - started
            first = server.number("count(*)", "spans")
            complete = time.monotonic() - started
            # This one needs the rows themselves, while the first flush makes files of them.
            read = server.number("count(duration_ms)", "spans")
            everything = time.monotonic() - started
            rows.append(
                {"log MB": log_bytes / 1e6, "spans": sent, "accepting s": accepting, "first answer s": complete,
                 "every row read s": everything, "unread": sent - read, "missing": sent - first, "CPU s": cpu_seconds(server.pid), "peak MB": peak_rss(server.pid) / 1e6}
            )
    return [medians("ours, 1 GB of log", rows)]


def quantile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]
