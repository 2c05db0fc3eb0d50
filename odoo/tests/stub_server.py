"""Requests and the loop of tries, as `odoo.http` and `odoo.service.model` have them."""

from __future__ import annotations

import functools
import json
import threading
import types

import stub
from stub import DATABASES, DB, Environment, IntegrityError, OperationalError, Registry, module

MAX_TRIES = 5
_stack = []


class _Request:
    """`odoo.http.request`: a proxy to the one that runs, false when none does."""

    def __bool__(self):
        return bool(_stack)

    def __getattr__(self, name):
        return getattr(_stack[-1], name)


request = _Request()


class Rule:
    def __init__(self, rule, kind, serve):
        self.rule = rule
        self.routing_type = kind
        self.serve = serve


class Dispatcher:
    def __init__(self, request):
        self.request = request

    def pre_dispatch(self, rule, args):
        pass

    def handle_error(self, exc):
        return answer("500 Internal Server Error", b"")


class HttpDispatcher(Dispatcher):
    def dispatch(self, rule):
        return answer("200 OK", rule.serve(self.request) or b"")


class JsonRPCDispatcher(Dispatcher):
    def dispatch(self, rule):
        return answer("200 OK", json.dumps({"result": rule.serve(self.request)}).encode())

    def handle_error(self, exc):
        return answer("200 OK", json.dumps({"error": {"message": str(exc)}}).encode())


def answer(status, body):
    def respond(environ, start_response):
        start_response(status, [("content-type", "text/plain")])
        return [body]

    return respond


class Application:
    """`routes`: path to Rule; the longest beginning wins."""

    def __init__(self, routes):
        self.routes = routes

    def __call__(self, environ, start_response):
        thread = threading.current_thread()
        thread.query_count, thread.query_time = 0, 0
        path = environ["PATH_INFO"]
        beginning = max((known for known in self.routes if path.startswith(known)), key=len, default=None)
        made = types.SimpleNamespace(
            httprequest=types.SimpleNamespace(path=path, environ=environ),
            params=environ.get("stub.params", {}),
            env=None,
        )
        _stack.append(made)
        made.dispatcher = HttpDispatcher(made)
        try:
            if beginning is None:
                return answer("404 NOT FOUND", b"")(environ, start_response)
            return self._serve(self.routes[beginning], made)(environ, start_response)
        except Exception as exc:
            return made.dispatcher.handle_error(exc)(environ, start_response)
        finally:
            _stack.pop()

    def _serve(self, rule, made):
        from odoo.service import model

        thread = threading.current_thread()
        thread.dbname = DB
        made.dispatcher = (JsonRPCDispatcher if rule.routing_type == "json" else HttpDispatcher)(made)
        with Registry.registries[DB].cursor() as cr:
            made.env = Environment(cr, 2)
            response = model.retrying(functools.partial(self._dispatch, rule, made), env=made.env)
            thread.query_count, thread.query_time = 12, 0.25
            return response

    def _dispatch(self, rule, made):
        made.dispatcher.pre_dispatch(rule, {})
        return made.dispatcher.dispatch(rule)


def retrying(func, env):
    """The loop of the four series, without its naps."""
    try:
        for left in reversed(range(MAX_TRIES)):
            try:
                result = func()
                if not env.cr.closed:
                    env.cr.flush()
                break
            except (IntegrityError, OperationalError) as exc:
                if env.cr.closed:
                    raise
                env.cr.rollback()
                env.reset()
                if isinstance(exc, IntegrityError):
                    raise stub.ValidationError(str(exc)) from exc
                if exc.pgcode not in ("40001", "40P01", "55P03") or not left:
                    raise
    except Exception:
        env.reset()
        raise
    if not env.cr.closed:
        env.cr.commit()
    return result


def execute_cr(cr, uid, obj, method, *args, **kw):
    from odoo.service import model

    env = Environment(cr, uid)
    records = env[obj].browse(args[0])
    return model.retrying(lambda: getattr(records, method)(*args[1:], **kw), env)


def execute(db, uid, obj, method, *args, **kw):
    from odoo.service import model

    with DATABASES[db].cursor() as cr:
        return model.execute_cr(cr, uid, obj, method, *args, **kw)


def install(series):
    module("odoo.service.model", retrying=retrying, execute_cr=execute_cr, execute=execute)
    module(
        "odoo.http",
        Application=Application,
        Dispatcher=Dispatcher,
        JsonRPCDispatcher=JsonRPCDispatcher,
        request=request,
    )
