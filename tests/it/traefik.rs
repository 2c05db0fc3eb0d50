//! The real Traefik, started with the files of its recipe before a small server that plays Odoo: what it sends by itself is enough
//! to find an order's confirmation, its retries, and a certificate that ends.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{HttpSink, Plimsoll, closed_port, eventually, finish, root, tool};
use crate::pack::runbooks::Block;
use crate::recipes::{of_language, recipe};

const CONFIRM: &str = "/web/dataset/call_button/sale.order/action_confirm";
const SEEN_WITHIN: Duration = Duration::from_secs(60);
const CERTIFICATE: &str = "odoo.example.test";

struct Traefik {
    child: Child,
    web: u16,
    websecure: u16,
    folder: TempDir,
}

impl Traefik {
    /// With the recipe's files; addresses, paths and patience are the test's.
    async fn start(plimsoll: &Plimsoll, odoo: &str, nobody: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (web, websecure) = (closed_port(), closed_port());
        let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        certificate(&place("odoo.key"), &place("odoo.pem")).await;
        let replacements = [
            ("http://127.0.0.1:4318".to_owned(), plimsoll.otlp_http("")),
            ("127.0.0.1:8000".to_owned(), format!("127.0.0.1:{web}")),
            ("127.0.0.1:8443".to_owned(), format!("127.0.0.1:{websecure}")),
            ("http://127.0.0.1:8069".to_owned(), odoo.to_owned()),
            ("http://127.0.0.1:8169".to_owned(), format!("http://127.0.0.1:{nobody}")),
            ("/etc/traefik/dynamic.yml".to_owned(), place("dynamic.yml")),
            ("/etc/traefik/odoo.pem".to_owned(), place("odoo.pem")),
            ("/etc/traefik/odoo.key".to_owned(), place("odoo.key")),
            ("pushInterval: 10s".to_owned(), "pushInterval: 1s".to_owned()),
        ];
        let files = of_language(&recipe("traefik.md"), "yaml");
        let mut all = files.iter().map(|block| block.text.clone()).collect::<Vec<_>>();
        for (from, to) in replacements {
            assert!(all.iter().any(|text| text.contains(&from)), "the recipe has no {from}");
            all.iter_mut().for_each(|text| *text = text.replace(&from, &to));
        }
        let [fixed, dynamic] = all.as_slice() else { panic!("the recipe has two files") };
        fs::write(place("dynamic.yml"), dynamic).expect("writable");
        // It asks nobody for news and tells nobody of itself.
        let quiet = "global: {checkNewVersion: false, sendAnonymousUsage: false}\n";
        fs::write(place("traefik.yml"), format!("{quiet}{fixed}")).expect("writable");
        let log = fs::File::create(place("traefik.log")).expect("a file");
        let child = Command::new(root().join(".venv/bin/traefik"))
            .arg(format!("--configFile={}", place("traefik.yml")))
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a second handle"))
            .stdout(log)
            .spawn()
            .expect("`make test` makes .venv with Traefik in it");
        Self { child, web, websecure, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("traefik.log")).unwrap_or_default()
    }
}

impl Drop for Traefik {
    fn drop(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }
}

async fn certificate(key: &str, certificate: &str) {
    let mut openssl = tool("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9"]);
    openssl.args(["-keyout", key, "-out", certificate, "-subj", &format!("/CN={CERTIFICATE}")]);
    openssl.args(["-addext", &format!("subjectAltName=DNS:{CERTIFICATE}")]);
    finish(openssl).await;
}

/// As many confirmations as there are tries; every other one meets the server that isn't there, and is tried again.
async fn confirm_orders(traefik: &Traefik, client: &reqwest::Client) {
    let address = format!("http://127.0.0.1:{}{CONFIRM}", traefik.web);
    eventually("Traefik answers", SEEN_WITHIN, async || {
        let answer = client.post(&address).json(&json!({"params": {}})).send().await.ok()?;
        (answer.status() == 202).then_some(())
    })
    .await;
    for _ in 0..4 {
        let answer = client.post(&address).json(&json!({"params": {}})).send().await.expect("an answer");
        assert_eq!(answer.status(), 202, "{}", traefik.log());
    }
    let secure =
        reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().expect("a client");
    let login = format!("https://127.0.0.1:{}/web/login", traefik.websecure);
    secure.post(&login).json(&json!({})).send().await.expect("a handshake");
}

async fn rows(plimsoll: &Plimsoll, what: &str, sql: &str) -> Vec<Value> {
    eventually(what, SEEN_WITHIN, async || Some(plimsoll.sql(sql).await).filter(|rows| !rows.is_empty()))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn traefik_tells_of_orders_retries_and_certificates_by_itself() {
    let plimsoll = Plimsoll::start().await;
    let odoo = HttpSink::start().await;
    let traefik = Traefik::start(&plimsoll, &odoo.url(""), closed_port()).await;
    confirm_orders(&traefik, plimsoll.client()).await;
    assert!(odoo.received(CONFIRM).len() >= 5);

    for Block { line, text, .. } in of_language(&recipe("traefik.md"), "sql") {
        rows(&plimsoll, &format!("traefik.md:{line}\n{}", traefik.log()), &text).await;
    }
    let confirmed = format!(
        "SELECT count(*) AS n FROM spans WHERE service_name = 'traefik' AND kind = 'server' AND duration_ms > 0
           AND attributes['url.path'] = '{CONFIRM}' AND http_response_status_code = 202"
    );
    assert!(plimsoll.number(&confirmed).await >= 5);

    let retried =
        "SELECT count(*) AS tries, count(*) FILTER (WHERE http_response_status_code = 502) AS unanswered,
            count(DISTINCT parent_span_id) AS requests
        FROM spans WHERE service_name = 'traefik' AND kind = 'client' GROUP BY trace_id HAVING count(*) > 1";
    let retried = rows(&plimsoll, "a request was tried twice", retried).await;
    assert_eq!(retried[0], json!({"tries": 2, "unanswered": 1, "requests": 1}));

    let ends = format!(
        "SELECT DISTINCT attributes['cn'] AS name, round((value - CAST(CAST(now() AS BIGINT) AS DOUBLE) / 1e9) / 86400) AS days
         FROM metrics WHERE name = 'traefik_tls_certs_not_after' AND attributes['sans'] = '{CERTIFICATE}'"
    );
    let ends = rows(&plimsoll, "the certificate's end", &ends).await;
    assert_eq!(ends, [json!({"name": CERTIFICATE, "days": 9.0})]);

    let buckets =
        "SELECT DISTINCT bucket_bounds[11] AS last FROM metrics WHERE name = 'http.server.request.duration'";
    assert_eq!(plimsoll.sql(buckets).await, [json!({"last": 120.0})]);
    let handshake = "SELECT DISTINCT attributes['TLSVersion'] AS version, length(trace_id) AS id FROM logs
        WHERE service_name = 'traefik' AND attributes['RequestPath'] = '/web/login'";
    assert_eq!(rows(&plimsoll, "the handshake", handshake).await, [json!({"version": "1.3", "id": 32})]);
}
