//! A private Exim, from start to stop.
//!
//! Debian lets only one mail server be installed, and that is Postfix here. Exim is unpacked beside it by
//! `scripts/test`, which says where in `POSTRIDER_TEST_EXIM`.

use std::fs;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::postfix::reserved_addr;

/// Says where the program is.
const PROGRAM_VARIABLE: &str = "POSTRIDER_TEST_EXIM";
/// The user that Debian's Exim insists on.
const USER: &str = "Debian-exim";
/// How long a start may take on a machine that is busy with other tests.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running Exim of one's own that takes any mail, has no user, and sends what it returns to one address. Needs the
/// rights of root, as Exim does. Stopped and removed on drop.
#[derive(Debug)]
pub struct Exim {
    directory: TempDir,
    listen: SocketAddr,
    daemon: Child,
}

impl Exim {
    /// Starts one for which `local_domain` is its own, without any user, and which hands mail to `bounce_domain` to
    /// the server at `bounces_to`. Waits until it greets.
    ///
    /// # Errors
    /// What is in the way, in words that say what to do.
    pub fn start(local_domain: &str, bounce_domain: &str, bounces_to: SocketAddr) -> io::Result<Self> {
        let program = std::env::var_os(PROGRAM_VARIABLE).map(PathBuf::from).filter(|path| path.exists());
        let Some(program) = program else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "this test needs a real Exim, and {PROGRAM_VARIABLE} does not say where it is: run `scripts/test`, \
                     which unpacks it, or leave these tests out with `cargo test -- --skip exim`"
                ),
            ));
        };
        let directory = tempfile::Builder::new().prefix("postrider-exim-").tempdir()?;
        let root = directory.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        // It starts itself again for every delivery, as a user who may not look into the cache.
        let own = root.join("exim4");
        fs::copy(program, &own)?;
        let (uid, gid) = user_ids()?;
        for name in ["spool", "log"] {
            fs::create_dir(root.join(name))?;
            chown(root.join(name), Some(uid), Some(gid))?;
        }
        let listen = reserved_addr()?;
        let config = root.join("exim.conf");
        fs::write(&config, configuration(root, listen, local_domain, bounce_domain, bounces_to))?;
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644))?;
        let daemon = Command::new(&own)
            .arg("-C")
            .arg(&config)
            .args(["-bdf", "-q1m"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut exim = Self { directory, listen, daemon };
        exim.wait_until_it_greets()?;
        Ok(exim)
    }

    /// Where it takes mail.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.listen
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log/mainlog")).unwrap_or_default()
    }

    fn wait_until_it_greets(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if greets(self.listen).unwrap_or(false) {
                return Ok(());
            }
            let ended = self.daemon.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                let words = format!("Exim did not start ({ended:?}); its log:\n{}", self.log());
                return Err(io::Error::other(words));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        // Nothing can be reported from here; a process that stays behind is the worst that follows.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn greets(server: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut code = [0; 3];
    stream.read_exact(&mut code)?;
    Ok(&code == b"220")
}

fn user_ids() -> io::Result<(u32, u32)> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let ids = passwd.lines().find_map(|line| {
        let mut fields = line.strip_prefix(USER)?.strip_prefix(':')?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    let missing = || {
        io::Error::new(io::ErrorKind::NotFound, format!("there is no user {USER}; `scripts/test` makes it"))
    };
    ids.ok_or_else(missing)
}

/// Loopback only, no DNS; the local domain has no router, so that every one of its addresses bounces.
fn configuration(
    root: &Path,
    listen: SocketAddr,
    local_domain: &str,
    bounce_domain: &str,
    bounces_to: SocketAddr,
) -> String {
    let root = root.display();
    let (address, port) = (listen.ip(), listen.port());
    let (bounces_host, bounces_port) = (bounces_to.ip(), bounces_to.port());
    format!(
        "exim_path = {root}/exim4
exim_user = {USER}
exim_group = {USER}
never_users =
primary_hostname = exim.postrider.test
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/exim.pid
daemon_smtp_ports = {port}
local_interfaces = {address}
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = accept domains = {local_domain}
acl_smtp_data = accept
begin routers
bounces:
  driver = manualroute
  domains = {bounce_domain}
  transport = to_listener
  route_list = * {bounces_host}
  self = send
  no_more
begin transports
to_listener:
  driver = smtp
  port = {bounces_port}
  allow_localhost
  hosts_try_dane =
  hosts_avoid_tls = *
"
    )
}
