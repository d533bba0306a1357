//! A receiver written by others in another language: Python, and the library of the people behind Standard Webhooks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// Says where the Python is that has the library.
const PYTHON_VARIABLE: &str = "POSTRIDER_TEST_PYTHON";
/// How long anything may take before a test gives up; far more than it needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running receiver. Killed on drop.
pub struct Peer {
    process: Child,
    said: mpsc::Receiver<Value>,
    address: SocketAddr,
}

impl Peer {
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhook_peer/receiver.py");
        let mut process = Command::new(python())
            .args(["-u", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (lines, said) = mpsc::channel();
        // Ends with the process.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = lines.send(serde_json::from_str(&line).unwrap());
            }
        });
        let mut peer = Self { process, said, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let port = peer.next()["port"].as_u64().unwrap();
        peer.address.set_port(u16::try_from(port).unwrap());
        peer
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks/postrider", self.address)
    }

    /// What it says next: one call.
    pub fn next(&self) -> Value {
        self.said.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("the receiver said nothing: {error}"))
    }

    /// What it verifies calls with from now on.
    pub fn trust(&self, secret: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("PUT /secret HTTP/1.0\r\ncontent-length: {}\r\n\r\n{secret}", secret.len());
        stream.write_all(request.as_bytes()).unwrap();
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).unwrap();
        assert!(status.contains(" 204 "), "{status}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Nothing can be reported from here; a process that stays behind is the worst that follows.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn python() -> PathBuf {
    let python = std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from).filter(|path| path.exists());
    python.unwrap_or_else(|| {
        panic!(
            "this test needs a Python with the library `standardwebhooks`, and {PYTHON_VARIABLE} does not say where it \
             is: run `scripts/test`, which makes one, or leave these tests out with `cargo test -- --skip python`"
        )
    })
}
