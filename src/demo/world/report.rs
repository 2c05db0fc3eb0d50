//! The analyst's report at work, and the marks it leaves: its start as an event, so that the explanation can be found.

use plimsoll_model::Timestamp;

use super::event::{Fact, place};
use super::places::WAREHOUSES;
use super::work::{Done, RESERVES_STOCK, Work};
use super::{ReportStep, Step, World};
use crate::demo::fault::{self, LockWait, REPORT_LOCKS, REPORT_WORKER, ValuationReport, Waiter};
use crate::demo::telemetry::{Source, text};

const STARTED: Fact = Fact {
    name: "odoo.ir.actions.report.started",
    model: "ir.actions.report",
    method: "stock_valuation",
    workload: "report",
};

/// `report_action` of the valuation report, as its record id.
const REPORT_ID: i64 = 512;

/// Of the waiting statements, those whose comment told PostgreSQL its trace.
const TRACED: f64 = 0.7;

/// The report that was asked for, and the request that will have ended with it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) report: ValuationReport,
    pub(super) request: Done,
}

impl World {
    pub(super) fn foresee(&mut self, report: ValuationReport) -> Running {
        let request = Done {
            at: report.ends,
            took: report.ends.since(report.starts),
            error: None,
            trace_id: self.dice.bytes(),
            span_id: self.dice.bytes(),
            worker: REPORT_WORKER,
        };
        Running { report, request }
    }

    pub(super) fn report(&mut self, at: Timestamp, step: ReportStep) {
        let Some(Running { report, request }) = &self.fault else { return };
        let (report, request) = (report.clone(), *request);
        match step {
            ReportStep::Starts => self.report_starts(&report, &request),
            ReportStep::LocksNextProducts => {
                if let Some((until, _)) = report.batch_at(at) {
                    self.report_locks(at, until, &request);
                }
            }
        }
    }

    fn report_starts(&mut self, report: &ValuationReport, request: &Done) {
        let warehouse = WAREHOUSES.iter().find(|warehouse| warehouse.code == report.warehouse);
        let mut extra = warehouse.map(place).unwrap_or_default();
        extra.push(text("business.user_group", "finance"));
        let started = Done { at: report.starts, took: std::time::Duration::ZERO, ..*request };
        self.state(STARTED, REPORT_ID, &started, extra);
        self.plan(report.starts, Step::Report(ReportStep::LocksNextProducts));

        let work =
            Work::button("stock.valuation.layer", "action_valuation_report", request.took, &[REPORT_LOCKS]);
        let parent = self.through_traefik(report.starts, &work, request);
        self.serve(report.starts, &work, request, Some(parent));
        self.log_request(report.starts, &work, request);
    }

    /// One transaction: the locks are taken in an instant, and kept while Python computes.
    fn report_locks(&mut self, at: Timestamp, until: Timestamp, request: &Done) {
        self.plan(until, Step::Report(ReportStep::LocksNextProducts));
        let took = self.dice.seconds(0.02..0.06);
        self.statement(at, REPORT_LOCKS, (took, &[]), request, request.span_id);
    }

    pub(super) fn log_lock_waits(&mut self, waits: &[LockWait], done: &Done, span_id: [u8; 8]) {
        for (index, wait) in waits.iter().enumerate() {
            let is_last = index + 1 == waits.len();
            let error = if is_last { done.error } else { None };
            let trace = self.dice.chance(TRACED).then_some((done.trace_id, span_id));
            let waiter = Waiter { worker: done.worker, statement: RESERVES_STOCK, error, trace };
            for (at, record) in fault::log_lines(wait, waiter) {
                self.say_log(Source::Postgresql, at, record);
            }
        }
    }
}
