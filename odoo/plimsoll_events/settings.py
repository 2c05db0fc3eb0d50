"""What an administrator may set, read once per process: the environment wins over `odoo.conf`, which wins
over defaults.

The names are OpenTelemetry's own wherever it has one, so that a platform that configures other services by
environment configures Odoo the same way.
"""

from __future__ import annotations

import configparser
import os
import socket
from urllib.parse import unquote, urlsplit

SECTION = "plimsoll_events"
DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
SIGNALS = ("logs", "traces", "metrics")


class Settings:
    """A plain record. Sizes are in items, times in seconds."""

    def __init__(self, env=None, section=None):
        env = os.environ if env is None else env
        section = section or {}

        def text(name, key, default=""):
            return (env.get(name) or section.get(key) or default).strip()

        def number(name, key, default, low, high):
            try:
                return min(max(float(text(name, key, str(default))), low), high)
            except ValueError:
                return default

        def yes(name, key, default):
            return text(name, key, default).lower() in ("1", "true", "yes", "on")

        self.enabled = not yes("OTEL_SDK_DISABLED", "disabled", "false")
        self.spans = text("OTEL_TRACES_EXPORTER", "traces_exporter", "otlp").lower() != "none"
        self.sample_ratio = number("OTEL_TRACES_SAMPLER_ARG", "sample_ratio", 1.0, 0.0, 1.0)
        base = text("OTEL_EXPORTER_OTLP_ENDPOINT", "endpoint", DEFAULT_ENDPOINT).rstrip("/")
        self.endpoints = {
            signal: text("OTEL_EXPORTER_OTLP_%s_ENDPOINT" % signal.upper(), "%s_endpoint" % signal)
            or "%s/v1/%s" % (base, signal)
            for signal in SIGNALS
        }
        self.headers = _pairs(text("OTEL_EXPORTER_OTLP_HEADERS", "headers"))
        token = text("PLIMSOLL_TOKEN", "token")
        if token:
            self.headers["authorization"] = "Bearer " + token
        self.certificate = text("OTEL_EXPORTER_OTLP_CERTIFICATE", "certificate")
        self.compression = text("OTEL_EXPORTER_OTLP_COMPRESSION", "compression", "gzip").lower()
        # OpenTelemetry counts these in milliseconds.
        self.timeout = number("OTEL_EXPORTER_OTLP_TIMEOUT", "timeout_ms", 10_000, 100, 60_000) / 1000
        self.delay = number("OTEL_BLRP_SCHEDULE_DELAY", "delay_ms", 500, 10, 60_000) / 1000
        self.queue_size = int(number("OTEL_BLRP_MAX_QUEUE_SIZE", "queue_size", 4096, 16, 100_000))
        self.batch_size = int(number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "batch_size", 512, 1, 4096))
        self.metric_interval = (
            number("OTEL_METRIC_EXPORT_INTERVAL", "metric_interval_ms", 60_000, 100, 3_600_000) / 1000
        )
        self.databases = {
            name.strip() for name in text("PLIMSOLL_DATABASES", "databases").split(",") if name.strip()
        }
        self.resource = _pairs(text("OTEL_RESOURCE_ATTRIBUTES", "resource_attributes"))
        name = text("OTEL_SERVICE_NAME", "service_name")
        if name:
            self.resource["service.name"] = name
        self.resource.setdefault("service.name", "odoo")
        self.resource.setdefault("host.name", socket.gethostname())

    def watches(self, db_name):
        """Every database unless some are named."""
        return not self.databases or db_name in self.databases

    def problem(self):
        """Why nothing can be sent, or None. Read at start so that a typing error is told once, not once a
        batch."""
        for signal, url in self.endpoints.items():
            parts = urlsplit(url)
            try:
                wrong_port = parts.port == 0
            except ValueError:
                wrong_port = True
            if parts.scheme not in ("http", "https") or not parts.hostname or wrong_port:
                return "the endpoint of %s is not an http(s) address: %s" % (signal, url)
        return None


def from_odoo():
    """`[plimsoll_events]` of the file that Odoo was started with. Read directly: the four series keep
    sections of other people in different places, and one of them warns about keys that it doesn't know."""
    from odoo.tools import config

    # `rcfile` until 18.0, and what `-c` said in 19.0.
    path = getattr(config, "rcfile", None) or config.get("config")
    parser = configparser.ConfigParser(interpolation=None)
    if path:
        parser.read(path)
    return Settings(section=dict(parser[SECTION]) if parser.has_section(SECTION) else {})


def _pairs(text):
    """`a=1,b=two%20words`, as OpenTelemetry writes headers and resource attributes."""
    pairs = (item.partition("=") for item in text.split(",") if "=" in item)
    return {key.strip().lower(): unquote(value.strip()) for key, _, value in pairs if key.strip()}
