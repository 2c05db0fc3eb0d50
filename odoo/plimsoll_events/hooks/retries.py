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
    if runtime.get() is None or not runtime.get().watches(env.cr.dbname):
        return original(func, env, *args, **kwargs)
    unit = context.current()
    if unit is None:
        with context.entered(context.Unit()) as unit:
            return _counted(original, unit, func, env, args, kwargs)
    return _counted(original, unit, func, env, args, kwargs)


def _counted(original, unit, func, env, args, kwargs):
    tries = context.Tries(unit)

    def counted():
        silent("a try", tries.begin)
        return func()

    try:
        result = original(counted, env, *args, **kwargs)
    except BaseException as error:
        silent("a failed try", _given_up, unit, tries, error)
        raise
    silent("a try", _given_up, unit, tries, None)
    return result


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
    unit = context.current()
    if unit is not None and unit.method is None:
        unit.model, unit.method = str(obj), str(method)
    return original(cr, uid, obj, method, *args, **kw)
