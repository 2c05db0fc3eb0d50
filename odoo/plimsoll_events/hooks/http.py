"""Requests: one server span each, with the trace of whoever called, the route, and the error that JSON-RPC
hides in a 200.

Files, the bus and health checks have no span: nobody waits for them, and a websocket lasts for hours.
"""

from __future__ import annotations

import re
import threading

from .. import context, runtime
from ..errors import error_type, is_business
from ..patching import patch_function, silent

# Workload by the beginning of the path; the first that fits.
_WORKLOADS = (
    ("/jsonrpc", "integration"),
    ("/xmlrpc/", "integration"),
    ("/json/", "integration"),
    ("/api/", "integration"),
    ("/payment/", "integration"),
    ("/queue_job/", "scheduled"),
    ("/report/", "report"),
    ("/web/export/", "report"),
    ("/account_reports", "report"),
)
_API = ("/jsonrpc", "/xmlrpc/", "/json/", "/api/")
_UNSEEN = re.compile(r"^/(websocket|longpolling/|bus/|web/health|web/assets/|web/image|web/content)|/static/")
_DATASET = re.compile(r"^/web/dataset/call(?:_kw|_button)?(?:/([\w.]+)/(\w+))?$")
_LONGEST_PATH = 200


def install():
    from odoo import http

    patch_function(http.Application, "__call__", _request)
    patch_function(http.Dispatcher, "pre_dispatch", _route)
    patch_function(http.JsonRPCDispatcher, "handle_error", _json_error)


def _request(original, application, environ, start_response):
    scope = silent("a request", _scope, environ)
    if scope is None:
        return original(application, environ, start_response)
    method, path = environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")
    silent("a request", _enter, scope, method)

    def started(status, headers, *rest):
        silent("an answer", _answered, scope.unit, scope.span, status)
        return start_response(status, headers, *rest)

    try:
        return original(application, environ, started)
    except BaseException as error:
        scope.unit.error = error
        raise
    finally:
        silent("a request", _close, scope.unit, scope.span, method, path)
        silent("a request", scope.leave, runtime.get().finish)


def _enter(scope, method):
    scope.enter()
    scope.open(method, "server")


def _scope(environ):
    active = runtime.get()
    path = environ.get("PATH_INFO", "")
    if active is None or not active.settings.enabled or _UNSEEN.search(path):
        return None
    parent = context.parse_traceparent(environ.get("HTTP_TRACEPARENT"))
    workload = next((word for prefix, word in _WORKLOADS if path.startswith(prefix)), "interactive")
    channel = "api" if path.startswith(_API) else "portal" if (path + "/").startswith("/my/") else None
    if parent is not None:
        return context.Scope(context.Unit(workload, channel, *parent))
    unit = context.Unit(workload, channel)
    # As OpenTelemetry's ratio sampler decides: by the trace's id, so that every service decides alike.
    unit.sampled = int(unit.trace_id[16:], 16) < active.settings.sample_ratio * 2**64
    return context.Scope(unit)


def _route(original, dispatcher, rule, args, *rest, **kwargs):
    silent("a route", _note_route, rule)
    return original(dispatcher, rule, args, *rest, **kwargs)


def _note_route(rule):
    unit = context.current()
    if unit is not None:
        unit.route = rule.rule


def _json_error(original, dispatcher, exc, *args, **kwargs):
    silent("an answer", _note_error, exc)
    return original(dispatcher, exc, *args, **kwargs)


def _note_error(error):
    unit = context.current()
    if unit is not None:
        unit.error = error


def _answered(unit, span, status):
    """The request is still on Odoo's stack here, and its parameters with it."""
    if span is not None:
        span.attributes["http.response.status_code"] = int(status.split(" ", 1)[0])
    if unit.method is None:
        from odoo.http import request

        params = getattr(request, "params", None) or {} if request else {}
        unit.model, unit.method = _call(request.httprequest.path if request else "", params)


def _call(path, params):
    """Model and method that the web client calls; it leaves both out of the path until 17.0 when it calls a
    button."""
    match = _DATASET.match(path)
    if not match:
        return None, None
    model, method = match.group(1) or params.get("model"), match.group(2) or params.get("method")
    return (str(model), str(method)) if model and method else (None, None)


def _close(unit, span, method, path):
    if span is None:
        return
    thread = threading.current_thread()
    db_name = getattr(thread, "dbname", None)
    if unit.method and path.startswith("/web/dataset/"):
        route = "/web/dataset/call_kw/%s/%s" % (unit.model, unit.method)
    else:
        route = unit.route
    status = span.attributes.get("http.response.status_code")
    # Without a route, a path would make as many names as there are paths.
    span.name = "%s %s" % (method, route) if route else method
    span.attributes.update(
        {
            "http.request.method": method,
            "http.route": route,
            "url.path": path[:_LONGEST_PATH],
            "odoo.db": db_name,
            "odoo.model": unit.model,
            "odoo.method": unit.method,
            "odoo.http.queries": getattr(thread, "query_count", None),
            "odoo.http.sql_duration": getattr(thread, "query_time", None),
            "odoo.retries": unit.retries or None,
            "business.workload": unit.workload,
        }
    )
    _judge(unit, span, status)


def _judge(unit, span, status):
    """A refusal that the user is told about is the user's matter: its class is noted, its status is not
    error."""
    if status is not None and status >= 500 and unit.error is None:
        span.error, span.attributes["error.type"] = True, "http_%d" % status
    elif unit.error is not None and not _is_answer(unit.error):
        span.error = not is_business(unit.error)
        span.attributes["error.type"] = error_type(unit.error)


def _is_answer(error):
    """werkzeug raises redirects and the like; their status says it all."""
    return type(error).__module__.startswith("werkzeug") and (getattr(error, "code", None) or 0) < 500
