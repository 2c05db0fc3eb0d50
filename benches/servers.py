"""Servers under measurement: each started in an empty folder, asked what it cost, stopped."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
READY_WITHIN = 120
ROOT = Path(__file__).resolve().parent.parent
SCRATCH = Path(os.environ.get("PLIMSOLL_BENCH_SCRATCH", ROOT / "data" / "bench"))
PEERS = Path(os.environ.get("PLIMSOLL_PEERS", Path.home() / ".cache/plimsoll-peers"))


def cpu_seconds(pid):
    """User and system time of a process, all its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_rss(pid):
    """Bytes; since the start, or since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the process has no memory any more")


def forget_peak(pid):
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def disk_bytes(folder):
    """What the files hold, not what blocks they take."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Ended:
    """What a process cost from its start to its end."""

    cpu: float
    peak_rss: int


@dataclass
class Server:
    """A process in a folder of its own; a context manager that kills it and removes the folder."""

    # What the generator must be told to talk to it.
    generator_options = ()
    folder: Path = field(init=False)
    process: subprocess.Popen | None = field(init=False, default=None)

    def __enter__(self):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=SCRATCH))
        self.prepare()
        self.start()
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self):
        pass

    def start(self):
        log = (self.folder / "log").open("ab")
        environment = {**os.environ, **self.environment()}
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder, env=environment)
        deadline = time.monotonic() + READY_WITHIN
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{(self.folder / 'log').read_text()[-4000:]}")
            time.sleep(0.002)

    def environment(self):
        return {}

    def is_ready(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.http)) == 0

    @property
    def pid(self):
        return self.process.pid

    def cpu(self):
        return cpu_seconds(self.pid)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; everything it had to write is written when this returns."""
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return Ended(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


class Plimsoll(Server):
    name = "plimsoll"

    def __init__(self, binary, settings=None, files=None):
        self.binary = Path(binary).resolve()
        self.settings = settings or {}
        self.own_files = files or {}
        self.grpc, self.http, self.postgres, self.console = (free_port() for _ in range(4))

    def prepare(self):
        tables = {
            "collector": {"grpc": f"127.0.0.1:{self.grpc}", "http": f"127.0.0.1:{self.http}"},
            "query": {"postgres": f"127.0.0.1:{self.postgres}"},
            "dashboards": {"listen": f"127.0.0.1:{self.console}"},
            "telemetry": {"enabled": False},
        }
        for key, value in self.settings.items():
            table, name = key.split(".")
            tables.setdefault(table, {})[name] = value
        lines = []
        for table, keys in tables.items():
            lines.append(f"[{table}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        quiet = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
        for name, text in {"plimsoll.toml": "\n".join(lines), "alertmanager.yml": quiet, **self.own_files}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def command(self):
        return [self.binary, "--log", "warn", "serve", "--config", self.folder / "plimsoll.toml"]

    def is_ready(self):
        try:
            return self.get("/-/ready") == 200
        except OSError:
            return False

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.console, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def sql(self, statement):
        connection = http.client.HTTPConnection("127.0.0.1", self.console, timeout=300)
        try:
            body = json.dumps({"sql": statement})
            connection.request("POST", "/api/v1/sql", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {text.decode()}\n{statement}")
            return json.loads(text)
        finally:
            connection.close()

    def number(self, expression, table):
        return self.sql(f"SELECT {expression} AS n FROM {table}")[0]["n"]

    def files(self, table):
        """The live Parquet files of a table, as Delta's own reader lists them: not what compaction replaced."""
        import deltalake

        folder = next(path.parent for path in self.data.rglob("_delta_log") if path.parent.name == table)
        return [Path(uri) for uri in deltalake.DeltaTable(str(folder)).file_uris()]

    @property
    def data(self):
        return self.folder / "data"


class Rotel(Server):
    """Receives and drops: the fastest receiver of OTLP among the peers, with nothing durable to do."""

    name = "rotel"

    def __init__(self):
        self.grpc, self.http = free_port(), free_port()

    def command(self):
        agent = next((PEERS / "venv").rglob("rotel-agent"))
        grpc, http_address = f"127.0.0.1:{self.grpc}", f"127.0.0.1:{self.http}"
        doors = ["--otlp-grpc-endpoint", grpc, "--otlp-http-endpoint", http_address]
        return [agent, "start", *doors, "--exporter", "blackhole"]


class Otlp2Parquet(Server):
    """OTLP/HTTP to Parquet files, acknowledged from memory."""

    name = "otlp2parquet"
    # It answers with a JSON text of its own.
    generator_options = ("--any-2xx",)

    def __init__(self):
        self.http = free_port()

    def command(self):
        return [PEERS / "o2p/bin/otlp2parquet"]

    def environment(self):
        return {
            "OTLP2PARQUET_LISTEN_ADDR": f"127.0.0.1:{self.http}",
            "OTLP2PARQUET_STORAGE_BACKEND": "fs",
            "OTLP2PARQUET_STORAGE_PATH": str(self.folder / "data"),
        }

    def files(self, _table):
        return list(self.data.rglob("*.parquet"))

    @property
    def data(self):
        return self.folder / "data"


@dataclass
class Load:
    """A run of our generator: its report, and what it cost itself."""

    report: dict
    cpu: float


def load(binary, *arguments, check=True):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [binary, "load", "--json", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if check and ended.returncode != 0:
        raise RuntimeError(f"{command} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(json.loads(ended.stdout), cpu)
