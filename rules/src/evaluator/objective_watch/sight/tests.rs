use plimsoll_model::SourceState;

use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + minutes * 60)
}

fn source(name: &str, signal: &'static str, alive: i64) -> SourceStatus {
    SourceStatus {
        name: name.to_owned(),
        kind: SourceKind::Otlp,
        signal,
        state: SourceState::Ok,
        since: at(0),
        watermark: Some(at(alive)),
        last_success: Some(at(alive)),
        expected_every: None,
        items: 1,
        errors: 0,
        last_error: None,
        lacks: Vec::new(),
    }
}

fn sight(sources: &[&str]) -> Sight {
    let sources = sources.iter().map(|name| (*name).to_owned()).collect();
    Sight::new(Blindness { sources, ..Blindness::default() }, &[Table::BusinessEvents])
}

#[test]
fn an_hour_without_an_order_is_no_silence_while_the_shop_says_anything() {
    let mut sight = sight(&[]);
    let sources = Sources::new(vec![source("odoo", "logs", 0), source("odoo", "metrics", 60)]);
    sight.look(&sources, Some(at(0)), None, at(60));
    assert!(!sight.is_blind());
    assert!(sight.is_covered(HOUR, at(60)));
    sight.look(&sources, Some(at(0)), None, at(76));
    assert!(sight.is_blind());
    assert_eq!(sight.silence(&sources, at(76)), "nothing has come from odoo since 09:00 UTC (16 min)");
}

#[test]
fn that_we_live_ourselves_and_what_feeds_other_tables_says_nothing() {
    let mut sight = sight(&[]);
    let others = [source("odoo", "logs", 0), source("plimsoll", "logs", 60), source("traefik", "traces", 60)];
    sight.look(&Sources::new(others.to_vec()), Some(at(0)), None, at(60));
    assert!(sight.is_blind());
}

#[test]
fn clocks_that_are_wrong_are_no_life() {
    let ahead = SourceStatus { watermark: Some(at(500)), ..source("odoo", "logs", 0) };
    let behind = SourceStatus { last_success: Some(at(60)), ..source("odoo", "logs", 0) };
    for wrong in [ahead, behind] {
        let mut sight = sight(&[]);
        sight.look(&Sources::new(vec![wrong]), Some(at(60)), None, at(60));
        assert!(sight.is_blind());
    }
}

#[test]
fn each_source_that_is_named_is_needed() {
    let mut sight = sight(&["odoo", "odoo-db"]);
    let asked = SourceStatus { kind: SourceKind::Odoo, watermark: None, ..source("odoo-db", "", 60) };
    let sources = Sources::new(vec![source("odoo", "logs", 59), asked]);
    sight.look(&sources, Some(at(60)), None, at(60));
    assert!(!sight.is_blind(), "who is asked and answers lives");
    sight.look(&sources, Some(at(76)), None, at(76));
    assert!(sight.is_blind(), "whatever else fills the table");
    sight.look(&Sources::new(sources.statuses[..1].to_vec()), Some(at(60)), None, at(60));
    assert!(sight.is_blind());
    assert!(sight.silence(&sources, at(60)).contains("odoo-db"));
}

#[test]
fn a_gap_uncovers_the_windows_that_hold_it_until_it_is_filled() {
    let mut sight = sight(&[]);
    let look = |sight: &mut Sight, alive: i64, earliest: Option<i64>| {
        sight.look(&Sources::new(vec![source("odoo", "logs", alive)]), None, earliest.map(at), at(alive));
    };
    look(&mut sight, 0, Some(0));
    look(&mut sight, 45, Some(44));
    assert!(!sight.is_blind());
    let covered = sight.coverage(HOUR, at(45));
    assert!((covered - 16.0 / 60.0).abs() < 1e-9, "{covered}");
    assert!(!sight.is_covered(HOUR, at(45)));
    assert!(sight.is_covered(Duration::from_secs(60), at(45)));

    look(&mut sight, 46, Some(10));
    assert!((sight.coverage(HOUR, at(46)) - 50.0 / 60.0).abs() < 1e-9, "what was kept back came after all");

    let mut kept_back = Sight::new(Blindness::default(), &[Table::BusinessEvents]);
    look(&mut kept_back, 0, Some(0));
    look(&mut kept_back, 45, Some(1));
    assert!(kept_back.is_covered(HOUR, at(45)), "a backlog that comes at once is no gap");
}

#[test]
fn who_never_sent_is_not_missed() {
    let mut sight = sight(&[]);
    sight.look(&Sources::new(Vec::new()), None, None, at(0));
    sight.look(&Sources::new(Vec::new()), None, None, at(10_000));
    assert!(!sight.is_blind());
}
