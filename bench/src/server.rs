//! A real `postrider serve` process: started, killed, started again.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::http::Client;

/// How long a start may take: opening a ledger after a crash replays its log.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The program.
    pub binary: PathBuf,
    /// Its data directory; its log lies beside it.
    pub data_dir: PathBuf,
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Settings as environment variables.
    pub settings: Vec<(String, String)>,
}

impl Setup {
    /// A server on the data directory that sends by SMTP to `mail_server`, without TLS, and listens on any port.
    #[must_use]
    pub fn new(binary: &Path, data_dir: &Path, mail_server: SocketAddr) -> Self {
        let setup = Self {
            binary: binary.to_owned(),
            data_dir: data_dir.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            settings: Vec::new(),
        };
        setup
            .set("MAILER__KIND", "smtp")
            .set("MAILER__SMTP__HOST", &mail_server.ip().to_string())
            .set("MAILER__SMTP__PORT", &mail_server.port().to_string())
            .set("MAILER__SMTP__TLS", "none")
            .set("SENDER__FROM", "Shop <orders@shop.example.com>")
    }

    /// Adds a setting, named without its `POSTRIDER__` prefix; a later value replaces an earlier one.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let name = format!("POSTRIDER__{name}");
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Starts it and waits until it can be asked.
    ///
    /// # Errors
    /// If it cannot be run, ends by itself or is not there in time, with the end of its log.
    pub fn start(&self) -> Result<Server, Failure> {
        let mut server = self.spawn()?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn spawn(&self) -> Result<Server, Failure> {
        fs::create_dir_all(&self.data_dir)?;
        // The file of an earlier run would name a server that is gone.
        match fs::remove_file(self.data_dir.join("server.json")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let log_path = self.data_dir.with_extension("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path)?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--listen")
            .arg(self.listen.to_string())
            .arg("--data-dir")
            .arg(&self.data_dir)
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", self.binary.display()))?;
        Ok(Server { child, data_dir: self.data_dir.clone(), log_path, addr: None })
    }
}

/// A running server. Killed on drop.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data_dir: PathBuf,
    log_path: PathBuf,
    addr: Option<SocketAddr>,
}

impl Server {
    /// Waits until the server has written where it listens and answers there; bounded.
    ///
    /// # Errors
    /// If it ends by itself or is not there in time, with the end of its log.
    pub fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let alive = |addr| Client::new(addr).get("/healthz").is_ok_and(|answer| answer.status == 200);
            if let Some(addr) = self.announced().filter(|addr| alive(*addr)) {
                self.addr = Some(addr);
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(
                    format!("postrider ended with {status}; its log ends:\n{}", self.log_tail()).into()
                );
            }
            if Instant::now() >= deadline {
                let log = self.log_tail();
                return Err(format!(
                    "postrider was not ready within {START_TIMEOUT:?}; its log ends:\n{log}"
                )
                .into());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If it was never seen ready.
    pub fn addr(&self) -> Result<SocketAddr, Failure> {
        self.addr.ok_or_else(|| "the server was not waited for".into())
    }

    /// A client of it.
    ///
    /// # Errors
    /// If it was never seen ready.
    pub fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.addr()?))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, at once and whatever it does, and waits until it is gone.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// If the system refuses to say.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log_path).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn announced(&self) -> Option<SocketAddr> {
        let text = fs::read(self.data_dir.join("server.json")).ok()?;
        let server: serde_json::Value = serde_json::from_slice(&text).ok()?;
        let of_this_process = server["pid"].as_u64() == Some(u64::from(self.child.id()));
        let authority = server["url"].as_str()?.strip_prefix("http://")?;
        if of_this_process { authority.trim_end_matches('/').parse().ok() } else { None }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.kill();
    }
}

/// The `postrider` program of the same build as the running drill. Under `cargo run` it is built first, so that a drill
/// never hurts yesterday's program.
///
/// # Errors
/// If it cannot be built, or was not, with the command that builds it.
pub fn built_binary() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let binary = own.with_file_name("postrider");
    // Cargo tells the programs it runs where it is itself.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let is_release = own.parent().is_some_and(|directory| directory.ends_with("release"));
        let profile = if is_release { "release" } else { "dev" };
        let build = ["build", "--package", "postrider-app", "--bin", "postrider", "--profile", profile];
        let status = Command::new(cargo).args(build).status()?;
        if !status.success() {
            return Err(format!("postrider cannot be built: {status}").into());
        }
    }
    if binary.exists() {
        return Ok(binary);
    }
    Err(format!("{} does not exist; build it: cargo build --release -p postrider-app", binary.display())
        .into())
}
