//! The reader of one page. What is scraped is told even when it fails: `up` is 0 then.

use std::sync::Arc;

use async_trait::async_trait;
use plimsoll_model::Clock;
use reqwest::{Client, StatusCode, header, redirect};

use super::exposition::Page;
use super::metrics::metrics;
use crate::config::ScrapeConfig;
use crate::otlp::Readings;
use crate::source::{Batch, FetchError, Fetched, Source};

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[derive(Debug)]
pub(crate) struct ScrapeReader {
    config: ScrapeConfig,
    client: Client,
    clock: Arc<dyn Clock>,
}

impl ScrapeReader {
    pub(crate) fn new(config: ScrapeConfig, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(config.timeout);
        let client = client.build().map_err(|error| error.to_string())?;
        Ok(Self { config, client, clock })
    }

    async fn page(&self) -> Result<Page, FetchError> {
        let mut request = self.client.get(&self.config.url).header(header::ACCEPT, ACCEPT);
        if let Some(token) = &self.config.token {
            request = request.bearer_auth(token.reveal());
        }
        // An address may hold a password, so errors are told without it.
        let mut answer = request.send().await.map_err(|error| told(&error.without_url()))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::new(format!("the exporter answers {}", answer.status())));
        }
        let media_type =
            answer.headers().get(header::CONTENT_TYPE).and_then(|media_type| media_type.to_str().ok());
        let is_open_metrics = media_type.is_some_and(|media_type| media_type.contains("openmetrics"));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| told(&error.without_url()))? {
            body.extend_from_slice(&chunk);
            if body.len() > self.config.max_bytes {
                return Err(FetchError::new(format!(
                    "the page is larger than max_size, {} bytes",
                    self.config.max_bytes
                )));
            }
        }
        let text = String::from_utf8(body).map_err(|_| FetchError::new("the page is not UTF-8"))?;
        let page = Page::parse(&text, is_open_metrics, self.config.max_samples).ok_or_else(|| {
            FetchError::new(format!(
                "the page has more samples than max_samples, {}",
                self.config.max_samples
            ))
        })?;
        if page.samples.is_empty() {
            return Err(FetchError::new("the page has no samples: is it an exporter's?"));
        }
        Ok(page)
    }
}

fn told(error: &reqwest::Error) -> FetchError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    FetchError::new(format!("{error}{cause}"))
}

#[async_trait]
impl Source for ScrapeReader {
    async fn fetch(&mut self) -> Result<Fetched, FetchError> {
        let began = self.clock.now();
        let page = self.page().await;
        let now = self.clock.now();
        let mut readings = Readings::at(now);
        readings.gauge("up", "1", Vec::new(), i64::from(page.is_ok()));
        readings.gauge("scrape.duration", "s", Vec::new(), now.since(began).as_secs_f64());
        let mut fetched = Fetched::default();
        match page {
            Ok(page) => {
                readings.gauge(
                    "scrape.samples",
                    "{sample}",
                    Vec::new(),
                    i64::try_from(page.samples.len()).unwrap_or(i64::MAX),
                );
                if page.unreadable > 0 {
                    fetched.lacks.push(format!("{} lines of the page are no samples", page.unreadable));
                }
                let mut found = metrics(page, now);
                found.extend(readings.finish());
                fetched.batches.push(Batch::Metrics(found));
            }
            Err(error) => {
                fetched.batches.push(Batch::Metrics(readings.finish()));
                fetched.failed = Some(error);
            }
        }
        Ok(fetched)
    }

    fn taken(&mut self) {}
}
