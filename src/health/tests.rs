//! Each kind of trouble, as the board tells it, and how it ends.

use plimsoll_dashboards::Health;
use plimsoll_lake::{Config, Disk, LocalDisk, Seams};
use plimsoll_model::{ManualClock, RowsOnly, SignalBatch, Table, batch_from_rows};

use super::*;

const FLUSH_AGE: Duration = Duration::from_secs(60);

/// A disk that fails, or that panics, when it is told to.
#[derive(Clone, Debug, Default)]
struct Moody(Arc<Mutex<Mood>>);

#[derive(Clone, Copy, Debug, Default)]
enum Mood {
    #[default]
    Fine,
    Failing,
    Deadly,
}

impl Moody {
    fn becomes(&self, mood: Mood) {
        *self.0.lock().expect("not poisoned") = mood;
    }
}

impl Disk for Moody {
    fn create(&self, path: &std::path::Path) -> std::io::Result<std::fs::File> {
        LocalDisk.create(path)
    }

    fn write_at(&self, file: &std::fs::File, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        LocalDisk.write_at(file, offset, bytes)
    }

    fn sync(&self, file: &std::fs::File) -> std::io::Result<()> {
        let mood = *self.0.lock().expect("not poisoned");
        match mood {
            Mood::Fine => LocalDisk.sync(file),
            Mood::Failing => Err(std::io::Error::from_raw_os_error(5)),
            Mood::Deadly => panic!("on purpose"),
        }
    }

    fn sync_folder(&self, folder: &std::path::Path) -> std::io::Result<()> {
        LocalDisk.sync_folder(folder)
    }
}

struct House {
    clock: ManualClock,
    disk: Moody,
    lake: Lake,
    board: Arc<HealthBoard>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let disk = Moody::default();
        let seams = Seams { log_disk: Box::new(disk.clone()), ..Seams::default() };
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let lake = Lake::open_with(config, Arc::clone(&shared), Arc::new(RowsOnly), seams).await;
        let lake = lake.expect("opens");
        let board = HealthBoard::new(shared, vec![(TenantName::default(), lake.clone())], FLUSH_AGE);
        Self { clock, disk, lake, board, _folder: folder }
    }

    async fn append(&self) -> bool {
        let row = serde_json::json!({"time": 1, "ingest_time": 0, "stage": "rule"});
        let batch = batch_from_rows(&Table::Decisions.schema(), &[row]).expect("fits");
        self.lake.append(vec![SignalBatch { table: Table::Decisions, batch }]).await.is_ok()
    }

    fn trouble(&self, part: &str) -> Option<String> {
        let parts = self.board.parts();
        parts.into_iter().find(|(name, _)| name == part).expect("every part is named").1
    }
}

#[tokio::test]
async fn a_loop_that_stops_beating_is_unwell_until_it_beats_again() {
    let house = House::open().await;
    house.board.expect("evaluation", Duration::from_secs(30));
    house.clock.advance(Duration::from_secs(31));
    assert_eq!(house.trouble("evaluation").as_deref(), Some("no sign of life for 31 s"));
    house.board.beat("evaluation", None);
    assert_eq!(house.trouble("evaluation"), None);
}

#[tokio::test]
async fn trouble_lasts_until_a_round_without_it() {
    let house = House::open().await;
    house.board.expect("alerting", Duration::from_secs(30));
    house.board.beat("alerting", Some("the disk is full".into()));
    assert_eq!(house.trouble("alerting").as_deref(), Some("the disk is full"));
}

#[tokio::test]
async fn a_log_that_fails_is_told_and_found_well_again_though_nobody_sends() {
    let house = House::open().await;
    assert!(house.append().await);
    assert_eq!((house.trouble("log"), house.board.not_ready()), (None, None));
    house.disk.becomes(Mood::Failing);
    assert!(!house.append().await);
    assert!(house.trouble("log").is_some_and(|told| told.contains("can't be written")));
    assert!(house.board.not_ready().is_some());

    let stop = tokio_util::sync::CancellationToken::new();
    let (lake, stopped) = (house.lake.clone(), stop.clone());
    let maintenance = tokio::spawn(async move { lake.maintain(stopped).await });
    for _ in 0..100 {
        house.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(house.board.not_ready().is_some(), "it still fails");
    house.disk.becomes(Mood::Fine);
    while house.board.not_ready().is_some() {
        house.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(house.trouble("log"), None);
    stop.cancel();
    maintenance.await.expect("no panic");
}

#[tokio::test]
async fn a_dead_writer_turns_health_red_and_stays_red() {
    let house = House::open().await;
    house.disk.becomes(Mood::Deadly);
    assert!(!house.append().await);
    house.disk.becomes(Mood::Fine);
    while house.trouble("log").is_none() {
        tokio::task::yield_now().await;
    }
    assert!(house.trouble("log").is_some_and(|told| told.contains("dead")));
    assert!(house.board.not_ready().is_some_and(|told| told.contains("dead")));
    assert!(!house.append().await);
}

#[tokio::test]
async fn rows_that_nobody_flushes_are_told() {
    let house = House::open().await;
    assert!(house.append().await);
    house.clock.advance(FLUSH_AGE * 2 + FLUSH_PATIENCE);
    assert_eq!(house.trouble("flush"), None);
    house.clock.advance(Duration::from_secs(1));
    assert!(house.trouble("flush").is_some_and(|told| told.contains("241 s")));
    assert_eq!(house.board.not_ready(), None, "what is sent is still kept");
    house.lake.flush().await.expect("flushes");
    assert_eq!(house.trouble("flush"), None);
}

#[test]
fn a_write_that_does_not_end_is_told() {
    let busy = LakeStats { log_busy_since: Some(Timestamp::from_secs(100)), ..LakeStats::default() };
    assert_eq!(log_trouble(&busy, Timestamp::from_secs(120)), None);
    let told = log_trouble(&busy, Timestamp::from_secs(121));
    assert!(told.is_some_and(|told| told.contains("one write for 21 s")));
}
