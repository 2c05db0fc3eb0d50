//! A distributor's working day on Odoo 18, always in full swing: customers ask, orders are confirmed, picked in waves,
//! shipped and invoiced, and four servers tell about it. Pure: time moves only through [`World::advance`], chance comes
//! from the seed, and how finely time is cut changes nothing.

mod agenda;
mod dice;
mod event;
mod floor;
mod meters;
mod office;
mod order;
mod places;
mod report;
mod work;

use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use plimsoll_model::Timestamp;

use super::fault::ValuationReport;
use super::telemetry::{Source, Telemetry};
use agenda::Agenda;
pub(super) use dice::Dice;
use floor::{Floor, Wave};
use meters::Meters;
use order::Order;
pub(super) use places::DATABASE;
use report::Running;

/// About forty orders a minute over all warehouses: enough for the arithmetic of burn rates to mean something.
const BETWEEN_ORDERS: Duration = Duration::from_millis(1_500);

/// How often the servers report their gauges.
const BETWEEN_MEASUREMENTS: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub struct World {
    dice: Dice,
    agenda: Agenda<Step>,
    floors: [Floor; 3],
    meters: Meters,
    fault: Option<Running>,
    /// The record ids that Odoo would hand out next.
    next_id: i64,
}

/// What is going to happen.
#[derive(Debug)]
enum Step {
    CustomerAsks,
    ImportOrder(Order),
    Quote(Order),
    Confirm(Order),
    Wave(usize),
    Pick(Box<Wave>),
    Invoice(Order),
    Cron(usize),
    Measure,
    Report(ReportStep),
    /// Something that was decided earlier becomes known now.
    Say(Box<Telemetry>),
}

#[derive(Clone, Copy, Debug)]
enum ReportStep {
    Starts,
    LocksNextProducts,
}

impl World {
    #[must_use]
    pub fn opening_at(opens: Timestamp, seed: u64) -> Self {
        let mut world = Self {
            dice: Dice::seeded(seed),
            agenda: Agenda::default(),
            floors: Default::default(),
            meters: Meters::starting_at(opens),
            fault: None,
            next_id: 1_000,
        };
        world.plan(opens, Step::CustomerAsks);
        world.plan(opens + BETWEEN_MEASUREMENTS, Step::Measure);
        world.plan_waves(opens);
        world.plan_crons(opens);
        world
    }

    /// From `report.starts` on, an analyst's report gets in the way of one warehouse.
    pub fn suffer(&mut self, report: ValuationReport) {
        self.plan(report.starts, Step::Report(ReportStep::Starts));
        self.fault = Some(self.foresee(report));
    }

    /// Everything that becomes known up to and including `to`, in the order of time.
    pub fn advance(&mut self, to: Timestamp) -> Vec<Telemetry> {
        let mut said = Vec::new();
        while let Some((at, step)) = self.agenda.due(to) {
            match step {
                Step::Say(telemetry) => said.push(*telemetry),
                step => self.happen(at, step),
            }
        }
        said
    }

    fn happen(&mut self, at: Timestamp, step: Step) {
        match step {
            Step::CustomerAsks => self.customer_asks(at),
            Step::ImportOrder(order) => self.import_order(at, order),
            Step::Quote(order) => self.quote(at, order),
            Step::Confirm(order) => self.confirm(at, order),
            Step::Wave(warehouse) => self.start_wave(at, warehouse),
            Step::Pick(wave) => self.pick(at, *wave),
            Step::Invoice(order) => self.invoice(at, order),
            Step::Cron(cron) => self.run_cron(at, cron),
            Step::Measure => self.measure(at),
            Step::Report(step) => self.report(at, step),
            Step::Say(_) => unreachable!("`advance` hands it out"),
        }
    }

    fn plan(&mut self, at: Timestamp, step: Step) {
        self.agenda.add(at, step);
    }

    fn say_span(&mut self, source: Source, ends: Timestamp, span: Span) {
        self.plan(ends, Step::Say(Box::new(Telemetry::Span(source, span))));
    }

    fn say_log(&mut self, source: Source, at: Timestamp, record: LogRecord) {
        self.plan(at, Step::Say(Box::new(Telemetry::Log(source, record))));
    }

    fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }
}
