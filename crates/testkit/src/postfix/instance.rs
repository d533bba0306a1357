//! A private Postfix, from start to stop.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::config::{Layout, LocalDomain, RECIPIENT_REPLIES, main_cf, master_cf};
use super::port::reserved_addr;

/// Debian's place for the command.
const POSTFIX: &str = "/usr/sbin/postfix";
/// How long a start may take on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a port that somebody else took meanwhile is replaced by another.
const PORT_ATTEMPTS_MAX: usize = 5;
/// How long one look at the port may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

static INSTANCES: AtomicU32 = AtomicU32::new(0);

/// Why there is no Postfix.
#[derive(Debug)]
pub enum PostfixError {
    /// The package is missing.
    NotInstalled,
    /// A file could not be written or a command not be run.
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it did not work.
        source: io::Error,
    },
    /// It did not come up, with the end of its log.
    NotStarted {
        /// What was seen.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
}

impl std::fmt::Display for PostfixError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled => write!(
                f,
                "{POSTFIX} is not installed, and this test needs a real Postfix: run `apt-get install postfix` \
                 (Debian), or leave these tests out with `cargo test -- --skip postfix`"
            ),
            Self::Io { doing, source } => write!(f, "cannot set up a private Postfix: {doing}: {source}"),
            Self::NotStarted { reason, log } => {
                write!(f, "Postfix did not start: {reason}; its log ends:\n{log}")
            }
        }
    }
}

impl std::error::Error for PostfixError {}

/// Names the step that failed.
fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> PostfixError {
    move |source| PostfixError::Io { doing, source }
}

/// A running Postfix of one's own: queue, configuration and log in a temporary directory, a free loopback port,
/// everything relayed to one address. Needs the rights of root, as Postfix does. Stopped and removed on drop.
///
/// A recipient chooses how it is refused: mail to `refuse-451-4.3.0@example.com` is answered `451 4.3.0`.
#[derive(Debug)]
pub struct Postfix {
    directory: TempDir,
    host_name: String,
    listen: SocketAddr,
    relay_to: SocketAddr,
    local: Option<LocalDomain>,
    master: Option<Child>,
}

impl Postfix {
    /// Starts one that relays everything to `relay_to`, and waits until it greets.
    ///
    /// # Errors
    /// [`PostfixError`], which says what to do when the package is missing.
    pub fn start(relay_to: SocketAddr) -> Result<Self, PostfixError> {
        Self::build(relay_to, None)
    }

    /// The same, with a domain of its own whose users it does not have: it takes mail for them and returns it.
    ///
    /// # Errors
    /// As [`Postfix::start`].
    pub fn start_with_local_domain(relay_to: SocketAddr, local: LocalDomain) -> Result<Self, PostfixError> {
        Self::build(relay_to, Some(local))
    }

    fn build(relay_to: SocketAddr, local: Option<LocalDomain>) -> Result<Self, PostfixError> {
        if !Path::new(POSTFIX).exists() {
            return Err(PostfixError::NotInstalled);
        }
        let directory = tempfile::Builder::new()
            .prefix("postrider-postfix-")
            .tempdir()
            .map_err(doing("making its directory"))?;
        let number = INSTANCES.fetch_add(1, Ordering::Relaxed);
        let host_name = format!("pf-{}-{number}.postrider.test", std::process::id());
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut postfix = Self { directory, host_name, listen, relay_to, local, master: None };
        postfix.prepare()?;
        let mut attempt = 1;
        loop {
            postfix.listen = reserved_addr().map_err(doing("looking for a free port"))?;
            match postfix.start_again() {
                Ok(()) => return Ok(postfix),
                // Between finding the port and binding it somebody else may have taken it.
                Err(PostfixError::NotStarted { .. }) if attempt < PORT_ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it takes mail.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listen
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("mail.log")).unwrap_or_default()
    }

    /// Stops it as an administrator would; its port is closed afterwards, its queue stays.
    ///
    /// # Errors
    /// [`PostfixError::Io`] if the command cannot be run.
    pub fn stop(&mut self) -> Result<(), PostfixError> {
        let Some(mut master) = self.master.take() else { return Ok(()) };
        let stopped = self.command("stop").status().map_err(doing("running `postfix stop`"));
        if stopped.is_err() {
            master.kill().map_err(doing("killing its master process"))?;
        }
        master.wait().map_err(doing("waiting for its master process"))?;
        Ok(())
    }

    /// Starts it again on the same port with the same queue, after [`Postfix::stop`].
    ///
    /// # Errors
    /// [`PostfixError::NotStarted`] if the port is taken or it does not greet in time.
    pub fn start_again(&mut self) -> Result<(), PostfixError> {
        let master_cf_path = self.config_directory().join("master.cf");
        fs::write(master_cf_path, master_cf(self.listen)).map_err(doing("writing master.cf"))?;
        // In the foreground the master process is our child: it is seen when it ends, and nobody else's is touched.
        let master = self.command("start-fg").spawn().map_err(doing("running `postfix start-fg`"))?;
        self.master = Some(master);
        let started = self.wait_until_it_greets();
        if started.is_err() {
            self.stop()?;
        }
        started
    }

    fn prepare(&self) -> Result<(), PostfixError> {
        let root = self.directory.path();
        // The mail system's own user must be able to reach its queue.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))
            .map_err(doing("opening its directory"))?;
        for name in ["config", "queue", "data"] {
            let path = root.join(name);
            fs::create_dir(&path).map_err(doing("making its directories"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(doing("opening its directories"))?;
        }
        let uid = mail_owner().map_err(doing("looking up the user `postfix`"))?;
        chown(root.join("data"), Some(uid), None).map_err(doing("giving it its data directory"))?;
        let layout =
            Layout { root, host_name: &self.host_name, relay_to: self.relay_to, local: self.local.as_ref() };
        let config = self.config_directory();
        fs::write(config.join("main.cf"), main_cf(&layout)).map_err(doing("writing main.cf"))?;
        fs::write(config.join("recipient_replies"), RECIPIENT_REPLIES)
            .map_err(doing("writing recipient_replies"))
    }

    fn config_directory(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    fn command(&self, action: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(POSTFIX);
        command.arg("-c").arg(self.config_directory()).arg(action);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn wait_until_it_greets(&mut self) -> Result<(), PostfixError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if greeting(self.listen).is_ok_and(|line| line.contains(&self.host_name)) {
                return Ok(());
            }
            let ended = match &mut self.master {
                Some(master) => master.try_wait().map_err(doing("watching its master process"))?,
                None => None,
            };
            if let Some(status) = ended {
                return Err(self.not_started(format!("its master process ended with {status}")));
            }
            if Instant::now() >= deadline {
                return Err(self.not_started(format!("no greeting within {START_TIMEOUT:?}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn not_started(&self, reason: String) -> PostfixError {
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        PostfixError::NotStarted { reason, log: tail.into_iter().rev().collect::<Vec<_>>().join("\n") }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // Nothing can be reported from here; a directory that stays behind is the worst that follows.
        let _ = self.stop();
    }
}

fn greeting(server: SocketAddr) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&server, GREETING_TIMEOUT)?;
    stream.set_read_timeout(Some(GREETING_TIMEOUT))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// The numeric id of the user `postfix`, which the package creates.
fn mail_owner() -> io::Result<u32> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    passwd
        .lines()
        .find_map(|line| line.strip_prefix("postfix:")?.split(':').nth(1)?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such user in /etc/passwd"))
}
