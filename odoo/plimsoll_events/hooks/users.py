"""Logins and rights (`base`). Who it was is a pseudonym under the database's own secret; a login never leaves
Odoo."""

from __future__ import annotations

from .. import context, facts, runtime, transaction
from ..patching import silent
from .base import Hook, Transition, common, event

_GROUP_FIELDS = ("groups_id", "group_ids")


class Login(Hook):
    """`_login(db, login, password, ...)` until 17.0 and `_login(db, credential, ...)` in 18.0, both on the
    class; in 19.0 `_login(credential, ...)` on records."""

    model = "res.users"
    method = "_login"

    def around(self, call, records, args, kwargs):
        db_name, login, kind = silent(self.where, self._asked, records, args, kwargs) or (None, None, None)
        try:
            result = call(records, args, kwargs)
        except Exception as error:
            silent(self.where, self._tell, db_name, login, kind, None, error)
            raise
        silent(self.where, self._tell, db_name, login, kind, result, None)
        return result

    @staticmethod
    def _asked(records, args, kwargs):
        args = [*args, *(kwargs[name] for name in ("db", "login", "credential") if name in kwargs)]
        credential = next((found for found in args if isinstance(found, dict) and "login" in found), None)
        texts = [found for found in args if isinstance(found, str)]
        db_name = records.pool.db_name if isinstance(records, type) else records.env.cr.dbname
        if credential is not None:
            return db_name, credential["login"], credential.get("type")
        return db_name, texts[1] if len(texts) > 1 else None, "password"

    def _tell(self, db_name, login, kind, result, error):
        active = runtime.get()
        if db_name is None or not active.watches(db_name):
            return
        if not result and error is None:
            error = _Denied()
        unit = context.current_or_new()
        uid = result.get("uid") if isinstance(result, dict) else result
        known = {
            "business.workload": unit.workload,
            "odoo.db": db_name,
            "odoo.model": self.model,
            "business.customer": active.pseudonym(db_name, "login," + login.lower()) if login else None,
            "odoo.login.method": (result.get("auth_method") if isinstance(result, dict) else None) or kind,
        }
        event_id = "%s:res.users:%s:logged_in:%d" % (db_name, uid or 0, facts.now_micros())
        record = event("odoo.res.users.logged_in", event_id, known, unit, (self.where, event_id))
        if error is None:
            transaction.tell(unit, record)
        else:
            # Not held for a loop above: a refused login is told even when the page that follows is a success.
            transaction.fail(context.Unit(), record, error)


class _Denied(Exception):
    word = "access"


class Privileges(Transition):
    """A user's rights, whichever of the fields that stand for them was written."""

    model = "res.users"
    method = "write"
    event = "odoo.res.users.privileges_changed"
    transition = "privileges_changed"
    on_definition = True
    span = False

    def wants(self, records, args, kwargs):
        return bool(records) and any(_is_group(key) for key in _values(args, kwargs))

    def state(self, record):
        return frozenset(_groups(record).ids)

    def facts(self, record, work):
        before = work.before.get(record.id, (None,))[0]
        now = frozenset(_groups(record).ids)
        return {
            "audit.target": "res.users:%d" % record.id,
            "odoo.groups.added": len(now - before) if before is not None else None,
            "odoo.groups.removed": len(before - now) if before is not None else None,
        }

    def happened(self, record, before):
        return frozenset(_groups(record).ids) != before


class GroupMembers(Hook):
    """The same from the other side: members of a group."""

    model = "res.groups"
    method = "write"
    on_definition = True

    def wants(self, records, args, kwargs):
        return bool(records) and not {"users", "user_ids", "implied_ids"}.isdisjoint(_values(args, kwargs))

    def succeeded(self, work, result):
        txn = facts.transaction_start(work.cr)
        earned = transaction.earned(work.cr, work.unit)
        for group in work.records:
            event_id = "%s:res.groups:%d:privileges_changed:%d" % (work.cr.dbname, group.id, txn)
            known = {
                **common(work),
                "odoo.model": self.model,
                "odoo.res_id": group.id,
                "audit.action": "privileges.changed",
                "audit.target": "res.groups:%d" % group.id,
            }
            earned.add(event("audit.recorded", event_id, known, work.unit, (self.where, group.id)))


def _groups(user):
    return next(user[name] for name in _GROUP_FIELDS if name in user._fields)


def _is_group(key):
    return key in _GROUP_FIELDS or key.startswith(("in_group_", "sel_groups_"))


def _values(args, kwargs):
    return args[0] if args else kwargs.get("vals", {})


HOOKS = [Login, Privileges, GroupMembers]
