"""The models that hooks are placed on, with the signatures of each series. `_script` is where a test makes
one fail."""

from __future__ import annotations

import datetime

from stub import DATABASES, AccessDenied, BaseModel


class Company(BaseModel):
    _name = "res.company"
    _own_fields = ("name", "fiscalyear_lock_date", "hard_lock_date")

    def write(self, vals):
        self._script("write")
        return super().write(vals)


class Currency(BaseModel):
    _name = "res.currency"
    _own_fields = ("name",)


class Partner(BaseModel):
    _name = "res.partner"
    _own_fields = ("name",)
    _links = {"commercial_partner_id": "res.partner"}


class Groups(BaseModel):
    _name = "res.groups"
    _own_fields = ("name", "users")

    def write(self, vals):
        return super().write(vals)


class Users(BaseModel):
    _name = "res.users"
    _own_fields = ("login", "share")

    def write(self, vals):
        self._script("write")
        return super().write(vals)


class Parameter(BaseModel):
    _name = "ir.config_parameter"
    _own_fields = ("key", "value")

    def create(self, vals_list):
        return super().create(vals_list)

    def write(self, vals):
        return super().write(vals)

    def unlink(self):
        return super().unlink()


class Model(BaseModel):
    _name = "ir.model"
    _own_fields = ("model",)


class ServerAction(BaseModel):
    _name = "ir.actions.server"
    _own_fields = ("name",)
    _links = {"model_id": "ir.model"}


class Report(BaseModel):
    _name = "ir.actions.report"
    _own_fields = ("report_name",)

    def search(self, domain, limit=None):
        rows = self.env.cr.state[self._name].values()
        return self.browse([row["id"] for row in rows if row["report_name"] == domain[0][2]][:limit])

    def _render_qweb_pdf(self, report_ref, res_ids=None, data=None):
        self._script("_render_qweb_pdf")
        return b"%PDF", "pdf"


class Warehouse(BaseModel):
    _name = "stock.warehouse"
    _own_fields = ("code",)
    _links = {"pick_type_id": "stock.picking.type", "pack_type_id": "stock.picking.type"}


class PickingType(BaseModel):
    _name = "stock.picking.type"
    _own_fields = ("code",)
    _links = {"warehouse_id": "stock.warehouse"}


class Carrier(BaseModel):
    _name = "delivery.carrier"
    _own_fields = ("name", "delivery_type")

    def send_shipping(self, pickings):
        self._script("send_shipping")
        return [{"tracking_number": "1"}]

    def rate_shipment(self, order):
        return {"success": self.delivery_type != "broken", "price": 1.0}


class Team(BaseModel):
    _name = "crm.team"
    _own_fields = ("name",)


class Order(BaseModel):
    _name = "sale.order"
    _own_fields = ("create_date", "name", "state", "amount_untaxed", "commitment_date")
    _links = {
        "company_id": "res.company",
        "currency_id": "res.currency",
        "partner_id": "res.partner",
        "team_id": "crm.team",
        "warehouse_id": "stock.warehouse",
    }

    def action_confirm(self):
        self.env.cr.database.calls.append(("confirm", tuple(self.ids)))
        self._script("action_confirm")
        self.write({"state": "sale"})
        self._script("after_confirm")
        return True

    def _action_cancel(self):
        self._script("_action_cancel")
        self.write({"state": "cancel"})
        return True


class OrderExtension(BaseModel):
    """Another addon's override, as every real database has some."""

    _inherit = "sale.order"

    def action_confirm(self):
        result = super().action_confirm()
        self._script("override")
        return result


class Product(BaseModel):
    _name = "product.product"
    _own_fields = ("default_code", "lst_price")

    def write(self, vals):
        return super().write(vals)


class Template(BaseModel):
    _name = "product.template"
    _own_fields = ("list_price", "description")

    def write(self, vals):
        self._script("write")
        return super().write(vals)


