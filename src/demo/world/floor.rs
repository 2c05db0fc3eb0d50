//! The warehouse floor: what is confirmed waits for the next wave; a wave is picked order by order, and each picking
//! moves stock, prints a label and leads to an invoice.

use std::collections::VecDeque;
use std::time::Duration;

use plimsoll_model::Timestamp;

use super::event::{Fact, of_order, place};
use super::order::Order;
use super::places::{WAREHOUSES, Warehouse};
use super::work::{Done, RESERVES_STOCK, Work};
use super::{Step, World};
use crate::demo::fault::LockWait;
use crate::demo::telemetry::text;

const WAVE_DONE: Fact = Fact {
    name: "odoo.stock.picking.batch.done",
    model: "stock.picking.batch",
    method: "action_done",
    workload: "interactive",
};
const PICKED: Fact = Fact {
    name: "odoo.stock.picking.done",
    model: "stock.picking",
    method: "button_validate",
    workload: "interactive",
};
const MOVED: Fact = Fact {
    name: "odoo.stock.move.done",
    model: "stock.move",
    method: "_action_done",
    workload: "interactive",
};

/// Between two waves of one warehouse.
const BETWEEN_WAVES: Duration = Duration::from_secs(180);

/// Orders that are confirmed and wait for the next wave.
#[derive(Debug, Default)]
pub(super) struct Floor {
    waiting: VecDeque<Order>,
}

impl Floor {
    pub(super) fn receive(&mut self, order: Order) {
        self.waiting.push_back(order);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[derive(Debug)]
pub(super) struct Wave {
    id: i64,
    warehouse: &'static Warehouse,
    started: Timestamp,
    orders: VecDeque<Order>,
}

impl World {
    pub(super) fn plan_waves(&mut self, opens: Timestamp) {
        for warehouse in 0..WAREHOUSES.len() {
            let first = opens + self.dice.seconds(45.0..120.0);
            self.plan(first, Step::Wave(warehouse));
        }
    }

    pub(super) fn floor(&mut self, warehouse: &Warehouse) -> &mut Floor {
        let index = WAREHOUSES.iter().position(|known| known.code == warehouse.code).unwrap_or_default();
        &mut self.floors[index]
    }

    pub(super) fn start_wave(&mut self, at: Timestamp, index: usize) {
        self.plan(at + BETWEEN_WAVES, Step::Wave(index));
        let orders = std::mem::take(&mut self.floors[index].waiting);
        if orders.is_empty() {
            return;
        }
        let wave = Wave { id: self.new_id(), warehouse: &WAREHOUSES[index], started: at, orders };
        self.plan(at, Step::Pick(Box::new(wave)));
    }

    /// One order of the wave; the next one follows when this one is validated.
    pub(super) fn pick(&mut self, at: Timestamp, mut wave: Wave) {
        let Some(order) = wave.orders.pop_front() else {
            return self.finish_wave(at, &wave);
        };
        let done = self.validate(at, &order);
        self.print_label(&done, &order);
        let invoice_at = done.at + self.dice.seconds(20.0..90.0);
        self.plan(invoice_at, Step::Invoice(order));
        let walk = self.dice.seconds(1.0..4.0);
        self.plan(done.at + walk, Step::Pick(Box::new(wave)));
    }

    fn validate(&mut self, at: Timestamp, order: &Order) -> Done {
        let own_time = self.dice.latency(Duration::from_millis(420), 0.4);
        let statements = &[
            "SELECT stock_picking",
            RESERVES_STOCK,
            "UPDATE stock_move",
            "INSERT stock_valuation_layer",
            "UPDATE stock_picking",
        ];
        let mut work = Work::button("stock.picking", "button_validate", own_time, statements);
        work.waits = self.waits_for_stock(at, order.warehouse, 0.6);
        if self.dice.chance(0.01) {
            work.retry_after = Some(self.dice.seconds(0.1..2.0));
        }
        let done = self.perform(at, &work);
        let picking = self.new_id();
        self.state(PICKED, picking, &done, of_order(order));
        for product in &order.products {
            let mut extra = place(order.warehouse);
            extra.extend([text("business.process_id", order.reference()), text("business.product", product)]);
            let stock_move = self.new_id();
            self.state(MOVED, stock_move, &done, extra);
        }
        done
    }

    /// The wave's last click; its duration is the whole wave's.
    fn finish_wave(&mut self, at: Timestamp, wave: &Wave) {
        let own_time = self.dice.latency(Duration::from_millis(150), 0.3);
        let statements = &["SELECT stock_picking", "UPDATE stock_picking_batch"];
        let work = Work::button("stock.picking.batch", "action_done", own_time, statements);
        let mut done = self.perform(at, &work);
        done.took = done.at.since(wave.started);
        self.state(WAVE_DONE, wave.id, &done, place(wave.warehouse));
    }

    /// What stands in the way of somebody who needs stock of `warehouse` at `at`; `chance` is how likely the rows
    /// are among those that the report holds.
    pub(super) fn waits_for_stock(
        &mut self,
        at: Timestamp,
        warehouse: &Warehouse,
        chance: f64,
    ) -> Vec<LockWait> {
        let running = self.fault.as_ref().map(|running| &running.report);
        let Some(report) = running.filter(|report| report.warehouse == warehouse.code) else {
            return Vec::new();
        };
        let waits = report.waits_from(at);
        if waits.is_empty() || !self.dice.chance(chance) { Vec::new() } else { waits }
    }
}
