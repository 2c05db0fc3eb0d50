"""On a real Odoo: what a request looks like from outside, and its span."""

import json
import time

from odoo.tests import tagged
from odoo.tests.common import HttpCase

from .. import hooks, runtime

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@tagged("post_install", "-at_install")
class TestRequests(HttpCase):
    def setUp(self):
        super().setUp()
        hooks.place()
        hooks.place_on(self.env.registry)
        self.spans = []
        self.patch(runtime.get(), "finish", self.spans.append)
        self.patch(runtime.get(), "emit", lambda record: None)

    def server_spans(self, count=0):
        """A span ends when its answer has been sent, so a moment after the client has it."""
        deadline = time.monotonic() + 10
        while True:
            found = [span for span in self.spans if span.kind == "server"]
            if len(found) >= count or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def test_a_page_has_a_span_with_its_route_and_its_callers_trace(self):
        header = {"traceparent": "00-%s-00f067aa0ba902b7-01" % TRACE}
        answer = self.url_open("/web/login", headers=header)
        self.assertEqual(answer.status_code, 200)
        span = self.server_spans(1)[0]
        self.assertEqual((span.trace_id, span.parent_id), (TRACE, "00f067aa0ba902b7"))
        self.assertEqual(span.name, "GET /web/login")
        self.assertEqual(span.attributes["http.response.status_code"], 200)

    def test_a_refusal_in_a_200_has_its_class_in_the_span(self):
        self.authenticate("admin", "admin")
        call = {"model": "res.partner", "method": "read", "args": [[0], ["no_such_field"]], "kwargs": {}}
        url = "/web/dataset/call_kw/res.partner/read"
        # `url_open` has no `json=` in 16.0 and 17.0.
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": call})
        self.spans.clear()
        answer = self.url_open(url, data=body, headers={"content-type": "application/json"})
        self.assertEqual(answer.status_code, 200)
        self.assertIn("error", answer.json())
        span = self.server_spans(1)[-1]
        self.assertEqual(span.name, "POST " + url)
        self.assertTrue(span.attributes.get("error.type"))

    def test_a_file_has_none(self):
        self.url_open("/web/static/img/favicon.ico")
        self.assertEqual(self.server_spans(), [])
