//! The collector through its doors: raw bodies over both transports, the answers to the bit, the rows in a real lake.

mod accepted;
mod clients;
mod limits;
mod refused;
mod requests;

use std::net::SocketAddr;
use std::sync::Arc;

use plimsoll_collector::{Collector, CollectorError, Config, Stats};
use plimsoll_lake::Lake;
use plimsoll_model::{ManualClock, RowsOnly, Table, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A collector that listens on loopback, on ports of its own, over an empty lake.
struct Door {
    grpc: SocketAddr,
    http: SocketAddr,
    collector: Collector,
    lake: Lake,
    stop: CancellationToken,
    serving: [JoinHandle<Result<(), CollectorError>>; 2],
    _folder: TempDir,
}

impl Door {
    async fn open(config: Config) -> Self {
        Self::over(config, plimsoll_lake::Config::default()).await
    }

    async fn over(config: Config, lake: plimsoll_lake::Config) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
        let lake_config = plimsoll_lake::Config { data_dir: folder.path().to_owned(), ..lake };
        let lake = Lake::open(lake_config, Arc::new(clock.clone()), Arc::new(RowsOnly))
            .await
            .expect("an empty lake opens");
        let collector = Collector::new(config, lake.clone(), Arc::new(clock));
        let stop = CancellationToken::new();
        let (grpc, grpc_listener) = loopback().await;
        let (http, http_listener) = loopback().await;
        let (for_grpc, for_http) = (collector.clone(), collector.clone());
        let (until, also_until) = (stop.clone(), stop.clone());
        let serving = [
            tokio::spawn(async move { for_grpc.serve_grpc(grpc_listener, until).await }),
            tokio::spawn(async move { for_http.serve_http(http_listener, also_until).await }),
        ];
        Self { grpc, http, collector, lake, stop, serving, _folder: folder }
    }

    fn rows(&self, table: Table) -> usize {
        self.lake.snapshot(table).hot.iter().map(arrow::array::RecordBatch::num_rows).sum()
    }

    fn stats(&self) -> Stats {
        self.collector.stats()
    }

    async fn close(self) {
        self.stop.cancel();
        for serving in self.serving {
            serving.await.expect("does not panic").expect("stops in good order");
        }
    }
}

async fn loopback() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    (listener.local_addr().expect("is bound"), listener)
}
