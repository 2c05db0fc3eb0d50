//! Servers as they stand in the world: behind TLS, and standbys.

use std::path::Path;

use plimsoll_model::SourceState;
use plimsoll_sources::{KindSettings, Settings, TlsMode};

use crate::harness::{Change, Odoo, Postgres, Reader, certificates_for, eventually, odoo_settings};

fn with_tls(mut settings: Settings, tls: TlsMode, ca: Option<&[u8]>) -> Settings {
    if let KindSettings::Odoo(config) = &mut settings.kind {
        config.server.tls = tls;
        config.server.ca = ca.map(<[u8]>::to_vec);
    }
    settings
}

async fn comes_to(settings: Settings, state: SourceState) -> Reader {
    let reader = Reader::start(settings);
    eventually("the source comes to its state", async || (reader.status().state == state).then_some(()))
        .await;
    reader
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_believed_as_far_as_the_mode_says() {
    let folder = tempfile::tempdir().expect("a folder");
    certificates_for(folder.path(), "IP:127.0.0.1");
    let postgres = Postgres::start_with_tls(folder.path()).await;
    let odoo = Odoo::create(&postgres, 18).await;
    odoo.let_in_the_reader(&postgres);
    let settings = || odoo_settings(&postgres, &odoo.database, "plimsoll");
    let (ca, other) = (read(folder.path(), "ca.pem"), read(folder.path(), "other.pem"));
    let admin = odoo.connect(&postgres).await;
    let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE s.ssl AND a.usename = 'plimsoll'";
    for (tls, ca) in [
        (TlsMode::Prefer, None),
        (TlsMode::Require, None),
        (TlsMode::Require, Some(&ca)),
        (TlsMode::VerifyFull, Some(&ca)),
    ] {
        let mut reader = comes_to(with_tls(settings(), tls, ca.map(Vec::as_slice)), SourceState::Ok).await;
        let sessions: i64 = admin.query_one(encrypted, &[]).await.expect("a count").get(0);
        assert_eq!(sessions, 1, "{tls:?} is encrypted");
        reader.stop().await;
        eventually("its session is gone", async || {
            (admin.query_one(encrypted, &[]).await.expect("a count").get::<_, i64>(0) == 0).then_some(())
        })
        .await;
    }
    for (tls, ca) in [(TlsMode::Require, &other), (TlsMode::VerifyFull, &other)] {
        let reader = comes_to(with_tls(settings(), tls, Some(ca)), SourceState::Failing).await;
        let error = reader.status().last_error.expect("a reason");
        assert!(error.contains("certificate"), "{tls:?}: {error}");
    }
    let mut elsewhere = with_tls(settings(), TlsMode::VerifyFull, Some(&ca));
    if let KindSettings::Odoo(config) = &mut elsewhere.kind {
        config.server.host = "localhost".into();
    }
    let reader = comes_to(elsewhere, SourceState::Failing).await;
    assert!(
        reader.status().last_error.is_some_and(|error| error.contains("not valid for name")),
        "{:?}",
        reader.status()
    );
    comes_to(with_tls(settings(), TlsMode::Disable, None), SourceState::Ok).await;
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).expect("a certificate")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_tells_what_its_primary_did() {
    let postgres = Postgres::start().await;
    let odoo = Odoo::create(&postgres, 18).await;
    odoo.let_in_the_reader(&postgres);
    let standby = postgres.standby().await;
    let reader = Reader::start(odoo_settings(&standby, &odoo.database, "plimsoll"));
    eventually("the reader is well", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    let (mut idle, mut client) = (odoo.connect(&postgres).await, odoo.connect(&postgres).await);
    let held = idle.transaction().await.expect("begun");
    let first = odoo.quote(&held, "S1").await;
    odoo.change(&held, Change { model: "sale.order", id: first, old: "draft", new: "sale" }).await;
    let work = client.transaction().await.expect("begun");
    let second = odoo.quote(&work, "S2").await;
    odoo.change(&work, Change { model: "sale.order", id: second, old: "draft", new: "sale" }).await;
    work.commit().await.expect("committed");
    let told = || reader.door.events("odoo.sale.order.confirmed").len();
    eventually("the order is told", async || (told() == 1).then_some(())).await;
    held.commit().await.expect("committed");
    eventually("so is the one that was written before and committed after", async || {
        (told() == 2).then_some(())
    })
    .await;
    assert_eq!(reader.status().state, SourceState::Ok);
}
