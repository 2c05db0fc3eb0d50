"""The thread that sends: one per process, started by the first record, never by an import, and gone across a
fork.

A sink that is down, slow or full costs a bounded queue and nothing else. What OTLP calls retryable is kept
and tried again later (`Retry-After` is obeyed); everything else is dropped, counted and told once.
"""

from __future__ import annotations

import email.utils
import gzip
import http.client
import json
import logging
import random
import ssl
import threading
import time
from urllib.parse import urlsplit

_logger = logging.getLogger(__name__)

RETRYABLE = (429, 502, 503, 504)
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
LONGEST_RETRY_AFTER = 300.0
LARGEST_ANSWER = 64 * 1024
TOLD_EVERY = 300.0


class Refused(Exception):
    """The sink will never take this batch."""


class Later(Exception):
    """The sink may take it after `wait` seconds."""

    def __init__(self, reason, wait=None):
        super().__init__(reason)
        self.wait = wait


class Sender:
    """`outbox` gives batches and hears what became of them: `next_batch()`, `accepted(...)`, `refused(...)`,
    `keep(...)`. All of it runs on this thread, except `wake`, `stop` and `drain`."""

    def __init__(self, settings, outbox):
        self._settings = settings
        self._outbox = outbox
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = None
        self._connections = {}
        self._failures = 0
        self._told = {}

    def wake(self):
        """Starts the thread if there is none; never raises, since a process that can't have threads still has
        work."""
        if self._thread is None and not self._stopping:
            with self._lock:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="plimsoll_events.sender", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:
                        return
                    self._thread = thread

    def hurry(self):
        """Send now rather than at the end of the delay: a batch is full."""
        self._wake.set()

    def stop(self, limit):
        """Ends the thread within `limit` seconds; what is queued stays queued. True when it has ended."""
        thread = self._thread
        if thread is None:
            return True
        self._stopping = True
        self._wake.set()
        thread.join(limit)
        self._stopping = False
        if thread.is_alive():
            return False
        self._thread = None
        self._wake.clear()
        return True

    def drain(self, limit):
        """Sends what is queued from the calling thread: at exit, when no thread can be started any more."""
        deadline = time.monotonic() + limit
        if not self.stop(limit / 2):
            return
        try:
            while time.monotonic() < deadline and self._send_next(min(limit, self._settings.timeout)):
                pass
        except Later:
            pass
        self._close()

    def _run(self):
        while not self._stopping:
            self._wake.wait(self._settings.delay)
            self._wake.clear()
            try:
                while not self._stopping and self._send_next(self._settings.timeout):
                    self._failures = 0
            except Later as later:
                self._failures += 1
                self._rest(later)
            except Exception:
                # A fault of ours must not end the thread, nor fill Odoo's log.
                self._tell("fault", "a batch could not be sent, and is lost", exc_info=True)
        self._close()

    def _rest(self, later):
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failures - 1, 5)) * random.uniform(0.5, 1.0)
        if later.wait is not None:
            wait = min(later.wait, LONGEST_RETRY_AFTER)
        self._tell("later", "telemetry waits for its sink (%s); Odoo itself is not affected", later)
        deadline = time.monotonic() + wait
        # In short naps: a batch that fills up in the meantime must not cut the wait short, a stop must.
        while not self._stopping and time.monotonic() < deadline:
            self._wake.wait(min(0.2, max(0.0, deadline - time.monotonic())))
            self._wake.clear()

    def _send_next(self, timeout):
        """False when nothing is queued."""
        batch = self._outbox.next_batch()
        if batch is None:
            return False
        signal, items, body = batch
        try:
            rejected = self._post(signal, body, timeout)
        except Refused as refusal:
            self._outbox.refused(signal, len(items))
            self._tell(signal, "%s items of %s were refused: %s", len(items), signal, refusal)
        except Later:
            self._outbox.keep(signal, items)
            raise
        else:
            self._outbox.accepted(signal, len(items) - rejected, rejected)
        return True

    def _post(self, signal, body, timeout):
        """How many items of it were rejected."""
        headers = {
            "content-type": "application/json",
            "user-agent": "plimsoll_events",
            **self._settings.headers,
        }
        if self._settings.compression == "gzip":
            body = gzip.compress(body, compresslevel=1)
            headers["content-encoding"] = "gzip"
        url = urlsplit(self._settings.endpoints[signal])
        try:
            if (url.scheme, url.netloc) in self._connections:
                try:
                    return self._exchange(url, body, headers, timeout)
                except (ConnectionError, http.client.RemoteDisconnected):
                    # The sink may close what was idle for long; that is no outage.
                    self._close()
            return self._exchange(url, body, headers, timeout)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            # Its class and not its text, which is other people's.
            raise Later(type(error).__name__) from None

    def _exchange(self, url, body, headers, timeout):
        connection = self._connection(url, timeout)
        connection.request("POST", url.path + ("?" + url.query if url.query else ""), body, headers)
        answer = connection.getresponse()
        content = answer.read(LARGEST_ANSWER)
        if not answer.isclosed():
            # More than any answer of OTLP: the connection can't be used again.
            self._close()
        return self._outcome(answer, content)

    def _outcome(self, answer, content):
        if 200 <= answer.status < 300:
            return _rejected(content)
        if answer.status in RETRYABLE:
            raise Later("HTTP %d" % answer.status, _retry_after(answer.getheader("retry-after")))
        raise Refused("HTTP %d" % answer.status)

    def _connection(self, url, timeout):
        key = (url.scheme, url.netloc)
        connection = self._connections.get(key)
        if connection is None:
            if url.scheme == "https":
                context = ssl.create_default_context(cafile=self._settings.certificate or None)
                connection = http.client.HTTPSConnection(
                    url.hostname, url.port, timeout=timeout, context=context
                )
            else:
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout)
            self._connections[key] = connection
        connection.timeout = timeout
        return connection

    def _close(self):
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            connection.close()

    def _tell(self, cause, message, *args, **kwargs):
        """Once per cause in a while. What we log never becomes telemetry of ours, so there is no loop."""
        now = time.monotonic()
        if now - self._told.get(cause, -TOLD_EVERY) >= TOLD_EVERY:
            self._told[cause] = now
            _logger.warning(message, *args, **kwargs)


def _rejected(content):
    """From `partialSuccess`; an answer that can't be read rejected nothing that we know of."""
    try:
        partial = json.loads(content or b"{}").get("partialSuccess") or {}
        rejected = (int(value) for key, value in partial.items() if key.startswith("rejected"))
        return max(0, next(rejected, 0))
    except (ValueError, AttributeError, TypeError):
        return 0


def _retry_after(header):
    """Seconds, or a date. None when absent or unreadable."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
