//! A PostgreSQL of a test's own, on loopback, gone with the test. The folder that `initdb` makes is made once.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use super::eventually;

const CURE: &str = "`make test` installs what these tests need: the Debian package postgresql";

/// Fast, and still a server that behaves like any other.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=60",
    "shared_preload_libraries=pg_stat_statements",
    "pg_stat_statements.track=all",
    "autovacuum=off",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "track_io_timing=on",
];

#[derive(Debug)]
pub(crate) struct Postgres {
    folder: TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
    extra: Vec<String>,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(extra: &[&str]) -> Self {
        let folder = copied();
        give_to_postgres(folder.path());
        let extra = extra.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { folder, port: free_port(), child: None, extra };
        server.resume().await;
        server
    }

    /// With the certificate `server.pem` of a folder and its key.
    pub(crate) async fn start_with_tls(certificates: &Path) -> Self {
        let folder = copied();
        for name in ["server.pem", "server.key"] {
            std::fs::copy(certificates.join(name), folder.path().join(name)).expect("copied");
        }
        run(Command::new("chmod").arg("600").arg(folder.path().join("server.key")));
        give_to_postgres(folder.path());
        let place = folder.path().display();
        let extra = [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={place}/server.pem"),
            format!("ssl_key_file={place}/server.key"),
        ];
        let mut server = Self { folder, port: free_port(), child: None, extra: extra.into() };
        server.resume().await;
        server
    }

    /// Another server that follows this one.
    pub(crate) async fn standby(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        give_to_postgres(folder.path());
        let mut copy = as_postgres(&program("pg_basebackup"));
        let port = self.port.to_string();
        copy.args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "--checkpoint=fast",
            "--no-sync",
            "-R",
            "-D",
        ]);
        run(copy.arg(folder.path().join("data")));
        let mut server = Self { folder, port: free_port(), child: None, extra: Vec::new() };
        server.resume().await;
        server
    }

    /// Starts it on what it left, and waits until it answers.
    pub(crate) async fn resume(&mut self) {
        let mut command = as_postgres(&program("postgres"));
        command.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port.to_string()]);
        for setting in SETTINGS.iter().copied().chain(self.extra.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log file");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("postgres: {error}; {CURE}")));
        eventually("PostgreSQL answers", async || self.try_connect("postgres", "postgres").await).await;
    }

    /// At once, as a crash would.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        run(Command::new("kill").args(["-QUIT", &child.id().to_string()]));
        child.wait().expect("a killed server ends");
    }

    pub(crate) async fn connect(&self, database: &str) -> Client {
        self.connect_as("postgres", database).await
    }

    pub(crate) async fn connect_as(&self, user: &str, database: &str) -> Client {
        self.try_connect(user, database).await.expect("the server answers")
    }

    async fn try_connect(&self, user: &str, database: &str) -> Option<Client> {
        let address = format!("host=127.0.0.1 port={} user={user} dbname={database}", self.port);
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    /// A script with the server's own psql, as a person would run it.
    pub(crate) fn psql(&self, database: &str, script: &Path) {
        let port = self.port.to_string();
        let mut psql = Command::new(program("psql"));
        psql.args(["-X", "-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", database]);
        run(psql.args(["-v", "ON_ERROR_STOP=1", "-f"]).arg(script).stdout(Stdio::null()));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn copied() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    run(Command::new("cp").arg("-r").arg(template()).arg(folder.path().join("data")));
    folder
}

fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let folder = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        give_to_postgres(folder.path());
        let mut initdb = as_postgres(&program("initdb"));
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]);
        run(initdb.arg(folder.path().join("data")).stdout(Stdio::null()));
        folder
    });
    Box::leak(Box::new(folder.path().join("data")))
}

/// The newest of those that Debian keeps beside each other.
fn program(name: &str) -> PathBuf {
    let found = glob::glob(&format!("/usr/lib/postgresql/*/bin/{name}")).expect("a pattern");
    found.flatten().max().unwrap_or_else(|| panic!("{name} is missing: {CURE}"))
}

/// It refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn give_to_postgres(folder: &Path) {
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder));
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {CURE}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Below the range of ports that the kernel hands out; another process may still be faster, and the test says so.
pub(crate) fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 9_000).expect("small");
    for _ in 0..9_000 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Relaxed)) % 9_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}
