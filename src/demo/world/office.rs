//! What happens away from the warehouse: invoices, payments, labels, EDI, queue jobs and crons.

use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use plimsoll_model::Timestamp;

use super::event::{Fact, of_order};
use super::order::Order;
use super::places::DATABASE;
use super::work::{Done, Entry, Work};
use super::{Step, World};

const POSTED: Fact = Fact {
    name: "odoo.account.move.posted",
    model: "account.move",
    method: "_post",
    workload: "interactive",
};
const PAID: Fact = Fact {
    name: "odoo.payment.transaction.done",
    model: "payment.transaction",
    method: "_set_done",
    workload: "integration",
};
const LABELLED: Fact = Fact {
    name: "odoo.stock.picking.labelled",
    model: "stock.picking",
    method: "send_to_shipper",
    workload: "integration",
};
const JOB_DONE: Fact =
    Fact { name: "odoo.queue.job.done", model: "queue.job", method: "perform", workload: "integration" };
const EXCHANGED: Fact = Fact {
    name: "odoo.edi.exchange.record.processed",
    model: "edi.exchange.record",
    method: "action_exchange_process",
    workload: "integration",
};
const CRON_DONE: Fact =
    Fact { name: "odoo.ir.cron.done", model: "ir.cron", method: "_callback", workload: "scheduled" };

struct Cron {
    id: i64,
    name: &'static str,
    method: &'static str,
    every: Duration,
    takes: Duration,
    records: i64,
}

const CRONS: [Cron; 4] = [
    Cron {
        id: 3,
        name: "Mail: Email Queue Manager",
        method: "process_email_queue",
        every: Duration::from_secs(60),
        takes: Duration::from_millis(250),
        records: 12,
    },
    Cron {
        id: 11,
        name: "Procurement: run scheduler",
        method: "run_scheduler",
        every: Duration::from_secs(600),
        takes: Duration::from_secs(6),
        records: 340,
    },
    Cron {
        id: 14,
        name: "Account: Post draft entries with auto_post enabled and accounting date up to today",
        method: "_autopost_draft_entries",
        every: Duration::from_secs(300),
        takes: Duration::from_millis(900),
        records: 4,
    },
    Cron {
        id: 22,
        name: "EDI: exchange check output and input sync",
        method: "_cron_check_input_exchange_sync",
        every: Duration::from_secs(120),
        takes: Duration::from_millis(700),
        records: 25,
    },
];

impl World {
    pub(super) fn invoice(&mut self, at: Timestamp, order: Order) {
        let own_time = self.dice.latency(Duration::from_millis(300), 0.4);
        let statements = &["SELECT account_move", "UPDATE account_move", "INSERT account_move_line"];
        let done = self.perform(at, &Work::button("account.move", "action_post", own_time, statements));
        let invoice = self.new_id();
        self.state(POSTED, invoice, &done, of_order(&order));
    }

    pub(super) fn collect_payment(&mut self, confirmed: &Done, order: &Order) {
        let took = self.dice.latency(Duration::from_millis(450), 0.5);
        self.call_out(confirmed.at, took, confirmed, "pay.example", "/v1/captures");
        let done = Done { at: confirmed.at + took, took, ..*confirmed };
        let transaction = self.new_id();
        self.state(PAID, transaction, &done, of_order(order));
    }

    pub(super) fn print_label(&mut self, picked: &Done, order: &Order) {
        let took = self.dice.latency(Duration::from_millis(600), 0.5);
        let host = format!("{}.example", order.carrier);
        self.call_out(picked.at, took, picked, &host, "/labels");
        let done = Done { at: picked.at + took, took, ..*picked };
        let label = self.new_id();
        self.state(LABELLED, label, &done, of_order(order));
    }

    /// An EDI order comes as a file, by a queue job that makes the quotation.
    pub(super) fn import_order(&mut self, at: Timestamp, order: Order) {
        let own_time = self.dice.latency(Duration::from_millis(500), 0.5);
        let statements =
            &["SELECT edi_exchange_record", "SELECT product_product", "UPDATE edi_exchange_record"];
        let mut work = Work::button("queue.job", "perform", own_time, statements);
        work.entry = Entry::Job;
        let done = self.perform(at, &work);
        let (job, record) = (self.new_id(), self.new_id());
        let uuid = self.job_uuid();
        let body = format!("asking Odoo to run job {uuid} on db {DATABASE} ");
        self.odoo_log(at, &done, SeverityNumber::Info, "odoo.addons.queue_job.jobrunner.runner", body);
        self.state(JOB_DONE, job, &done, of_order(&order));
        self.state(EXCHANGED, record, &done, of_order(&order));
        self.plan(done.at, Step::Quote(order));
    }

    fn job_uuid(&mut self) -> String {
        let (high, low) = (u64::from_be_bytes(self.dice.bytes()), u64::from_be_bytes(self.dice.bytes()));
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
    }

    pub(super) fn plan_crons(&mut self, opens: Timestamp) {
        for (index, cron) in CRONS.iter().enumerate() {
            let first = opens + cron.every.mul_f64(self.dice.fraction());
            self.plan(first, Step::Cron(index));
        }
    }

    pub(super) fn run_cron(&mut self, at: Timestamp, index: usize) {
        let cron = &CRONS[index];
        self.plan(at + cron.every, Step::Cron(index));
        let own_time = self.dice.latency(cron.takes, 0.3);
        let mut work =
            Work::button("ir.cron", cron.method, own_time, &["SELECT ir_cron", "UPDATE ir_cron_progress"]);
        work.entry = Entry::Cron;
        let done = self.perform(at, &work);
        self.log_cron(at, cron, &done);
        // A run is a record of its own in time: the cron's id alone would make all runs one event.
        let run = self.new_id();
        self.state(CRON_DONE, run, &done, Vec::new());
    }

    /// Four lines, as Odoo 18 writes them.
    fn log_cron(&mut self, at: Timestamp, cron: &Cron, done: &Done) {
        let head = format!("Job '{}' ({})", cron.name, cron.id);
        let took = done.took.as_secs_f64();
        let lines = [
            (at, format!("{head} starting ")),
            (done.at, format!("{head} done in {took:.3}s ")),
            (done.at, format!("{head} processed {} records, 0 records remaining ", cron.records)),
            (done.at, format!("{head} completed ")),
        ];
        for (at, body) in lines {
            self.odoo_log(at, done, SeverityNumber::Info, "odoo.addons.base.models.ir_cron", body);
        }
    }
}