class PricelistItem(BaseModel):
    _name = "product.pricelist.item"
    _own_fields = ("fixed_price",)


class Picking(BaseModel):
    _name = "stock.picking"
    _own_fields = ("create_date", "name", "state", "origin", "date_done", "date_deadline", "scheduled_date")
    _links = {
        "company_id": "res.company",
        "picking_type_id": "stock.picking.type",
        "sale_id": "sale.order",
        "carrier_id": "delivery.carrier",
        "batch_id": "stock.picking.batch",
        "move_ids": "stock.move",
        "backorder_id": "stock.picking",
    }

    def _action_done(self):
        self.move_ids._action_done()
        self._script("_action_done")
        self.write({"date_done": datetime.datetime(2026, 11, 21, 10, 0), "state": "done"})
        for batch in self.batch_id:
            waiting = [
                row
                for row in self.env.cr.state["stock.picking"].values()
                if row.get("batch_id") == batch.id and row["state"] != "done"
            ]
            if not waiting:
                batch.write({"state": "done"})
        return True

    def _create_backorder(self, backorder_moves=None):
        return self.create(
            [{"name": "back", "state": "assigned", "backorder_id": picking.id} for picking in self]
        )

    def action_cancel(self):
        self._script("action_cancel")
        self.write({"state": "cancel"})
        return True

    def send_to_shipper(self):
        self._script("send_to_shipper")
        self.carrier_id.send_shipping(self)


class Move(BaseModel):
    _name = "stock.move"
    _own_fields = ("state", "origin", "reference")
    _links = {
        "company_id": "res.company",
        "picking_id": "stock.picking",
        "product_id": "product.product",
        "warehouse_id": "stock.warehouse",
    }

    def _action_done(self, cancel_backorder=False):
        self._script("_action_done")
        self.write({"state": "done"})
        return self

    def _action_assign(self, force_qty=False):
        self.write({"state": "assigned"})
        self.picking_id.write({"state": "assigned"})


class Batch(BaseModel):
    _name = "stock.picking.batch"
    _own_fields = ("create_date", "name", "state", "is_wave")
    _links = {
        "company_id": "res.company",
        "picking_type_id": "stock.picking.type",
        "picking_ids": "stock.picking",
    }

    def action_done(self):
        self._script("action_done")
        return self.picking_ids._action_done()


class Journal(BaseModel):
    _name = "account.journal"
    _own_fields = ("code",)


class AccountMove(BaseModel):
    _name = "account.move"
    _own_fields = ("create_date", "name", "state", "move_type", "invoice_origin", "amount_untaxed")
    _links = {
        "company_id": "res.company",
        "currency_id": "res.currency",
        "partner_id": "res.partner",
        "journal_id": "account.journal",
    }

    def _post(self, soft=True):
        self._script("_post")
        self.write({"state": "posted"})
        for move in self:
            move.write({"name": "INV/2026/%05d" % move.id})
        return self

    def button_draft(self):
        self._script("button_draft")
        self.write({"state": "draft"})


class Payment(BaseModel):
    _name = "account.payment"
    _own_fields = ("name", "state", "amount", "ref")
    _links = {
        "company_id": "res.company",
        "currency_id": "res.currency",
        "partner_id": "res.partner",
        "journal_id": "account.journal",
    }

    def action_post(self):
        self._script("action_post")
        self.write({"state": "posted" if STATE["series"] < "18" else "in_process"})


class Provider(BaseModel):
    _name = "payment.provider"
    _own_fields = ("code",)


class PaymentTransaction(BaseModel):
    _name = "payment.transaction"
    _own_fields = ("reference", "state", "amount")
    _links = {"company_id": "res.company", "currency_id": "res.currency", "provider_id": "payment.provider"}

    def _set_done(self, state_message=None):
        self._script("_set_done")
        self.write({"state": "done"})
        return self

    def _set_error(self, state_message):
        self.write({"state": "error"})
        return self


