"""What the disk itself takes to make bytes durable."""

import os
import tempfile
import time

from servers import SCRATCH


def fdatasync(seconds, writes_per_second, size):
    """Milliseconds of an append and its fdatasync, paced as the server's own would be."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    block = os.urandom(size)
    took = []
    with tempfile.TemporaryFile(dir=SCRATCH) as file:
        started = time.perf_counter()
        for number in range(int(seconds * writes_per_second)):
            due = started + number / writes_per_second
            while (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            before = time.perf_counter()
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - before) * 1e3)
    took.sort()
    at = lambda share: took[int(len(took) * share)]  # noqa: E731
    return {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": took[-1]}
