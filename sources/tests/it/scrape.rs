//! Pages of exporters, served by a program of the test's own: good ones, endless ones, slow ones, none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, ScrapeConfig, Settings};

use crate::harness::{Reader, eventually};

/// Answers every request with the page that it has now.
struct Exporter {
    url: String,
    page: Arc<Mutex<String>>,
}

impl Exporter {
    fn start(page: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/metrics", listener.local_addr().expect("bound"));
        let page = Arc::new(Mutex::new(page.to_owned()));
        let current = Arc::clone(&page);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 4096];
                drop(stream.read(&mut request));
                let page = current.lock().expect("not poisoned").clone();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    page.len()
                );
                drop(stream.write_all(format!("{head}{page}").as_bytes()));
            }
        });
        Self { url, page }
    }
}

fn settings(url: &str) -> Settings {
    let config = ScrapeConfig {
        url: url.to_owned(),
        token: None,
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(2),
        max_bytes: 100_000,
        max_samples: 1_000,
    };
    Settings { name: "exporter".into(), tenant: TenantName::default(), kind: KindSettings::Scrape(config) }
}

const TRAEFIK: &str = "# HELP traefik_service_requests_total How many\n# TYPE traefik_service_requests_total counter\n\
    traefik_service_requests_total{code=\"200\",method=\"POST\",protocol=\"http\",service=\"odoo@file\"} 42\n\
    # TYPE traefik_tls_certs_not_after gauge\ntraefik_tls_certs_not_after{cn=\"odoo.example\"} 1.8e9\n\
    # TYPE pg_up gauge\npg_up 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_is_up_until_it_says_nothing_or_too_much() {
    let exporter = Exporter::start(TRAEFIK);
    let reader = Reader::start(settings(&exporter.url));
    eventually("requests are counted", async || {
        reader.door.level("traefik_service_requests_total", &[("service", "odoo@file"), ("code", "200")])
    })
    .await;
    assert_eq!(reader.door.level("traefik_tls_certs_not_after", &[("cn", "odoo.example")]), Some(1.8e9));
    assert_eq!(
        (reader.door.level("up", &[]), reader.door.level("scrape.samples", &[])),
        (Some(1.0), Some(3.0))
    );

    for (page, told) in [
        ("endless 1\n".repeat(20_000), "max_size"),
        ("too_many 1\n".repeat(2_000), "max_samples"),
        ("<html>".to_owned(), "no samples"),
    ] {
        *exporter.page.lock().expect("not poisoned") = page;
        eventually(told, async || {
            let status = reader.status();
            (status.state == SourceState::Failing
                && status.last_error.is_some_and(|error| error.contains(told)))
            .then_some(())
        })
        .await;
        assert_eq!(reader.door.level("up", &[]), Some(0.0));
        *exporter.page.lock().expect("not poisoned") = TRAEFIK.to_owned();
        eventually("it is up again", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exporter_that_is_away_is_down_and_its_address_keeps_its_secrets() {
    let reader = Reader::start(settings("http://127.0.0.1:1/metrics?key=s3cret"));
    eventually("up is 0", async || (reader.door.level("up", &[]) == Some(0.0)).then_some(())).await;
    let status = reader.status();
    assert_eq!(status.state, SourceState::Failing);
    assert!(!status.last_error.expect("a reason").contains("s3cret"));
}
