"""What is observed, area by area; placing it and taking it off.

There are hooks of the process (requests, retries, savepoints, registries) and hooks of a database (methods of
models, on the classes of its registry). Both are placed once; what a version or a missing addon lacks is
passed over.
"""

from __future__ import annotations

import logging

from .. import patching, runtime
from ..patching import silent
from . import (
    account,
    changes,
    http,
    integrations,
    jobs,
    queue_jobs,
    retries,
    sale,
    savepoints,
    stock,
    supply,
    users,
)

_logger = logging.getLogger(__name__)

MODELS = [
    hook for area in (sale, stock, account, supply, jobs, integrations, users, changes) for hook in area.HOOKS
]
_placed = False


def place():
    """On this process, once; forked workers inherit it. Sends nothing, starts no thread."""
    global _placed
    active = runtime.start()
    if not active.settings.enabled or _placed:
        return
    _placed = True
    for name, install in (
        ("requests", http.install),
        ("retries", retries.install),
        ("savepoints", savepoints.install),
    ):
        silent(name, install)
    silent("registries", changes.install, _registry_built)


def place_on(registry, cr=None):
    """On the classes of one database; again for each registry that is built for it."""
    active = runtime.get()
    if active is None or not active.settings.enabled or not active.settings.watches(registry.db_name):
        return
    if silent("the settings of a database", changes.learn, registry.db_name, cr) is False:
        _forget(registry)
        return
    active.watched.add(registry.db_name)
    for hook_class in MODELS:
        silent(hook_class.__name__, _place_hook, registry, hook_class())
    silent("queue_job", queue_jobs.install)


def _place_hook(registry, hook):
    if hook.model not in registry:
        return
    model_class = registry[hook.model]
    patch = patching.patch_definition if hook.on_definition else patching.patch_model
    patch(model_class, hook.method, hook.around)


def _registry_built(registry):
    if changes.is_server_wide() or changes.is_installed(registry):
        place_on(registry)
        return
    # Uninstalled, perhaps in another process: nothing of ours stays where nobody wants it.
    _forget(registry)
    if not _wanted_by_any(registry):
        remove()


def _forget(registry):
    runtime.get().watched.discard(registry.db_name)
    patching.remove_from_registry(registry)


def _wanted_by_any(registry):
    others = getattr(type(registry), "registries", None) or {}
    try:
        found = list(others.d.values()) if hasattr(others, "d") else list(others.values())
    except (AttributeError, RuntimeError):
        return True
    return any(changes.is_installed(other) for other in found)


def remove():
    """Takes everything off this process. What waits to be sent is still sent."""
    global _placed
    _placed = False
    runtime.get().watched.clear()
    patching.remove_from_process()
