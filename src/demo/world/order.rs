//! An order's beginning: a customer asks, a quotation is made, and confirming it reserves the stock.

use std::time::Duration;

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use plimsoll_model::Timestamp;

use super::event::{Fact, next_pick_up, of_order};
use super::places::{self, Channel, Warehouse};
use super::work::{Done, RESERVES_STOCK, Work};
use super::{BETWEEN_ORDERS, Step, World};
use crate::demo::fault::{LOCK_NOT_AVAILABLE, SERIALIZATION_FAILURE};

const QUOTED: Fact =
    Fact { name: "odoo.sale.order.quoted", model: "sale.order", method: "web_save", workload: "interactive" };
const CONFIRMED: Fact = Fact {
    name: "odoo.sale.order.confirmed",
    model: "sale.order",
    method: "action_confirm",
    workload: "interactive",
};

/// In a healthy hour about six of two thousand confirmations meet a concurrent update.
const RETRY_CHANCE: f64 = 0.003;

/// Of the confirmations that had to wait, those that give up in the end.
const FAILURE_CHANCE: f64 = 0.08;

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) warehouse: &'static Warehouse,
    pub(super) channel: Channel,
    pub(super) customer: String,
    pub(super) carrier: &'static str,
    pub(super) amount: f64,
    pub(super) products: Vec<String>,
    pub(super) due: Timestamp,
}

impl Order {
    /// What people call it.
    pub(super) fn reference(&self) -> String {
        format!("S{:06}", self.id)
    }
}

impl World {
    pub(super) fn customer_asks(&mut self, at: Timestamp) {
        let next = at + self.dice.until_next(BETWEEN_ORDERS);
        self.plan(next, Step::CustomerAsks);
        let order = self.draw_order(at);
        let step = match order.channel {
            Channel::Edi => Step::ImportOrder(order),
            Channel::Portal | Channel::InsideSales => Step::Quote(order),
        };
        self.plan(at, step);
    }

    fn draw_order(&mut self, at: Timestamp) -> Order {
        let id = self.new_id();
        let warehouse = places::warehouse(&mut self.dice);
        let lines = self.dice.number(1..4);
        let cents = self.dice.latency(Duration::from_secs(380), 0.9).as_secs_f64() * 100.0;
        Order {
            id,
            warehouse,
            channel: Channel::draw(&mut self.dice),
            customer: places::customer(&mut self.dice),
            carrier: self.dice.pick(warehouse.carriers),
            amount: cents.round() / 100.0,
            products: (0..lines).map(|_| places::product(&mut self.dice)).collect(),
            due: next_pick_up(at),
        }
    }

    pub(super) fn quote(&mut self, at: Timestamp, order: Order) {
        let own_time = self.dice.latency(Duration::from_millis(180), 0.4);
        let statements = &["SELECT res_partner", "SELECT product_pricelist_item", "INSERT sale_order"];
        let done = self.perform(at, &Work::button("sale.order", "web_save", own_time, statements));
        self.state(QUOTED, order.id, &done, of_order(&order));
        let decides = done.at + self.dice.seconds(2.0..45.0);
        self.plan(decides, Step::Confirm(order));
    }

    pub(super) fn confirm(&mut self, at: Timestamp, order: Order) {
        let work = self.confirmation(at, &order);
        let done = self.perform(at, &work);
        self.state(CONFIRMED, order.id, &done, of_order(&order));
        match done.error {
            Some(error) => self.try_again_later(error, &done, order),
            None => self.confirmed(&done, order),
        }
    }

    fn confirmation(&mut self, at: Timestamp, order: &Order) -> Work {
        let own_time = self.dice.latency(Duration::from_millis(350), 0.42);
        let statements = &[
            "SELECT sale_order",
            "SELECT stock_quant",
            RESERVES_STOCK,
            "INSERT stock_move",
            "INSERT stock_picking",
            "UPDATE sale_order",
        ];
        let mut work = Work::button("sale.order", "action_confirm", own_time, statements);
        work.waits = self.waits_for_stock(at, order.warehouse, 0.85);
        if !work.waits.is_empty() && self.dice.chance(FAILURE_CHANCE) {
            work.error = Some(self.dice.pick(&[SERIALIZATION_FAILURE, LOCK_NOT_AVAILABLE]));
        } else if self.dice.chance(RETRY_CHANCE) {
            work.retry_after = Some(self.dice.seconds(0.1..2.0));
        }
        work
    }

    fn try_again_later(&mut self, error: &str, done: &Done, order: Order) {
        let code = if error == LOCK_NOT_AVAILABLE { "LOCK_NOT_AVAILABLE" } else { "SERIALIZATION_FAILURE" };
        let body = format!("{code}, maximum number of tries reached! ");
        self.odoo_log(done.at, done, SeverityNumber::Info, "odoo.service.model", body);
        let again = done.at + self.dice.seconds(90.0..240.0);
        self.plan(again, Step::Confirm(order));
    }

    fn confirmed(&mut self, done: &Done, order: Order) {
        if order.channel == Channel::Portal {
            self.collect_payment(done, &order);
        }
        self.floor(order.warehouse).receive(order);
    }
}
