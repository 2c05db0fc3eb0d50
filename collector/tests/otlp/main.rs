//! The collector through its doors: raw bodies over both transports, the answers to the bit, the rows in a real lake.

mod accepted;
mod clients;
mod limits;
mod poison;
mod refused;
mod replayed;
mod requests;

use std::net::SocketAddr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use plimsoll_collector::{Collector, CollectorError, Config, OtlpReader, Stats, Tenant};
use plimsoll_lake::Lake;
use plimsoll_model::{ManualClock, Table, TenantName, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const TELEMETRY: [Table; 4] = [Table::Spans, Table::Logs, Table::Metrics, Table::BusinessEvents];

/// A collector that listens on loopback, on ports of its own, over an empty lake.
struct Door {
    grpc: SocketAddr,
    http: SocketAddr,
    collector: Collector,
    lake: Lake,
    stop: CancellationToken,
    serving: [JoinHandle<Result<(), CollectorError>>; 2],
    folder: TempDir,
}

impl Door {
    async fn open(config: Config) -> Self {
        Self::over(config, plimsoll_lake::Config::default()).await
    }

    async fn over(config: Config, lake: plimsoll_lake::Config) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
        let lake_config = plimsoll_lake::Config { data_dir: folder.path().to_owned(), ..lake };
        let lake = opened(lake_config, &clock).await;
        let collector =
            Collector::new(config, vec![Tenant::open(TenantName::default(), lake.clone())], Arc::new(clock));
        let stop = CancellationToken::new();
        let (grpc, grpc_listener) = loopback().await;
        let (http, http_listener) = loopback().await;
        let (for_grpc, for_http) = (collector.clone(), collector.clone());
        let (until, also_until) = (stop.clone(), stop.clone());
        let serving = [
            tokio::spawn(async move { for_grpc.serve_grpc(grpc_listener, until).await }),
            tokio::spawn(async move { for_http.serve_http(http_listener, also_until).await }),
        ];
        Self { grpc, http, collector, lake, stop, serving, folder }
    }

    fn rows(&self, table: Table) -> usize {
        self.lake.snapshot(table).hot.iter().map(RecordBatch::num_rows).sum()
    }

    fn stats(&self) -> Stats {
        self.collector.stats()
    }

    fn all_rows(&self) -> [RecordBatch; 4] {
        all_rows(&self.lake)
    }

    async fn close(self) {
        drop(self.stop_serving().await);
    }

    /// The folder, which now nobody holds: the rows are in the log alone.
    async fn stop_serving(self) -> TempDir {
        self.stop.cancel();
        for serving in self.serving {
            serving.await.expect("does not panic").expect("stops in good order");
        }
        self.folder
    }
}

async fn opened(config: plimsoll_lake::Config, clock: &ManualClock) -> Lake {
    Lake::open(config, Arc::new(clock.clone()), Arc::new(OtlpReader)).await.expect("the lake opens")
}

/// As a process would see it that starts after the last one was killed, a year later.
async fn reopened(folder: &TempDir) -> Lake {
    let clock = ManualClock::at(Timestamp::from_secs(1_731_536_000));
    let config = plimsoll_lake::Config { data_dir: folder.path().to_owned(), ..Default::default() };
    opened(config, &clock).await
}

fn all_rows(lake: &Lake) -> [RecordBatch; 4] {
    TELEMETRY.map(|table| {
        let hot = lake.snapshot(table).hot;
        arrow::compute::concat_batches(&table.schema(), &hot).expect("one schema")
    })
}

async fn loopback() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    (listener.local_addr().expect("is bound"), listener)
}
