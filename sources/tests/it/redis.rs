//! A real Redis: its numbers, its slow log, a failover, a password.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, Password, RedisConfig, Settings, TlsMode};
use tempfile::TempDir;

use crate::harness::{Reader, certificates_for, eventually, free_port};

struct Redis {
    folder: TempDir,
    port: u16,
    child: Child,
}

impl Redis {
    async fn start(arguments: &[&str]) -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let child = spawn(folder.path(), port, arguments);
        let redis = Self { folder, port, child };
        eventually("Redis answers", async || std::net::TcpStream::connect(("127.0.0.1", port)).ok()).await;
        redis
    }

    fn ask(&self, command: &[&str]) {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(command).output().expect("redis-cli");
        assert!(output.status.success(), "{command:?}");
    }

    async fn restart(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        self.child = spawn(self.folder.path(), self.port, &[]);
    }
}

fn spawn(folder: &Path, port: u16, arguments: &[&str]) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder)
        .args(arguments);
    command.stdout(Stdio::null()).spawn().expect("redis-server: `make test` installs it")
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn settings(port: u16, password: Option<&str>) -> Settings {
    let config = RedisConfig {
        host: "127.0.0.1".into(),
        port,
        user: None,
        password: password.map(|password| Password::new(password.to_owned())),
        tls: TlsMode::Disable,
        ca: None,
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(5),
    };
    Settings { name: "redis-main".into(), tenant: TenantName::default(), kind: KindSettings::Redis(config) }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_slow_commands_and_failovers_of_a_redis_are_told() {
    let mut redis = Redis::start(&["--maxmemory", "100mb", "--slowlog-log-slower-than", "0"]).await;
    let mut reader = Reader::start(settings(redis.port, None));
    eventually("it is well", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    redis.ask(&["SET", "session:secret-of-a-user", "1"]);
    eventually("its keys are counted", async || {
        (reader.door.level("redis.db.keys", &[("db", "0")]) == Some(1.0)).then_some(())
    })
    .await;
    assert_eq!(reader.door.level("redis.maxmemory", &[]), Some(104_857_600.0));
    assert_eq!(reader.door.level("redis.role", &[("role", "master")]), Some(1.0));
    for name in [
        "redis.memory.used",
        "redis.clients.connected",
        "redis.keys.evicted",
        "redis.cpu.time",
        "redis.uptime",
    ] {
        assert!(!reader.door.points(name).is_empty(), "{name}");
    }
    let slow = eventually("slow commands", async || {
        reader.door.records().into_iter().find(|record| record.get("db.operation.name") == "SET")
    })
    .await;
    assert_eq!(slow.name, "redis.slow_command");
    assert!(!format!("{:?}", reader.door.records()).contains("secret-of-a-user"), "arguments are left out");

    // An entry is told once, also by a reader that was started again.
    reader.stop().await;
    let told = reader.door.records().iter().filter(|record| record.get("db.operation.name") == "SET").count();
    reader.resume();
    eventually("it looked again", async || (reader.looks() > 3).then_some(())).await;
    assert_eq!(
        reader.door.records().iter().filter(|record| record.get("db.operation.name") == "SET").count(),
        told
    );

    redis.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    eventually("the failover", async || {
        reader.door.records().into_iter().find(|record| record.name == "redis.role_changed")
    })
    .await;
    eventually("a replica without its master is late", async || {
        (reader.status().state == SourceState::Late).then_some(())
    })
    .await;
    redis.restart().await;
    eventually("it is well again", async || (reader.status().state == SourceState::Ok).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_with_a_password_wants_it() {
    let redis = Redis::start(&["--requirepass", "s3cret"]).await;
    let reader = Reader::start(settings(redis.port, Some("s3cret")));
    eventually("it is let in", async || (reader.status().state == SourceState::Ok).then_some(())).await;
    let stranger = Reader::start(settings(redis.port, None));
    eventually("it is not", async || (stranger.status().state == SourceState::Failing).then_some(())).await;
    assert!(stranger.status().last_error.expect("a reason").contains("NOAUTH"));
}

/// As `rediss://`: the plain port is closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_behind_tls_is_believed_as_far_as_the_mode_says() {
    let certificates = tempfile::tempdir().expect("a folder");
    certificates_for(certificates.path(), "IP:127.0.0.1");
    let file = |name: &str| certificates.path().join(name).to_string_lossy().into_owned();
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let [secure, cert, key, ca] = [port.to_string(), file("server.pem"), file("server.key"), file("ca.pem")];
    let arguments =
        ["--tls-port", &secure, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let child = spawn(folder.path(), 0, &[&arguments[..], &["--tls-auth-clients", "no"]].concat());
    let _redis = Redis { folder, port, child };
    let authority = std::fs::read(&ca).expect("a certificate");
    let secured = |host: &str, tls: TlsMode, ca: Option<Vec<u8>>| {
        let mut settings = settings(port, None);
        if let KindSettings::Redis(config) = &mut settings.kind {
            host.clone_into(&mut config.host);
            (config.tls, config.ca) = (tls, ca);
        }
        settings
    };
    for (tls, ca) in [
        (TlsMode::Require, None),
        (TlsMode::Require, Some(authority.clone())),
        (TlsMode::VerifyFull, Some(authority.clone())),
    ] {
        let reader = Reader::start(secured("127.0.0.1", tls, ca));
        eventually(&format!("{tls:?}"), async || (reader.status().state == SourceState::Ok).then_some(()))
            .await;
    }
    let other = std::fs::read(file("other.pem")).expect("a certificate");
    for (host, tls, ca, told) in [
        ("127.0.0.1", TlsMode::Require, Some(other.clone()), "certificate"),
        ("127.0.0.1", TlsMode::VerifyFull, Some(other), "certificate"),
        ("localhost", TlsMode::VerifyFull, Some(authority), "not valid for name"),
        ("127.0.0.1", TlsMode::Disable, None, "INFO"),
    ] {
        let reader = Reader::start(secured(host, tls, ca));
        let error = eventually(told, async || reader.status().last_error).await;
        assert_eq!(reader.status().state, SourceState::Failing);
        assert!(error.contains(told), "{host} {tls:?}: {error}");
    }
}
