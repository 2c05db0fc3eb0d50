//! Flushes that happen by themselves, on a clock that is moved by hand.

use std::time::Duration;

use plimsoll_lake::Lake;
use plimsoll_model::Table;
use tokio_util::sync::CancellationToken;

use crate::harness::{House, decisions, numbers};

fn maintained(lake: &Lake) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (lake, stopped) = (lake.clone(), stop.clone());
    (stop, tokio::spawn(async move { lake.maintain(stopped).await }))
}

async fn until_flushed(lake: &Lake, flushes: u64) {
    while lake.stats().flushes < flushes {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_table_is_flushed_at_once_and_an_old_one_in_time() {
    let house = House::new();
    let lake = house.open().await;
    let (stop, maintenance) = maintained(&lake);

    lake.append(vec![decisions(0..100)]).await.expect("kept");
    until_flushed(&lake, 1).await;
    assert_eq!(lake.snapshot(Table::Decisions).cold.len(), 1);

    lake.append(vec![decisions([100])]).await.expect("kept");
    assert_eq!(lake.stats().buffered_rows, 1);
    house.clock.advance(Duration::from_secs(31));
    until_flushed(&lake, 2).await;
    assert_eq!(numbers(&lake, Table::Decisions), (0..=100).collect::<Vec<_>>());

    stop.cancel();
    maintenance.await.expect("no panic");
}

#[tokio::test]
async fn stopping_flushes_what_is_left() {
    let house = House::new();
    let lake = house.open().await;
    let (stop, maintenance) = maintained(&lake);
    lake.append(vec![decisions([1])]).await.expect("kept");
    stop.cancel();
    maintenance.await.expect("no panic");
    assert_eq!((lake.stats().flushes, lake.stats().buffered_rows), (1, 0));
}
