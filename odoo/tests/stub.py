"""As much of Odoo as the module touches, in the shapes of 16.0, 17.0, 18.0 and 19.0: cursors with callbacks
and savepoints, registries of classes that inherit, recordsets, `retrying`, requests, scheduled actions.

Data lies in dictionaries; a transaction is a copy of them. What a business method does is a line or two; what
matters is how it is called, what it calls, when it fails, and what is rolled back then. Signatures are those
of the series' sources.
"""

from __future__ import annotations

import collections
import copy
import datetime
import sys
import types
import uuid
from pathlib import Path

ADDONS = Path(__file__).resolve().parent.parent
SERIES = ("16.0", "17.0", "18.0", "19.0")
DB = "shop"


class PgError(Exception):
    """psycopg2.Error and what comes below it."""

    pgcode = None


class OperationalError(PgError):
    pass


class IntegrityError(PgError):
    pass


class SerializationFailure(OperationalError):
    pgcode = "40001"


class DeadlockDetected(OperationalError):
    pgcode = "40P01"


class LockNotAvailable(OperationalError):
    pgcode = "55P03"


class UserError(Exception):
    pass


class ValidationError(UserError):
    pass


class AccessDenied(UserError):
    pass


class RetryableJobError(Exception):
    pass


class FailedJobError(Exception):
    pass


class Callbacks:
    __slots__ = ("_funcs", "data")

    def __init__(self):
        self._funcs = collections.deque()
        self.data = {}

    def add(self, func):
        self._funcs.append(func)

    def run(self):
        while self._funcs:
            self._funcs.popleft()()
        self.clear()

    def clear(self):
        self._funcs.clear()
        self.data.clear()


class Savepoint:
    def __init__(self, cr):
        self.name = str(uuid.uuid1())
        self._cr = cr
        self.closed = False
        self._state = copy.deepcopy(cr.state)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        self.close(rollback=exc_type is not None)

    def close(self, *, rollback=True):
        if not self.closed:
            self._close(rollback)

    def rollback(self):
        self._cr.state = copy.deepcopy(self._state)
        self._cr.aborted = False

    def _close(self, rollback):
        if rollback:
            self.rollback()
        self.closed = True


class FlushingSavepoint(Savepoint):
    def __init__(self, cr):
        cr.flush()
        super().__init__(cr)

    def rollback(self):
        self._cr.precommit.clear()
        super().rollback()

    def _close(self, rollback):
        if not rollback:
            self._cr.flush()
        super()._close(rollback)


class Cursor:
    """A transaction over the database's tables; `statements` counts what reads and writes would cost at
    most."""

    def __init__(self, database):
        self.database = database
        self.dbname = database.name
        self.precommit, self.postcommit, self.prerollback, self.postrollback = (Callbacks() for _ in range(4))
        self.closed = self.aborted = False
        self._now = None
        self._rows = []
        self.begin()

    def begin(self):
        self.state = copy.deepcopy(self.database.tables)
        self.aborted = False
        self._now = None

    def now(self):
        if self._now is None:
            self._now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        return self._now

    def execute(self, query, params=None, log_exceptions=True):
        if "to_regclass" in query:
            self._rows = [("yes",)]
        elif query.startswith("SET LOCAL"):
            pass
        elif "ir_config_parameter" in query:
            self._rows = [
                (row["key"], row["value"])
                for row in self.state["ir.config_parameter"].values()
                if row["key"] in params[0]
            ]
        elif "ir_module_module" in query:
            self._rows = list(self.database.modules.items())
        else:
            raise AssertionError("the stub has no answer to: " + query)

    def fetchone(self):
        return self._rows[0]

    def fetchall(self):
        return self._rows

    def flush(self):
        self.precommit.run()
        if self.database.flush_errors:
            raise self.database.flush_errors.pop(0)

    def savepoint(self, flush=True):
        return FlushingSavepoint(self) if flush else Savepoint(self)

    def commit(self):
        self.flush()
        if not self.aborted:
            self.database.tables = copy.deepcopy(self.state)
        self.begin()
        self.prerollback.clear()
        self.postrollback.clear()
        self.postcommit.run()

    def rollback(self):
        self.precommit.clear()
        self.postcommit.clear()
        self.prerollback.run()
        self.begin()
        self.postrollback.run()

    def close(self):
        if not self.closed:
            self.rollback()
            self.closed = True

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, tb):
        if exc_type is None:
            self.commit()
        self.close()


