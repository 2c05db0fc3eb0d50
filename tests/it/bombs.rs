//! Bodies made to exhaust whoever decodes them: refused with the right code, in little memory, and good data is taken
//! afterwards. Memory is the server's highest resident set (`VmHWM`) above what it was just before the request.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use tokio::task::JoinSet;

use crate::conformance::Make;
use crate::harness::{
    EXPORT_LOGS, Event, Http2, Memory, Outcome, Plimsoll, RawLogs, Sender, WAYS, Way, gzip, request, zstd,
};

const MIB: u64 = 1 << 20;
/// For a process of a debug build that has taken a megabyte over each way in before.
const MAY_RISE: u64 = 64 * MIB;

/// Good data of about a megabyte over every way in, so that what a process keeps for itself is there already.
async fn warm(plimsoll: &Plimsoll, logs: &RawLogs) {
    for way in WAYS {
        for encoding in [None, Some("gzip"), Some("zstd")] {
            let body = Make::Filled { bytes: 1 << 20 }.bytes(way == Way::Json, "warm");
            let answer = logs.send(way, encoding, compressed(encoding, &body)).await.expect("an answer");
            assert_eq!(answer.outcome(), Outcome::Accepted, "{way:?} {encoding:?}");
        }
    }
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM logs").await, 9);
}

fn compressed(encoding: Option<&str>, body: &[u8]) -> Vec<u8> {
    match encoding {
        None => body.to_vec(),
        Some("gzip") => gzip(body),
        Some(_) => zstd(body),
    }
}

/// 522 kB that become half a gigabyte, and others of their kind.
fn bombs() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let zeros = vec![0; 512 << 20];
    let gzip_bomb = gzip_bomb();
    assert!(gzip_bomb.len() < 600_000, "{} bytes", gzip_bomb.len());
    let zstd_bomb = zstd(&zeros);
    // The first field's length says that all of it is one resource, so that nothing looks wrong before the end.
    let long = [b"\x0A\xFB\xFF\xFF\xFF\x01".to_vec(), vec![0; (512 << 20) - 5]].concat();
    let plausible = zstd(&long);
    // Grows a hundredfold only: no ratio is suspicious, the size is.
    let patient = patient_bomb();
    vec![
        ("512 MiB of gzip", "gzip", gzip_bomb.clone()),
        ("512 MiB of zstd", "zstd", zstd_bomb.clone()),
        ("512 MiB of zstd that look like a request", "zstd", plausible),
        ("256 MiB in 2.6", "zstd", patient),
        ("gzip in gzip", "gzip", gzip(&gzip_bomb)),
        ("zstd in zstd", "zstd", zstd(&zstd_bomb)),
    ]
}

/// A mebibyte of zeros as well as gzip can, 512 times.
fn gzip_bomb() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 1 << 20]).expect("memory takes everything");
    encoder.finish().expect("memory takes everything").repeat(512)
}

