//! Asks the product how it goes, through the HTTP API that everybody uses.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

pub(super) const LAST_TWO_MINUTES: &str = "\
    SELECT count(*) FILTER (WHERE outcome = 'ok') AS orders, approx_percentile_cont(duration_ms, 0.95) AS p95_ms \
    FROM business_events \
    WHERE event_name = 'odoo.sale.order.confirmed' AND time > now() - INTERVAL '2 minutes'";

pub(super) const BUDGET: &str =
    "SELECT 1 - max(budget_spent) AS budget_left FROM slos WHERE slo = 'order-posting'";

#[derive(Debug)]
pub(super) struct Console {
    client: reqwest::Client,
    url: String,
}

/// The last two minutes in numbers; what could not be asked is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Progress {
    pub(super) orders: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    /// Of the warehouse that has the least left, as a ratio of the whole window's; negative when overspent.
    pub(super) budget_left: Option<f64>,
}

impl Console {
    pub(super) fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { client, url: format!("http://{address}/api/v1/sql") })
    }

    pub(super) async fn progress(&self) -> Progress {
        let (orders, budget) = (self.first_row(LAST_TWO_MINUTES).await, self.first_row(BUDGET).await);
        Progress {
            orders: orders["orders"].as_f64(),
            p95_ms: orders["p95_ms"].as_f64(),
            budget_left: budget["budget_left"].as_f64(),
        }
    }

    async fn first_row(&self, sql: &str) -> Value {
        match self.ask(sql).await {
            Ok(mut rows) => rows[0].take(),
            Err(error) => {
                tracing::warn!(%error, "the console did not answer the demo's question");
                Value::Null
            }
        }
    }

    async fn ask(&self, sql: &str) -> reqwest::Result<Value> {
        let request = self.client.post(&self.url).json(&json!({"sql": sql}));
        request.send().await?.error_for_status()?.json().await
    }
}
