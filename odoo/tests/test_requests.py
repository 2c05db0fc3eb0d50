"""Server spans: the caller's trace, the route, and the error that hides in a 200."""

from harness import Quiet, context, hooks, stub, unittest

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Requests(Quiet):
    def setUp(self):
        super().setUp()
        import stub_server

        self.order = self.id_of("sale.order", name="S00042")
        self.served = []

        def confirm(request):
            self.served.append(context.current())
            return request.env["sale.order"].browse(self.order).action_confirm()

        def rpc(request):
            from odoo.service import model

            return model.execute(stub.DB, 2, "sale.order", "action_confirm", [self.order])

        def broken(request):
            raise ZeroDivisionError

        self.application = stub_server.Application(
            {
                "/web/dataset/call_button": stub_server.Rule("/web/dataset/call_button", "json", confirm),
                "/web/dataset/call_kw": stub_server.Rule("/web/dataset/call_kw/<path:path>", "json", confirm),
                "/jsonrpc": stub_server.Rule("/jsonrpc", "json", rpc),
                "/my/orders": stub_server.Rule(
                    "/my/orders/<int:order_id>", "http", lambda request: confirm(request) and b""
                ),
                "/shop": stub_server.Rule("/shop", "http", broken),
                "/websocket": stub_server.Rule("/websocket", "http", lambda request: b""),
            }
        )

    def get(self, path, method="POST", **environ):
        said = {}

        def start_response(status, headers, exc_info=None):
            said["status"] = status

        body = b"".join(
            self.application({"PATH_INFO": path, "REQUEST_METHOD": method, **environ}, start_response)
        )
        return said["status"], body

    def test_a_request_continues_the_trace_of_its_caller_and_its_events_belong_to_it(self):
        status, _ = self.get(
            "/web/dataset/call_kw/sale.order/action_confirm", HTTP_TRACEPARENT="00-%s-%s-01" % (TRACE, PARENT)
        )
        self.assertEqual(status, "200 OK")
        server, method = sorted(self.spans(), key=lambda span: span.start)
        self.assertEqual(
            (server.name, server.kind, server.trace_id, server.parent_id),
            ("POST /web/dataset/call_kw/sale.order/action_confirm", "server", TRACE, PARENT),
        )
        expected = {
            "http.response.status_code": 200,
            "odoo.db": "shop",
            "odoo.model": "sale.order",
            "odoo.method": "action_confirm",
            "odoo.http.queries": 12,
            "odoo.http.sql_duration": 0.25,
            "business.workload": "interactive",
        }
        self.assertEqual({key: server.attributes.get(key) for key in expected}, expected)
        self.assertEqual((method.name, method.parent_id), ("sale.order.action_confirm", server.span_id))
        event = self.told("odoo.sale.order.confirmed")[0]
        self.assertEqual((event.trace_id, event.span_id), (TRACE, method.span_id))

    def test_a_button_of_16_and_17_has_its_method_in_the_body_only(self):
        self.get(
            "/web/dataset/call_button", **{"stub.params": {"model": "sale.order", "method": "action_confirm"}}
        )
        self.assertIn(
            "POST /web/dataset/call_kw/sale.order/action_confirm", [span.name for span in self.spans()]
        )

    def test_a_refusal_is_in_the_span_though_the_status_is_200(self):
        self.database.errors["sale.order.action_confirm"].append(stub.UserError("no"))
        status, body = self.get("/web/dataset/call_kw/sale.order/action_confirm")
        self.assertEqual(status, "200 OK")
        self.assertIn(b"no", body)
        server = next(span for span in self.spans() if span.kind == "server")
        self.assertEqual((server.attributes["error.type"], server.error), ("validation", False))

    def test_a_fault_is_an_error(self):
        status, _ = self.get("/shop", "GET")
        self.assertTrue(status.startswith("500"))
        server = self.spans()[0]
        self.assertEqual(
            (server.name, server.attributes["error.type"], server.error),
            ("GET /shop", "ZeroDivisionError", True),
        )

    def test_an_rpc_call_is_an_integration_with_its_model_and_method(self):
        self.get("/jsonrpc")
        server = next(span for span in self.spans() if span.kind == "server")
        self.assertEqual(
            (server.name, server.attributes["odoo.method"], server.attributes["business.workload"]),
            ("POST /jsonrpc", "action_confirm", "integration"),
        )
        facts = self.one("odoo.sale.order.confirmed")
        self.assertEqual((facts["business.channel"], facts["business.workload"]), ("api", "integration"))

    def test_retries_of_a_request_are_in_its_span(self):
        self.database.errors["sale.order.action_confirm"].append(stub.SerializationFailure("x"))
        self.get("/web/dataset/call_kw/sale.order/action_confirm")
        server = next(span for span in self.spans() if span.kind == "server")
        self.assertEqual((server.attributes["odoo.retries"], server.error), (1, False))
        self.assertNotIn("error.type", server.attributes)

    def test_a_request_that_went_well_in_the_end_has_no_error_of_its_inner_tries(self):
        self.database.errors["sale.order.action_confirm"].extend(
            stub.SerializationFailure("x") for _ in range(6)
        )
        self.get("/jsonrpc")
        server = next(span for span in self.spans() if span.kind == "server")
        self.assertNotIn("error.type", server.attributes)
        self.assertEqual(server.attributes["odoo.retries"], 6)

    def test_a_portal_order_says_so(self):
        self.get("/my/orders/7")
        self.assertEqual(self.one("odoo.sale.order.confirmed")["business.channel"], "portal")
        self.assertIn("POST /my/orders/<int:order_id>", [span.name for span in self.spans()])

    def test_an_unknown_path_does_not_become_a_name(self):
        self.get("/wp-admin/x.php", "GET")
        self.assertEqual(self.spans()[0].name, "GET")

    def test_files_and_the_bus_have_no_span(self):
        for path in ("/websocket", "/web/static/src/x.js", "/web/image/1", "/bus/poll", "/web/health"):
            self.get(path, "GET")
        self.assertEqual(self.spans(), [])

    def test_what_the_caller_does_not_sample_has_no_span_and_keeps_its_trace(self):
        self.get(
            "/web/dataset/call_kw/sale.order/action_confirm", HTTP_TRACEPARENT="00-%s-%s-00" % (TRACE, PARENT)
        )
        self.assertEqual(self.spans(), [])
        self.assertEqual(self.told("odoo.sale.order.confirmed")[0].trace_id, TRACE)

    def test_nothing_of_a_request_stays_when_it_is_over(self):
        self.get("/shop", "GET")
        self.assertIsNone(context.current())

    def test_a_malformed_traceparent_is_no_trace(self):
        for header in (
            "",
            "00-%s-%s" % (TRACE, PARENT),
            "ff-%s-%s-01" % (TRACE, PARENT),
            "00-%s-%s-01" % ("0" * 32, PARENT),
            "00-%s-%s-01-x" % (TRACE, PARENT),
            "00-%s-%s-01" % (TRACE.upper(), PARENT),
        ):
            self.assertIsNone(context.parse_traceparent(header), header)
        self.assertEqual(
            context.parse_traceparent("01-%s-%s-03-more" % (TRACE, PARENT)), (TRACE, PARENT, True)
        )

    def test_a_start_response_keeps_its_own_contract(self):
        written = []
        result = hooks.http._request(
            lambda app, environ, started: started("200 OK", [], None),
            None,
            {"PATH_INFO": "/web", "REQUEST_METHOD": "GET"},
            lambda status, headers, exc_info: written.append,
        )
        result("x")
        self.assertEqual(written, ["x"])


if __name__ == "__main__":
    unittest.main()