/// Noise of 10 kB in each mebibyte of zeros.
fn patient_bomb() -> Vec<u8> {
    let noise = Make::Filled { bytes: 1 << 20 }.bytes(false, "noise");
    let mut whole = Vec::with_capacity(256 << 20);
    for chunk in noise.chunks(10_000).cycle().take(256) {
        whole.extend_from_slice(chunk);
        whole.resize(whole.len() + (1 << 20) - chunk.len(), 0);
    }
    zstd(&whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_costs_its_sender_an_answer_and_us_little_memory() {
    let mut plimsoll = Plimsoll::start().await;
    let logs = RawLogs::to(&plimsoll);
    warm(&plimsoll, &logs).await;
    let mut risen = Vec::new();
    for (name, encoding, body) in bombs() {
        for way in WAYS {
            let memory = Memory::mark(plimsoll.pid());
            let answer = logs.send(way, Some(encoding), body.clone()).await.expect("an answer");
            let outcome = answer.outcome();
            let is_layered = name.contains(" in ") && !name.starts_with("256");
            let expected = if is_layered { Outcome::Invalid } else { Outcome::TooLarge };
            assert_eq!(outcome, expected, "{name} over {way:?}: {answer:?}");
            risen.push((memory.rise() / MIB, name, way));
        }
    }
    let most = risen.iter().max_by_key(|(rise, ..)| *rise).expect("some");
    assert!(most.0 * MIB < MAY_RISE, "rose by so many MiB: {risen:?}");
    unharmed(&mut plimsoll).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nestings_and_long_declarations_cost_no_memory() {
    let mut plimsoll = Plimsoll::start().await;
    let logs = RawLogs::to(&plimsoll);
    warm(&plimsoll, &logs).await;
    let mut risen = Vec::new();
    for levels in [90, 1_000, 20_000, 200_000] {
        for make in [Make::Lists { levels }, Make::Maps { levels }] {
            for way in WAYS {
                for encoding in [None, Some("gzip"), Some("zstd")] {
                    let body = compressed(encoding, &make.bytes(way == Way::Json, "deep"));
                    let memory = Memory::mark(plimsoll.pid());
                    let answer = logs.send(way, encoding, body).await.expect("an answer");
                    // What nests so evenly also compresses suspiciously well.
                    let refused = [Outcome::Invalid, Outcome::TooLarge].contains(&answer.outcome());
                    assert!(refused, "{make:?} over {way:?} {encoding:?}: {answer:?}");
                    risen.push((memory.rise() / MIB, levels, way, encoding));
                }
            }
        }
    }
    assert!(risen.iter().all(|(rise, ..)| rise * MIB < MAY_RISE), "rose by so many MiB: {risen:?}");
    unharmed(&mut plimsoll).await;
}

/// Each promises 64 MiB in five bytes and sends no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_frames_that_declare_64_mib_reserve_nothing() {
    let mut plimsoll = Plimsoll::start().await;
    warm(&plimsoll, &RawLogs::to(&plimsoll)).await;
    let memory = Memory::mark(plimsoll.pid());
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let connection = Http2::to(&plimsoll.grpc());
        calls.spawn(async move {
            let frame = [0, 0x03, 0xFF, 0xFF, 0xFF, 0x0A].to_vec();
            connection.call(EXPORT_LOGS, None, frame).await.expect("an answer").outcome()
        });
    }
    let outcomes = calls.join_all().await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Invalid), "{outcomes:?}");
    assert!(memory.rise() < MAY_RISE, "{} MiB", memory.rise() / MIB);
    unharmed(&mut plimsoll).await;
}

/// Many bombs at a time: some are told to come back later, none is let in, and good data is stored meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn bombs_at_the_same_time_stay_within_the_memory_for_requests() {
    let mut plimsoll = Plimsoll::start().await;
    let logs = RawLogs::to(&plimsoll);
    warm(&plimsoll, &logs).await;
    let bomb = patient_bomb();
    let mut senders = JoinSet::new();
    for _ in 0..24 {
        for way in WAYS {
            let (logs, bomb) = (logs.clone(), bomb.clone());
            senders
                .spawn(async move { logs.send(way, Some("zstd"), bomb).await.expect("an answer").outcome() });
        }
    }
    let good = request(vec![Event::new("odoo.stock.picking.done", "meanwhile")]).encode_to_vec();
    loop {
        let answer = logs.send(Way::Grpc, None, good.clone()).await.expect("an answer");
        match answer.outcome() {
            Outcome::Accepted => break,
            outcome => assert_eq!(outcome, Outcome::TryLater, "{answer:?}"),
        }
    }
    for outcome in senders.join_all().await {
        assert!([Outcome::TooLarge, Outcome::TryLater].contains(&outcome), "{outcome:?}");
    }
    assert_eq!(plimsoll.number("SELECT count(*) AS n FROM business_events").await, 1);
    unharmed(&mut plimsoll).await;
}

async fn unharmed(plimsoll: &mut Plimsoll) {
    plimsoll.assert_alive();
    Sender::to(&plimsoll.grpc()).send(vec![Event::new("odoo.stock.picking.done", "later")]).await;
    assert_eq!(
        plimsoll.number("SELECT count(*) AS n FROM business_events WHERE event_id = 'later'").await,
        1
    );
}
