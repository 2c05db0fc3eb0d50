"""P7 and R8: what a pass over ten thousand objectives costs, and how soon a breach has left as a page; beside Prometheus
(and Alertmanager) in the same run."""

import http.client
import http.server
import json
import random
import statistics
import threading
import time

from measures import ratio
from servers import Plimsoll, Server, cpu_seconds, free_port, load
from wire import event, request

SECONDS = 20
# The four tiers of four weeks: long and short window in seconds, and the burn rate that spends the tier's share.
TIERS = [(3_600, 300, 13.44), (21_600, 1_800, 5.6), (86_400, 7_200, 2.8), (259_200, 21_600, 0.9333)]


def slo(name, condition, group=""):
    return f"""slo: {name}
service: sales
objective: 99
window: 28d
{group}runbook_url: https://wiki.example/{name}
events: SELECT time, warehouse, outcome = 'ok' AS good FROM business_events WHERE {condition}
"""


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/logs", body, {"content-type": "application/x-protobuf"})
    answer = connection.getresponse()
    assert answer.status == 200, (answer.status, answer.read())
    answer.read()
    connection.close()


class Prometheus(Server):
    """Scrapes one page and evaluates one group of rules."""

    name = "prometheus"

    def __init__(self, page, rules, every, alertmanager=None):
        self.http, self.page, self.rules, self.every, self.alertmanager = free_port(), page, rules, every, alertmanager

    def prepare(self):
        alerting = ""
        if self.alertmanager:
            alerting = f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{self.alertmanager}']}}]}}]}}\n"
        (self.folder / "prometheus.yml").write_text(
            f"global: {{scrape_interval: 1s, evaluation_interval: {self.every}}}\n"
            f"rule_files: [rules.yml]\n{alerting}"
            f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{self.page}']}}]}}]\n"
        )
        (self.folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "slos", "rules": self.rules}]}))

    def command(self):
        return [
            "prometheus",
            f"--web.listen-address=127.0.0.1:{self.http}",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
        ]

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=30)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


class Alertmanager(Server):
    name = "alertmanager"

    def __init__(self, webhook):
        self.http, self.webhook = free_port(), webhook

    def prepare(self):
        (self.folder / "alertmanager.yml").write_text(routing(self.webhook))

    def command(self):
        return [
            "prometheus-alertmanager",
            f"--web.listen-address=127.0.0.1:{self.http}",
            "--cluster.listen-address=",
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
        ]


def routing(webhook):
    return f"""route: {{receiver: hook, group_by: [alertname, warehouse], group_wait: 0s, group_interval: 1s}}
receivers:
  - name: hook
    webhook_configs: [{{url: '{webhook}', send_resolved: false}}]
"""


class Shop:
    """Counters of good and bad orders, as a page that Prometheus scrapes."""

    def __init__(self, names):
        self.totals = {name: [0, 0] for name in names}
        self.server = serve(self.page)
        self.port = self.server.server_address[1]

    def page(self, _handler):
        lines = []
        for name, (bad, total) in list(self.totals.items()):
            lines += [f'orders_bad_total{{warehouse="{name}"}} {bad}', f'orders_total{{warehouse="{name}"}} {total}']
        return "\n".join(lines) + "\n"


class Hook:
    """When a page about a warehouse arrived."""

    def __init__(self):
        self.arrived = {}
        self.server = serve(self.take)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def take(self, handler):
        message = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        for alert in message["alerts"]:
            if alert["status"] == "firing":
                self.arrived.setdefault(alert["labels"].get("warehouse"), time.time())
        return ""


def serve(answer):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answer(self).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def burning(selector):
    def burn(seconds):
        bad, total = (f"sum by (warehouse) (rate({name}{selector}[{seconds}s]))" for name in ("orders_bad_total", "orders_total"))
        return f"({bad} / {total})"

    return " or ".join(
        f"({burn(long)} > {burns * 0.01:.5f} and {burn(short)} > {burns * 0.01:.5f})" for long, short, burns in TIERS
    )


def passes(options):
    """P7. Each second, one event of each objective. The same load is measured with one objective, and what it costs is
    taken off on both sides: receiving, storing and scraping are not in the figure."""
    count = options.spans or 10_000
    names = [f"shop.order.{number}" for number in range(count)]
    ours = [our_cpu(options, names, objectives) for objectives in (1, count)]
    theirs = [their_cpu(names, rules) for rules in (0, count)]
    rows = []
    for who, (alone, all_of_them) in {"ours": ours, "prometheus": theirs}.items():
        cpu = all_of_them["cpu"] - alone["cpu"] * all_of_them["seconds"] / alone["seconds"]
        done = all_of_them["passes"]
        rows.append({"who": who, "objectives": count, "passes": done, "pass ms": all_of_them["pass ms"],
                     "CPU ms a pass": cpu * 1_000 / done, "objectives/CPU-s": count * done / cpu})
    return [*rows, ratio(rows[0], rows[1], "objectives/CPU-s")]


def our_cpu(options, names, objectives):
    rules = {"slos/all.yaml": "---\n".join(slo(f"order-{n}", f"event_name = '{names[n]}'") for n in range(objectives))}
    with Plimsoll(options.binary, {"rules.files": ["slos/*.yaml"]}, rules) as server:
        settle(server, names)
        before, began = passed(server), time.monotonic()
        cpu = server.cpu()
        send_each(server.http, names, SECONDS)
        cpu, after, seconds = server.cpu() - cpu, passed(server), time.monotonic() - began
        known = server.number("count(DISTINCT slo)", "slos WHERE total > 0")
        assert known == objectives, f"{known} of {objectives} objectives have counted anything"
        done, took = after[0] - before[0], after[1] - before[1]
        return {"cpu": cpu, "seconds": seconds, "passes": done, "pass ms": took * 1_000 / done}


