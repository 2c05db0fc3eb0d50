"""Changes of the system: addons installed, upgraded or removed, and system parameters (by name, never by
value).

`Registry.new` is where every way of changing addons ends: the button, the command line, a deployment's `-u
all`. It is also where a database's classes are built, so it is where the hooks of models are placed.
"""

from __future__ import annotations

import datetime
import hashlib
import time

from .. import context, facts, runtime, transaction
from ..patching import patch_function, silent
from .base import Hook, event

_KEYS = ("database.secret", "database.uuid", "plimsoll_events.enabled")


def install(placed):
    """`placed(registry)` is called for each registry that was built."""
    from odoo.modules import registry

    def new(original, cls, db_name, *args, **kwargs):
        updates = bool(
            kwargs.get("update_module")
            or (args[2] if len(args) > 2 else False)
            or kwargs.get("install_modules")
            or kwargs.get("upgrade_modules")
        )
        before = silent("an upgrade", _installed, db_name) if updates else None
        started = time.time_ns()
        try:
            built = original(cls, db_name, *args, **kwargs)
        except BaseException as error:
            if updates:
                silent("an upgrade", _tell_failed, db_name, started, error)
            raise
        silent("a registry", placed, built)
        if updates:
            silent("an upgrade", _tell_upgrade, built, before or {}, started)
        return built

    patch_function(registry.Registry, "new", new)


def learn(db_name, cr=None):
    """The database's secret, for pseudonyms. False when the database says that it wants none of this. One
    statement per registry; on `cr` while a registry is being built, whose transaction may hold locks."""

    def read(cr):
        cr.execute("SELECT key, value FROM ir_config_parameter WHERE key IN %s", (_KEYS,))
        return dict(cr.fetchall())

    found = (read(cr) if cr is not None else _ask(db_name, "ir_config_parameter", read)) or {}
    active = runtime.get()
    secret = found.get("database.secret") or found.get("database.uuid")
    if secret:
        active.secrets[db_name] = secret
    return str(found.get("plimsoll_events.enabled", "true")).lower() not in ("false", "0", "no", "off")


def _ask(db_name, table, read):
    """On a connection of its own, and only if the database is one of Odoo's."""
    from odoo import sql_db

    with sql_db.db_connect(db_name).cursor() as cr:
        # Behind somebody's ALTER TABLE, we do without.
        cr.execute("SET LOCAL lock_timeout = '2s'")
        cr.execute("SELECT to_regclass(%s)", (table,))
        return read(cr) if cr.fetchone()[0] else None


def _installed(db_name):
    def read(cr):
        cr.execute(
            "SELECT name, latest_version FROM ir_module_module"
            " WHERE state IN ('installed', 'to upgrade', 'to remove')"
        )
        return dict(cr.fetchall())

    return _ask(db_name, "ir_module_module", read)


def _tell_upgrade(registry, before, started):
    db_name = registry.db_name
    after = _installed(db_name) or {}
    touched = [name for name in getattr(registry, "updated_modules", None) or () if name in after]
    for name in dict.fromkeys(touched):
        verb = "upgraded" if name in before else "installed"
        tell(db_name, "module_upgrade", name, after[name], "%s %s" % (name, verb), started, time.time_ns())
    for name in sorted(before.keys() - after.keys()):
        tell(db_name, "module_upgrade", name, None, "%s removed" % name, started, time.time_ns())


def _tell_failed(db_name, started, error):
    settings = runtime.get().settings
    if settings.enabled and settings.watches(db_name):
        unit = context.current_or_new()
        record = _change(
            unit,
            db_name,
            "module_upgrade",
            db_name,
            None,
            "an upgrade of addons failed",
            started,
            time.time_ns(),
        )
        transaction.fail(context.Unit(), record, error)


def tell(db_name, kind, entity, version, summary, started, ended):
    """A change that is over, at once."""
    if runtime.get().watches(db_name):
        unit = context.current_or_new()
        transaction.tell(unit, _change(unit, db_name, kind, entity, version, summary, started, ended))


def _change(unit, db_name, kind, entity, version, summary, started, ended, author=None):
    change_id = "%s:%s:%s:%d" % (db_name, kind, entity, started // 1000)
    known = {
        "business.workload": unit.workload,
        "odoo.db": db_name,
        "change.id": change_id,
        "change.kind": kind,
        "change.entity": entity,
        "change.version": version,
        "change.summary": summary,
        "change.author": author,
        "change.started": _rfc3339(started),
        "change.ended": _rfc3339(ended),
    }
    told = hashlib.sha256(repr(sorted(known.items(), key=str)).encode()).hexdigest()[:16]
    return event("change.recorded", "%s:%s" % (change_id, told), known, unit, ("change", change_id))


def _rfc3339(nanos):
    moment = datetime.datetime.fromtimestamp(nanos / 1e9, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


class Parameter(Hook):
    """A system parameter that a person or another system set. What scheduled actions note there for
    themselves is no change of the system."""

    model = "ir.config_parameter"
    method = "write"
    on_definition = True

    def wants(self, records, args, kwargs):
        unit = context.current()
        return (
            unit is not None
            and unit.workload in ("interactive", "integration")
            and bool(self.keys(records, args))
        )

    def keys(self, records, args):
        return records.sudo().mapped("key")

    def begin(self, work):
        # After `unlink` there is nothing left to ask.
        work.data = self.keys(work.records, work.args)

    def succeeded(self, work, result):
        earned = transaction.earned(work.cr, work.unit)
        author = runtime.get().pseudonym(work.cr.dbname, "res.users,%d" % work.records.env.uid)
        now = facts.now_micros() * 1000
        for key in work.data:
            earned.add(
                _change(
                    work.unit,
                    work.cr.dbname,
                    "configuration",
                    "ir.config_parameter:" + key,
                    None,
                    "%s was %s" % (key, self.verb),
                    now,
                    now,
                    author,
                )
            )

    verb = "changed"


class ParameterAdded(Parameter):
    method = "create"
    verb = "added"

    def keys(self, records, args):
        values = args[0] if args else ()
        values = [values] if isinstance(values, dict) else values
        return [found["key"] for found in values if found.get("key")]


class ParameterRemoved(Parameter):
    method = "unlink"
    verb = "removed"


HOOKS = [Parameter, ParameterAdded, ParameterRemoved]


def is_server_wide():
    """Loaded for every database (`--load`), rather than by being installed in one."""
    from odoo.tools import config

    names = config.get("server_wide_modules") or ()
    return "plimsoll_events" in (names.split(",") if isinstance(names, str) else names)


def is_installed(registry):
    return "plimsoll_events" in (getattr(registry, "_init_modules", None) or ())