class Database:
    """What is committed. `errors` has, by method, what its next calls raise."""

    def __init__(self, name):
        self.name = name
        self.tables = collections.defaultdict(dict)
        self.modules = {"base": "1.3", "sale": "1.2", "plimsoll_events": "1.0.0"}
        self.errors = collections.defaultdict(list)
        self.flush_errors = []
        self.calls = []
        self.next_id = 1

    def cursor(self):
        return Cursor(self)

    def add(self, model, /, **values):
        """A committed row; its id."""
        self.next_id += 1
        created = datetime.datetime(2026, 11, 21, 8, 4, 10, 19492)
        self.tables[model][self.next_id] = {"id": self.next_id, "create_date": created, **values}
        return self.next_id


DATABASES = {}


class Environment:
    def __init__(self, cr, uid, context=None, registry=None):
        self.cr, self.uid, self.context = cr, uid, context or {}
        self.registry = registry or Registry.registries[cr.dbname]

    def __getitem__(self, model):
        return self.registry[model](self, ())

    def get(self, model):
        return self[model] if model in self.registry else None

    def __contains__(self, model):
        return model in self.registry

    @property
    def user(self):
        return self["res.users"].browse(self.uid)

    @property
    def company(self):
        return self["res.company"].browse(list(self.cr.state["res.company"])[:1])

    def reset(self):
        pass


class BaseModel:
    """A recordset. `_links` names the model behind each many2one or x2many field."""

    _name = None
    _own_fields = ()
    _links = {}

    def __init__(self, env, ids):
        self.env, self.ids = env, list(ids)

    @property
    def _fields(self):
        return dict.fromkeys((*self._own_fields, *self._links, "id"))

    @property
    def pool(self):
        return self.env.registry

    @property
    def id(self):
        assert len(self.ids) < 2, "singleton"
        return self.ids[0] if self.ids else False

    @property
    def _cr(self):
        return self.env.cr

    def browse(self, ids=()):
        return type(self)(self.env, [ids] if isinstance(ids, int) else ids or ())

    def sudo(self):
        return self

    def with_context(self, **values):
        context = {**self.env.context, **values}
        return type(self)(Environment(self.env.cr, self.env.uid, context, self.env.registry), self.ids)

    def __iter__(self):
        return (self.browse(found) for found in self.ids)

    def __len__(self):
        return len(self.ids)

    def __bool__(self):
        return bool(self.ids)

    def __getitem__(self, key):
        if isinstance(key, str):
            return getattr(self, key)
        return self.browse(self.ids[key])

    def __eq__(self, other):
        return isinstance(other, BaseModel) and (self._name, self.ids) == (other._name, other.ids)

    def __hash__(self):
        return hash((self._name, tuple(self.ids)))

    def __contains__(self, other):
        return other.id in self.ids

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in type(self)._links:
            found = []
            for row in self._rows():
                ids = row.get(name) or ()
                found.extend(
                    fresh for fresh in ([ids] if isinstance(ids, int) else ids) if fresh not in found
                )
            return self.env[type(self)._links[name]].browse(found)
        if name in type(self)._own_fields:
            rows = self._rows()
            assert len(rows) < 2, "singleton"
            found = rows[0].get(name, False) if rows else False
            # A translated name, as one reads it.
            return found[self.env.context.get("lang", "de_DE")] if isinstance(found, dict) else found
        raise AttributeError("%s has no %s" % (self._name, name))

    def _rows(self):
        if self.env.cr.aborted:
            raise PgError("current transaction is aborted")
        self.env.cr.database.calls.append(("read", self._name))
        table = self.env.cr.state[self._name]
        return [table[found] for found in self.ids]

    def filtered(self, test):
        return self.browse([record.id for record in self if test(record)])

    def mapped(self, name):
        return [record[name] for record in self]

    def exists(self):
        return self.browse([found for found in self.ids if found in self.env.cr.state[self._name]])

    def write(self, vals):
        for row in self._rows():
            row.update(vals)
        return True

    def create(self, vals_list):
        ids = []
        for vals in [vals_list] if isinstance(vals_list, dict) else vals_list:
            database = self.env.cr.database
            database.next_id += 1
            self.env.cr.state[self._name][database.next_id] = {"id": database.next_id, **vals}
            ids.append(database.next_id)
        return self.browse(ids)

    def unlink(self):
        for found in self.ids:
            del self.env.cr.state[self._name][found]
        return True

    def _register_hook(self):
        pass

    def _script(self, method):
        """The next error that a test wants of this method; one of the database's leaves its transaction
        aborted."""
        queued = self.env.cr.database.errors["%s.%s" % (self._name, method)]
        error = queued.pop(0) if queued else None
        if error is not None:
            self.env.cr.aborted = isinstance(error, PgError)
            raise error


