"""The module in the place of an Odoo whose rows somebody else made: what it is given in a file are
the rows as they were and what was done with them, in which transaction. Plimsoll's own tests read the same
rows in PostgreSQL and compare.

`twin.py ENDPOINT STORY`: {"database", "tables": {model: [row]}, "calls": [{"model", "method", "ids" or
"values", "now"}], "crons": [{"id", "name"}], "logins": [password]}; times are ISO 8601, `now` is microseconds.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sys

# The stub is `odoo` from here on.
from harness import plimsoll_events, runtime, settings, stub

import stub_addons

_EPOCH = datetime.datetime(1970, 1, 1)
_TIMES = ("create_date", "date_deadline", "scheduled_date", "commitment_date", "date_planned")


def fill(database, tables):
    for model, rows in tables.items():
        for row in rows:
            for name in _TIMES:
                if row.get(name):
                    row[name] = datetime.datetime.fromisoformat(row[name])
            database.tables[model][row["id"]] = row
    add_action(database)
    database.add("ir.config_parameter", key="database.secret", value="s3cret")
    database.tables["res.users"][2] = {"id": 2, "login": "someone@example.com", "share": False}


def add_action(database):
    database.tables["ir.actions.server"][1] = {"id": 1, "name": "what a scheduled action runs"}


def act(database, call):
    env = stub.environment(database.name)
    env.cr._now = _EPOCH + datetime.timedelta(microseconds=call["now"])
    model = env[call["model"]]
    if "values" in call:
        database.next_id = call["values"]["id"] - 1
        for name in _TIMES:
            if call["values"].get(name):
                call["values"][name] = datetime.datetime.fromisoformat(call["values"][name])
        model.create(call["values"])
    else:
        getattr(model.browse(call["ids"]), call["method"])(*call.get("arguments", ()))
    env.cr.commit()


def main(endpoint, story):
    database = stub.DATABASES[story["database"]] = stub.Database(story["database"])
    stub.DATABASES["shop"] = database  # whose users log in
    fill(database, story["tables"])
    runtime.start(settings(endpoint, OTEL_SERVICE_NAME="odoo"), release="18.0")
    plimsoll_events._post_load()
    stub.Registry.new(story["database"])
    for call in story["calls"]:
        act(database, call)
    stub_addons.STATE["work"] = lambda env: None
    for cron in story["crons"]:
        stub.environment(database.name)["ir.cron"].run(cron["name"], 1, cron["id"])
    for password in story["logins"]:
        users = type(stub.environment(database.name)["res.users"])
        credential = {"login": "someone@example.com", "password": password, "type": "password"}
        with contextlib.suppress(stub.AccessDenied):
            users._login(database.name, credential, user_agent_env={})
    runtime.get().sender.drain(20)
    counts = runtime.get().counts()
    assert not any(count for (name, reason), count in counts.items() if reason), counts


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        main(sys.argv[1], json.load(file))