class PurchaseOrder(BaseModel):
    _name = "purchase.order"
    _own_fields = ("create_date", "name", "state", "amount_untaxed", "date_planned")
    _links = {
        "company_id": "res.company",
        "currency_id": "res.currency",
        "picking_type_id": "stock.picking.type",
    }

    def button_confirm(self):
        self._script("button_confirm")
        self.button_approve()
        return True

    def button_approve(self, force=False):
        self.write({"state": "purchase"})
        return {}


class Orderpoint(BaseModel):
    _name = "stock.warehouse.orderpoint"
    _own_fields = ("name",)
    _links = {"company_id": "res.company", "warehouse_id": "stock.warehouse"}

    def _procure_orderpoint_confirm(self, use_new_cursor=False, company_id=None, raise_user_error=True):
        self._script("_procure_orderpoint_confirm")
        return {}


class _Scheduler(BaseModel):
    def run_scheduler(self, use_new_cursor=False, company_id=False):
        self._script("run_scheduler")
        rows = self.env.cr.state["stock.warehouse.orderpoint"]
        self.env["stock.warehouse.orderpoint"].browse(list(rows))._procure_orderpoint_confirm(use_new_cursor)
        return {}


class ProcurementGroup(_Scheduler):
    _name = "procurement.group"


class StockRule(_Scheduler):
    _name = "stock.rule"


class Import(BaseModel):
    _name = "base_import.import"
    _own_fields = ("res_model",)

    def execute_import(self, fields, columns, options, dryrun=False):
        with self.env.cr.savepoint() as savepoint:
            orders = self.env[self.res_model].create([dict(values) for values in options["rows"]])
            if options.get("confirm"):
                orders.action_confirm()
            if dryrun:
                savepoint.close(rollback=True)
        bad = [{"type": "error", "message": "no"}] if options.get("bad") else []
        return {"ids": orders.ids, "messages": bad}


class MailServer(BaseModel):
    _name = "ir.mail_server"

    def send_email(self, message, mail_server_id=None, smtp_session=None):
        self._script("send_email")
        return "<id@host>"


class Mail(BaseModel):
    _name = "mail.mail"
    _own_fields = ("state",)

    def send(self):
        for mail in self:
            failure = None
            try:
                self.env["ir.mail_server"].send_email("text")
                mail.write({"state": "sent"})
            except Exception:
                failure = "mail_smtp"
                mail.write({"state": "exception"})
            mail._postprocess_sent_message(success_pids=[], failure_reason=failure, failure_type=failure)

    def _postprocess_sent_message(self, success_pids, failure_reason=False, failure_type=None):
        return True


class EdiFormat(BaseModel):
    _name = "account.edi.format"
    _own_fields = ("code",)


class EdiDocument(BaseModel):
    _name = "account.edi.document"
    _own_fields = ("state", "error")
    _links = {"move_id": "account.move", "edi_format_id": "account.edi.format"}

    def _process_job(self, job):
        job["documents"].write({"state": "sent"} if not job.get("refused") else {"error": "<p>no</p>"})


class EdiBackend(BaseModel):
    _name = "edi.backend"
    _own_fields = ("name",)

    def exchange_send(self, exchange_record):
        exchange_record.write({"edi_exchange_state": "output_sent"})

    def exchange_process(self, exchange_record):
        exchange_record.write({"edi_exchange_state": "input_processed_error"})

    def exchange_receive(self, exchange_record):
        self._script("exchange_receive")


class EdiRecord(BaseModel):
    _name = "edi.exchange.record"
    _own_fields = ("identifier", "edi_exchange_state", "direction")
    _links = {"backend_id": "edi.backend"}


class Plain(BaseModel):
    """An addon's own: nothing is placed on it."""

    _name = "library.book"
    _own_fields = ("name",)


STATE = {"series": None}


