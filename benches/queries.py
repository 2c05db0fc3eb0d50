"""P5: five questions over the same Parquet files, asked of our server and of DuckDB."""

import statistics
import time
from datetime import datetime, timedelta, timezone

from servers import Plimsoll, disk_bytes, load

HISTORY_HOURS = 6
# A large memory budget is what DuckDB takes by default, too.
SETTINGS = {"query.memory_limit": "8GiB", "query.timeout": "5m"}


def statements(trace_id, now):
    """Name, ours, DuckDB's: the same words but for the spelling of an approximate quantile."""
    recent = (now - timedelta(minutes=15)).strftime("%Y-%m-%d %H:%M:%S+00")
    route = "SELECT http_route, count(*) AS n, {} AS p95 FROM spans GROUP BY http_route ORDER BY http_route"
    same = {
        "trace by id": f"SELECT name, duration_ms, span_id FROM spans WHERE trace_id = '{trace_id}'",
        "errors of 15 min": "SELECT name, count(*) AS n FROM spans WHERE status = 'error' "
        f"AND time >= TIMESTAMPTZ '{recent}' GROUP BY name ORDER BY n DESC, name",
        "attribute LIKE": "SELECT count(*) AS n FROM spans WHERE attributes['url.path'] LIKE '%/confirm/12%'",
        "join": "SELECT e.warehouse, count(*) AS n, avg(s.duration_ms) AS ms FROM business_events e "
        "JOIN spans s ON s.trace_id = e.trace_id WHERE e.event_name = 'odoo.sale.order.confirmed' "
        "AND e.outcome = 'failed' GROUP BY e.warehouse ORDER BY e.warehouse",
    }
    # The map's own spelling of a promoted column.
    attribute = "SELECT count(*) AS n FROM spans WHERE attributes['http.route'] = '/shop/confirm'"
    return [
        ("trace by id", same["trace by id"], same["trace by id"]),
        ("errors of 15 min", same["errors of 15 min"], same["errors of 15 min"]),
        (
            "p95 by route",
            route.format("approx_percentile_cont(duration_ms, 0.95)"),
            route.format("approx_quantile(duration_ms, 0.95)"),
        ),
        ("attribute LIKE", same["attribute LIKE"], same["attribute LIKE"]),
        ("join", same["join"], same["join"]),
        ("(sixth) attribute = ", attribute, attribute),
    ]


def measure(options):
    """Ours over HTTP from a process that was started on what it wrote; DuckDB in this process, on two threads."""
    spans, runs = options.spans or 10_000_000, options.runs or 5
    with Plimsoll(options.binary, SETTINGS) as server:
        fill(options, server, spans)
        server.stop()
        server.start()
        trace_id = server.sql("SELECT trace_id FROM spans LIMIT 1")[0]["trace_id"]
        now = datetime.now(timezone.utc)
        duck = attach(server)
        rows = []
        for name, ours, theirs in statements(trace_id, now):
            ours_ms, ours_rows = median_of(runs, lambda: server.sql(ours))
            duck_ms, duck_rows = median_of(runs, lambda: duck.execute(theirs).fetchall())
            assert len(ours_rows) == len(duck_rows), f"{name}: {ours_rows} {duck_rows}"
            rows.append({"query": name, "spans": spans, "ours ms": ours_ms, "DuckDB ms": duck_ms,
                         "ours / DuckDB": ours_ms / duck_ms, "rows": len(ours_rows)})
        rows.append({"query": "files", "spans": spans, "B/span": disk_bytes(server.data) / spans})
    return rows


def fill(options, server, spans):
    """Nine spans for each business event, eight spans a trace, over six hours."""
    turns = ",".join(["spans"] * 9 + ["events"])
    door = ["--protocol", "http", "--endpoint", f"http://127.0.0.1:{server.http}"]
    what = ["--signals", turns, "--items", 1_000, "--spans-per-trace", 8, "--history", f"{HISTORY_HOURS}h"]
    load(options.generator, *door, *what, "--count", spans * 10 // 9)


def attach(server):
    import duckdb

    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    for table in ("spans", "business_events"):
        files = [str(path) for path in server.files(table)]
        duck.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r})")
    return duck


def median_of(runs, ask):
    """The median of warm runs, in milliseconds, and the rows of the last."""
    rows = ask()
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        rows = ask()
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took), rows
