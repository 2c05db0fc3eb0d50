//! A real Redis: its numbers, its slow log, a failover, a password.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plimsoll_model::{SourceState, TenantName};
use plimsoll_sources::{KindSettings, Password, RedisConfig, Settings};
use tempfile::TempDir;

use crate::harness::{Reader, eventually, free_port};

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
