"""The class of a failure: few words that one can group by, the same in all four series."""

from __future__ import annotations

try:
    from psycopg2 import Error as DatabaseError
except ImportError:  # the unit tests, without a driver

    class DatabaseError(Exception):
        """No driver, no error of it."""


CONCURRENCY = {"40001": "serialization", "40P01": "deadlock", "55P03": "lock_timeout"}
_BY_SQLSTATE = {
    **CONCURRENCY,
    "57014": "timeout",
    "25P02": "aborted",
    "08006": "connection",
    "08003": "connection",
    "57P01": "connection",
}
# By name, so that nothing of Odoo or of an optional library must be imported; an exception's parents count.
_BY_NAME = {
    "AccessDenied": "access",
    "AccessError": "access",
    "SessionExpiredException": "access",
    "MissingError": "missing",
    "LockError": "lock_timeout",
    "ConcurrencyError": "serialization",
    "UserError": "validation",
    "IntegrityError": "validation",
    "TimeoutError": "timeout",
    "Timeout": "timeout",
    "ConnectionError": "connection",
    "SMTPException": "connection",
    "MailDeliveryException": "connection",
}
# Modules whose refusal of a stock update means one thing: it would go below zero.
_NEGATIVE_STOCK = "stock_no_negative"
DEEPEST_CAUSE = 5


def error_type(error):
    """Of an exception, following what it was raised from when it says nothing itself."""
    return _known(error) or type(error).__name__


def is_concurrency(error):
    """What `odoo.service.model.retrying` tries again."""
    return getattr(error, "pgcode", None) in CONCURRENCY


def is_business(error):
    """A refusal that the user is told about, rather than a fault of the system."""
    return _known(error) in ("validation", "access", "missing", "negative_stock")


def _known(error):
    for _ in range(DEEPEST_CAUSE):
        found = _own_type(error)
        if found:
            return found
        error = error.__cause__
        if error is None:
            return None
    return None


def _own_type(error):
    word = getattr(error, "word", None)
    if isinstance(word, str):
        return word
    code = getattr(error, "pgcode", None)
    if code:
        known = _BY_SQLSTATE.get(code)
        if known:
            return known
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int) and status >= 400:
        return "http_%d" % status
    for parent in type(error).__mro__:
        known = _BY_NAME.get(parent.__name__)
        if known == "validation" and _raised_by(error, _NEGATIVE_STOCK):
            return "negative_stock"
        if known:
            return known
    return None


def _raised_by(error, module):
    traceback = error.__traceback__
    while traceback is not None:
        if module in traceback.tb_frame.f_globals.get("__name__", ""):
            return True
        traceback = traceback.tb_next
    return False