def cron(series):
    """16.0 and 17.0 swallow, 18.0 and later raise."""

    class OldCron(BaseModel):
        _name = "ir.cron"
        _own_fields = ("cron_name",)

        def _callback(self, cron_name, server_action_id, job_id):
            try:
                self._work()
            except Exception as error:
                self._handle_callback_exception(cron_name, server_action_id, job_id, error)

        def _handle_callback_exception(self, cron_name, server_action_id, job_id, job_exception):
            self.env.cr.rollback()

        def _work(self):
            STATE["work"](self.env)
            self.env.cr.flush()

        def run(self, name, action, cron_id):
            self._callback(name, action, cron_id)

    class NewCron(OldCron):
        _name = "ir.cron"

        def _callback(self, cron_name, server_action_id):
            try:
                self._work()
                self.env.cr.commit()
            except Exception:
                self.env.cr.rollback()
                raise

        def run(self, name, action, cron_id):
            try:
                self.browse(cron_id)._callback(name, action)
            except Exception:
                pass

    return OldCron if series < "18" else NewCron


def users(series):
    """`_login` of each series; the rights in the field that each has."""
    groups = "groups_id" if series < "19" else "group_ids"

    class Rights(BaseModel):
        _inherit = "res.users"
        _links = {groups: "res.groups"}

        def write(self, vals):
            return super().write(vals)

    def check(login, password):
        for row in DATABASES["shop"].tables["res.users"].values():
            if row["login"] == login and password == "right":
                return row["id"]
        raise AccessDenied("no")

    class Old(Rights):
        _inherit = "res.users"

        @classmethod
        def _login(cls, db, login, password, user_agent_env):
            return check(login, password)

    class Of18(Rights):
        _inherit = "res.users"

        @classmethod
        def _login(cls, db, credential, user_agent_env):
            return {
                "uid": check(credential["login"], credential["password"]),
                "auth_method": "password",
                "mfa": "default",
            }

    class Of19(Rights):
        _inherit = "res.users"

        def _login(self, credential, user_agent_env):
            return {
                "uid": check(credential["login"], credential["password"]),
                "auth_method": "password",
                "mfa": "default",
            }

    return Old if series < "18" else Of18 if series < "19" else Of19


def mailbox(series):
    class Old(BaseModel):
        _name = "fetchmail.server"
        _own_fields = ("name",)

        def connect(self, allow_archived=False):
            self._script("connect")

        def fetch_mail(self, raise_exception=True):
            for server in self:
                try:
                    server.connect()
                except Exception:
                    if raise_exception:
                        raise

    class Of19(BaseModel):
        _name = "fetchmail.server"
        _own_fields = ("name",)

        def _connect__(self, allow_archived=False):
            self._script("connect")

        def fetch_mail(self):
            error = self._fetch_mail()
            if error is not None:
                raise error

        def _fetch_mail(self, batch_limit=50):
            try:
                self._connect__()
            except Exception as error:
                return error
            return None

    return Old if series < "19" else Of19


def definitions(series):
    STATE["series"] = series
    found = [
        Company,
        Currency,
        Partner,
        Groups,
        Users,
        users(series),
        Parameter,
        Model,
        ServerAction,
        Report,
        Warehouse,
        PickingType,
        Carrier,
        Team,
        Order,
        OrderExtension,
        Product,
        Template,
        PricelistItem,
        Picking,
        Move,
        Batch,
        Journal,
        AccountMove,
        Payment,
        Provider,
        PaymentTransaction,
        PurchaseOrder,
        Orderpoint,
        Import,
        MailServer,
        Mail,
        EdiFormat,
        EdiDocument,
        EdiBackend,
        EdiRecord,
        Plain,
        cron(series),
        mailbox(series),
    ]
    found.append(ProcurementGroup if series < "19" else StockRule)
    if series < "19":
        # Where both exist, the scheduler is the group's.
        found.append(type("StockRule", (BaseModel,), {"_name": "stock.rule"}))
    return found
