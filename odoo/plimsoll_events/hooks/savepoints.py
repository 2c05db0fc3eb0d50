"""A rollback to a savepoint takes back what was done since. Odoo empties no queue of callbacks then (an
automatic posting that fails is one of many in its transaction), so what such work earned is taken back here.
"""

from __future__ import annotations

from .. import transaction
from ..patching import patch_function, silent


def install():
    from odoo import sql_db

    patch_function(sql_db.Savepoint, "__init__", _begun)
    patch_function(sql_db.Savepoint, "rollback", _rolled_back)


def _begun(original, savepoint, *args, **kwargs):
    original(savepoint, *args, **kwargs)
    silent("a savepoint", _mark, savepoint)


def _rolled_back(original, savepoint, *args, **kwargs):
    result = original(savepoint, *args, **kwargs)
    silent("a savepoint", _take_back, savepoint)
    return result


def _mark(savepoint):
    earned = transaction.existing(savepoint._cr)
    if earned is not None:
        earned.mark(savepoint.name)


def _take_back(savepoint):
    earned = transaction.existing(savepoint._cr)
    if earned is not None:
        earned.back_to(savepoint.name)
