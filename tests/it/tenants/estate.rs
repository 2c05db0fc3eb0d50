//! A Plimsoll with three tenants: the host's own, open to whoever comes without a token, and two customers.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::alerts::{RULE, routing};
use crate::harness::{Plimsoll, Setup, output};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) tenant: &'static str,
    /// Stands in everything it sends, and in nothing else.
    pub(super) mark: &'static str,
    /// Empty where none is needed.
    pub(super) ingest_token: &'static str,
    query_token: &'static str,
}

pub(super) const HOUSE: Party =
    Party { tenant: "default", mark: "mark-of-the-house", ingest_token: "", query_token: "" };
pub(super) const ACME: Party = Party {
    tenant: "acme",
    mark: "mark-of-acme",
    ingest_token: "acme-ingest-0123456789abcdef",
    query_token: "acme-query-0123456789abcdef",
};
pub(super) const NORDWIND: Party = Party {
    tenant: "nordwind",
    mark: "mark-of-nordwind",
    ingest_token: "nordwind-ingest-0123456789abcdef",
    query_token: "nordwind-query-0123456789abcdef",
};

impl Party {
    pub(super) fn query_token(self) -> Option<&'static str> {
        Some(self.query_token).filter(|token| !token.is_empty())
    }
}

pub(super) struct Estate {
    pub(super) plimsoll: Plimsoll,
}

impl Estate {
    /// Pages go to `webhook`; `acme` is limited by `quota`, lines of its entry.
    pub(super) async fn start(webhook: &str, quota: &str) -> Self {
        let tenants = format!("{}{quota}\n{}", entry(ACME), entry(NORDWIND));
        let tenants: toml::Table = tenants.parse().expect("valid TOML");
        let hook = format!("    webhook_configs:\n      - url: '{webhook}'\n");
        let mut setup = Setup::default()
            .set("tenants", tenants["tenants"].clone())
            .set("lake.flush_age", "1s")
            .file("rules/orders.yaml", RULE)
            .file("alertmanager.yml", &routing(&hook));
        for party in [ACME, NORDWIND] {
            setup = setup
                .file(&format!("secrets/{}.ingest", party.tenant), party.ingest_token)
                .file(&format!("secrets/{}.query", party.tenant), party.query_token);
        }
        Self { plimsoll: Plimsoll::start_with(setup).await }
    }

    /// All signals, and an order that failed.
    pub(super) async fn send_everything(&self, party: Party) {
        for (path, body) in everything(party.mark) {
            let answer = self.post(path, party.ingest_token, &body).send().await.expect("an answer");
            let (status, text) = (answer.status(), answer.text().await.expect("text"));
            assert_eq!((status, text.as_str()), (StatusCode::OK, "{}"), "{} {path}", party.tenant);
        }
    }

    pub(super) fn post(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        let request = self.plimsoll.client().post(self.plimsoll.otlp_http(path)).json(body);
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub(super) async fn ask(&self, tenant: &str, token: Option<&str>, sql: &str) -> (StatusCode, Value) {
        let request = self.plimsoll.client().post(self.plimsoll.console("/api/v1/sql"));
        let request = request.json(&json!({"sql": sql, "tenant": tenant}));
        let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    pub(super) async fn sql(&self, party: Party, sql: &str) -> Value {
        let (status, rows) = self.ask(party.tenant, party.query_token(), sql).await;
        assert_eq!(status, StatusCode::OK, "{}: {sql}: {rows}", party.tenant);
        rows
    }

    /// Every table that SQL shows, with all its rows as text.
    pub(super) async fn tables(&self, party: Party) -> Vec<(String, String)> {
        let names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
        let mut tables = Vec::new();
        for row in self.sql(party, names).await.as_array().expect("rows") {
            let name = row["table_name"].as_str().expect("a name").to_owned();
            let rows = self.sql(party, &format!("SELECT * FROM {name}")).await;
            tables.push((name, rows.to_string()));
        }
        assert!(tables.len() > 10, "{tables:?}");
        tables
    }

    pub(super) async fn view(&self, party: Party, view: &str) -> String {
        let address = self.plimsoll.console(&format!("/api/v1/{view}?tenant={}", party.tenant));
        let request = self.plimsoll.client().get(address);
        // As a browser sends what a person typed.
        let request = match party.query_token() {
            Some(token) => request.basic_auth("anybody", Some(token)),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{} {view}", party.tenant);
        answer.text().await.expect("text")
    }

    pub(super) async fn psql(&self, party: Party, statement: &str) -> String {
        self.try_psql(party.tenant, party.query_token, statement)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What psql printed, or what it complained of.
    pub(super) async fn try_psql(
        &self,
        database: &str,
        password: &str,
        statement: &str,
    ) -> Result<String, String> {
        let mut psql = self.plimsoll.psql(&["-d", database, "-A", "-t", "-c", statement]);
        psql.env("PGPASSWORD", password);
        let output = output(psql).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

fn entry(party: Party) -> String {
    let name = party.tenant;
    format!(
        "[[tenants]]\nname = \"{name}\"\ningest_token_file = \"secrets/{name}.ingest\"\n\
         query_token_file = \"secrets/{name}.query\"\n"
    )
}

fn everything(mark: &str) -> [(&'static str, Value); 3] {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [text("service.name", mark)]});
    let time = crate::harness::now_unix_nanos().to_string();
    let span = json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": mark,
                      "startTimeUnixNano": time, "endTimeUnixNano": time, "attributes": [text("http.route", mark)]});
    // The same event id for everybody: it is one event of each.
    let order = json!({
        "timeUnixNano": time, "eventName": "odoo.sale.order.confirmed", "body": {"stringValue": mark},
        "attributes": [text("event.id", "prod/sale.order/1/confirmed"), text("business.warehouse", mark),
                       text("business.outcome", "failed"), text("business.amount", "100")],
    });
    let point = json!({"timeUnixNano": time, "asDouble": 1, "attributes": [text("warehouse", mark)]});
    let metric = json!({"name": "odoo.workers.busy", "gauge": {"dataPoints": [point]}});
    [
        ("/v1/traces", json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})),
        (
            "/v1/logs",
            json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [order]}]}]}),
        ),
        (
            "/v1/metrics",
            json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}),
        ),
    ]
}