class AbstractModel(BaseModel):
    pass


class Registry(collections.abc.Mapping):
    """Of one database: a class per model, which inherits from all classes that define or extend it."""

    registries = {}
    definitions = []

    def __init__(self, db_name):
        self.db_name = db_name
        self.models = {}
        self.updated_modules = []
        self._init_modules = {"base", "sale", "stock", "account"}
        self.ready = False

    @classmethod
    def new(cls, db_name, *args, **kwargs):
        registry = cls(db_name)
        cls.registries[db_name] = registry
        for definition in cls.definitions:
            name = definition._name or definition._inherit
            known = registry.models.get(name)
            bases = (definition,) if known is None else (definition, *known.__bases__)
            registry.models[name] = type(name, bases, {"_name": name, "pool": registry})
        database = DATABASES[db_name]
        if kwargs.get("update_module") or (len(args) > 2 and args[2]):
            database.errors["Registry.new"] and database.errors["Registry.new"].pop()()
            registry.updated_modules = ["sale"]
            database.modules["sale"] = "1.4"
        with database.cursor() as cr:
            for model in list(registry.models):
                registry[model](Environment(cr, 1, registry=registry), ())._register_hook()
        registry.ready = True
        return registry

    def __getitem__(self, name):
        return self.models[name]

    def __iter__(self):
        return iter(self.models)

    def __len__(self):
        return len(self.models)

    def cursor(self):
        return DATABASES[self.db_name].cursor()


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, made)
    return made


def install(series):
    """Puts the stub where `import odoo` finds it. Once per process: the four series run in processes of their
    own."""
    import stub_addons
    import stub_server

    module("psycopg2", Error=PgError, OperationalError=OperationalError, IntegrityError=IntegrityError)
    odoo = module("odoo", __path__=[], SUPERUSER_ID=1)
    addons = module("odoo.addons", __path__=[str(ADDONS)])
    module("odoo.release", version=series, major_version=series)
    config = Config(
        server_wide_modules=["base", "web", "plimsoll_events"]
        if series == "19.0"
        else "base,web,plimsoll_events",
        config=None,
    )
    module("odoo.tools", config=config)
    module("odoo.models", AbstractModel=AbstractModel, BaseModel=BaseModel, Model=BaseModel)
    module("odoo.sql_db", Savepoint=Savepoint, Cursor=Cursor, db_connect=lambda name: DATABASES[name])
    module("odoo.modules")
    module("odoo.modules.registry", Registry=Registry)
    module("odoo.service")
    stub_server.install(series)
    Registry.definitions = stub_addons.definitions(series)
    return types.SimpleNamespace(odoo=odoo, addons=addons, config=config, series=series)


class Config(dict):
    rcfile = None


def environment(db_name=DB, uid=2):
    return Environment(DATABASES[db_name].cursor(), uid)
