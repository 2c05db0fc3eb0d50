"""What a record says about itself, in the words of the vocabulary. Fields that a version or a missing addon
lacks are left out. Names that hardly change are remembered for ten minutes, so that they cost no statement
each time.
"""

from __future__ import annotations

import calendar
import datetime
import time

from . import context, runtime


def value(record, name):
    """A field's value, or None when the model has no such field or it is empty. A recordset stays one."""
    if name not in record._fields:
        return None
    found = record[name]
    return None if found is False else found


def related(record, *names):
    """The first of these many2one fields that is set."""
    for name in names:
        found = value(record, name)
        if found:
            return found
    return None


def remembered(record, kind, load):
    """`load(record)`, kept for a while under the database, the kind and the record's id."""
    if not record:
        return None
    key = (record.env.cr.dbname, kind, record._name, record.id)
    return runtime.get().remember(key, lambda: load(record.sudo()) or None)


def name_of(record, field="name"):
    """In English where names are translated: the same name whoever works in whatever language."""
    if not record:
        return None
    return remembered(record, field, lambda found: found.with_context(lang="en_US")[field])


def company(record):
    return name_of(value(record, "company_id"))


def currency(record):
    return name_of(value(record, "currency_id"))


def warehouse_code(warehouse):
    return name_of(warehouse, "code")


def customer(record):
    """A pseudonym of whom it is for: the number of the company that a contact belongs to, so that its orders
    stay together. It names nobody outside of this database, and the PostgreSQL reader says the same."""
    partner = value(record, "partner_id")
    if not partner:
        return None
    commercial = remembered(partner, "commercial", lambda found: found.commercial_partner_id.id) or partner.id
    return "partner-%d" % commercial


def user_group(records, unit, area):
    """Whose work it is: a robot's, a portal user's, or that of the people of `area`."""
    if unit.workload == "scheduled" or records.env.uid == 1:
        return "robot"
    user = records.env.user
    shared = remembered(user, "share", lambda found: "share" if found.share else "internal")
    return "portal" if shared == "share" else area


def channel(order, unit):
    if unit.channel:
        return unit.channel
    if related(order, "website_id"):
        return "website"
    return name_of(value(order, "team_id")) or "backend"


def moment(found):
    """RFC 3339 of one of Odoo's datetimes (UTC, without saying so) or dates."""
    if isinstance(found, datetime.datetime):
        return found.isoformat(timespec="seconds") + "Z"
    if isinstance(found, datetime.date):
        return found.isoformat() + "T00:00:00Z"
    return None


def micros(found):
    """Microseconds of Unix time of a datetime in UTC."""
    return calendar.timegm(found.timetuple()) * 1_000_000 + found.microsecond


def age(record, txn):
    """Seconds from the record's creation to the start of this transaction, as the PostgreSQL reader has it."""
    created = value(record, "create_date")
    return max(0, txn - micros(created)) / 1e6 if created and txn else None


def transaction_start(cr):
    """Microseconds of `cr.now()`: what any writer's `write_date` will say. Odoo asks PostgreSQL for it once
    per transaction and keeps it, so this costs a statement only where nothing is written."""
    return micros(cr.now())


def now_micros():
    return time.time_ns() // 1000


def base(env_or_records, unit=None):
    """What every event has."""
    env = getattr(env_or_records, "env", env_or_records)
    unit = unit or context.current_or_new()
    return {"business.workload": unit.workload, "odoo.db": env.cr.dbname}
