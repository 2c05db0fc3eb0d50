"""Business events, spans of requests and jobs, and changes, told to an OTLP collector after the commit."""

from . import models


def _post_load():
    """When Odoo loads the code: at start with `--load`, else with the first database that has the addon
    installed."""
    from . import hooks

    hooks.place()


def _uninstalled(env_or_cr, registry=None):
    """16.0 passes a cursor and a registry, later series an environment. Other processes follow when they
    rebuild."""
    from . import hooks, patching

    registry = registry if registry is not None else env_or_cr.registry
    from .hooks import changes

    if not changes.is_server_wide():
        patching.remove_from_registry(registry)
        hooks.remove()