def settle(server, names):
    """The first pass reads the past of each objective by itself; what it costs is not in the figure, and printed."""
    began = time.monotonic()
    send_each(server.http, names, 5)
    while passed(server)[0] < 2:
        assert time.monotonic() - began < 240, "no pass within four minutes"
        time.sleep(1)
    print(f"the first pass was over after {time.monotonic() - began:.0f} s")
    send_each(server.http, names, 10)


def passed(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.console, timeout=60)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    value = lambda name: sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))
    return value("plimsoll_rules_passes_total"), value("plimsoll_rules_passes_seconds_total")


def send_each(port, names, seconds):
    """A hundredth of the events are bad."""
    for second in range(seconds):
        due = time.monotonic() + 1
        now = time.time_ns()
        outcome = lambda number: "failed" if (number + second) % 100 == 0 else "ok"
        body = request([event(now, name, [("business.outcome", outcome(at))]) for at, name in enumerate(names)], "shop")
        post(port, body)
        time.sleep(max(0, due - time.monotonic()))


def their_cpu(names, rules):
    shop = Shop(names)
    alerts = [{"alert": f"Slo{n}", "expr": burning(f'{{warehouse="{names[n]}"}}')} for n in range(rules)]
    with Prometheus(shop.port, alerts, "5s") as server:
        stop = threading.Event()
        threading.Thread(target=count_up, args=(shop, stop), daemon=True).start()
        time.sleep(25)
        iterations, evaluating, cpu, began = *counted(server), server.cpu(), time.monotonic()
        time.sleep(SECONDS)
        seconds, used = time.monotonic() - began, cpu_seconds(server.pid) - cpu
        done, took = (after - before for after, before in zip(counted(server), (iterations, evaluating)))
        stop.set()
        shop.server.shutdown()
        return {"cpu": used, "seconds": seconds, "passes": done or None, "pass ms": took * 1_000 / done if done else None}


def counted(server):
    return (server.metric("prometheus_rule_group_iterations_total{"),
            server.metric("prometheus_rule_group_duration_seconds_sum") or server.metric("prometheus_rule_evaluation_duration_seconds_sum"))


def count_up(shop, stop):
    second = 0
    while not stop.wait(1):
        second += 1
        for number, counts in enumerate(shop.totals.values()):
            counts[0] += (number + second) % 100 == 0
            counts[1] += 1


def breaches(options):
    """R8. A warehouse that has been well for six hours has two hundred bad orders at once: at that moment the window's
    arithmetic is satisfied, and whatever follows is ours. Beside it 20,000 spans a second and a thousand other objectives;
    Prometheus has neither, only the one rule."""
    count = options.runs or 30
    warehouses = [f"W{number:02}" for number in range(count)]
    ours, theirs, shop = Hook(), Hook(), Shop(warehouses)
    others = [slo(f"other-{n}", f"event_name = 'other.{n}'") for n in range(1_000)]
    one = slo("breach", "event_name = 'odoo.sale.order.confirmed'", "group_by: [warehouse]\n")
    files = {"slos/all.yaml": "---\n".join([one, *others]), "alertmanager.yml": routing(ours.url)}
    rules = [{"alert": "Breach", "expr": burning("")}]
    with Alertmanager(theirs.url) as manager, Prometheus(shop.port, rules, "1s", manager.http) as _:
        with Plimsoll(options.binary, {"rules.files": ["slos/*.yaml"]}, files) as server:
            history(server, warehouses)
            started = {}
            beside = threading.Thread(target=spans, args=(options, server, count * 4 + 25))
            beside.start()
            time.sleep(20)
            for warehouse in warehouses:
                time.sleep(2 + random.random())
                body = request([order(time.time_ns(), warehouse, "failed") for _ in range(200)], "shop")
                bad = shop.totals[warehouse]
                bad[0], bad[1] = bad[0] + 200, bad[1] + 200
                post(server.http, body)
                started[warehouse] = time.time()
            beside.join()
            time.sleep(5)
    rows = [late(who, hook, started) for who, hook in {"ours": ours, "prometheus + alertmanager": theirs}.items()]
    return [*rows, ratio(*rows, "p50 ms") | ratio(*rows, "p99 ms")]


def history(server, warehouses):
    """One good order every ten seconds; and Prometheus counts from now on."""
    now = time.time_ns()
    for warehouse in warehouses:
        orders = [order(now - age * 10**9, warehouse, "ok") for age in range(1, 6 * 3_600, 10)]
        post(server.http, request(orders, "shop"))


def order(time_ns, warehouse, outcome):
    return event(time_ns, "odoo.sale.order.confirmed", [("business.warehouse", warehouse), ("business.outcome", outcome)])


def spans(options, server, seconds):
    ran = load(options.generator, "--endpoint", f"http://127.0.0.1:{server.grpc}", "--rate", 20_000, "--items", 100,
               "--duration", f"{seconds}s", check=False)
    print(f"beside it: {ran.report['items_per_second']:,.0f} spans/s, {ran.report['total']['acknowledged']:,} acknowledged")


def late(who, hook, started):
    waits = sorted((hook.arrived[name] - at) * 1_000 for name, at in started.items() if name in hook.arrived)
    assert len(waits) == len(started), f"{who}: {len(waits)} of {len(started)} breaches were told"
    rank = lambda share: waits[min(len(waits) - 1, round(share * (len(waits) - 1)))]
    return {"who": who, "breaches": len(waits), "p50 ms": statistics.median(waits), "p99 ms": rank(0.99), "most ms": waits[-1]}
