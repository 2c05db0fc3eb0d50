"""`odoo.service.model.retrying`, which every request and RPC call goes through: a try that PostgreSQL aborts
because of a concurrent one is done again, and only the last one's failure is a failure.
"""

from __future__ import annotations

from .. import context, runtime, transaction
from ..patching import patch_function, silent


def install():
    from odoo.service import model

    patch_function(model, "retrying", _retrying)
    patch_function(model, "execute_cr", _execute_cr)


def _retrying(original, func, env, *args, **kwargs):
    scope = silent("a transaction", _scope, env)
    tries = silent("a transaction", context.Tries, scope.unit) if scope is not None else None
    if tries is None:
        return original(func, env, *args, **kwargs)

    def counted():
        silent("a try", tries.begin)
        return func()

    try:
        result = original(counted, env, *args, **kwargs)
    except BaseException as error:
        silent("a failed try", _given_up, scope.unit, tries, error)
        raise
    else:
        silent("a try", _given_up, scope.unit, tries, None)
        return result
    finally:
        silent("a transaction", scope.leave, runtime.get().finish)


def _scope(env):
    if not runtime.get().watches(env.cr.dbname):
        return None
    scope = context.Scope(context.current_or_new())
    if context.current() is None:
        scope.enter()
    return scope


def _given_up(unit, tries, error):
    if error is not None:
        # An answer that is sent by raising it (a redirect) has rolled nothing back that mattered.
        if type(error).__module__.startswith("werkzeug"):
            tries.undone.clear()
        else:
            unit.error = error
    transaction.tell_failures(unit, tries.end(error, transaction.as_failed))


def _execute_cr(original, cr, uid, obj, method, *args, **kw):
    """The model and method of an RPC call."""
    silent("a call", _note_call, obj, method)
    return original(cr, uid, obj, method, *args, **kw)


def _note_call(obj, method):
    unit = context.current()
    if unit is not None and unit.method is None:
        unit.model, unit.method = str(obj), str(method)
