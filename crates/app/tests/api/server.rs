//! A server of one test: ledger, types, mailers and engine as `serve` puts them together, on a port of its own.

use std::path::PathBuf;

use postrider_app::runtime;
use postrider_environment::config::{RawSettings, Settings};
pub use postrider_testkit::api::{Answer, event, order};
use postrider_testkit::api::{Home, Server, variables};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub type TestServer = Server<Serve>;

pub struct Serve {
    server: Option<runtime::Server>,
    authority: String,
    settings: Settings,
    directory: TempDir,
}

impl Home for Serve {
    const ACCEPTED: &str = "queued";
    type StartError = runtime::StartError;

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut raw = RawSettings::default();
        raw.set("server.listen", "127.0.0.1:0".into(), "listen").unwrap();
        raw.set("server.data_dir", data_dir(&directory).to_str().unwrap().into(), "data_dir").unwrap();
        raw.read_environment(variables(settings)).unwrap();
        let settings = Settings::check(&raw).unwrap();
        let mut home = Self { server: None, authority: String::new(), settings, directory };
        home.try_start().await.unwrap();
        home
    }

    /// As SIGTERM does.
    async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    async fn try_start(&mut self) -> Result<(), runtime::StartError> {
        let server = runtime::Server::start(&self.settings).await?;
        self.authority = server.address.to_string();
        self.server = Some(server);
        Ok(())
    }

    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.authority);
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request.push_str("content-type: application/json\r\n");
            }
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(&self.authority).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses a body by its announced length may close before it has all been written.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let split = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut bytes = answer.split_off(split + 4);
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            bytes = unchunk(&bytes);
        }
        Answer { status, head, bytes }
    }

    async fn turn(&self) {
        tokio::task::yield_now().await;
    }

    fn data_dir(&self) -> PathBuf {
        data_dir(&self.directory)
    }
}

fn data_dir(directory: &TempDir) -> PathBuf {
    directory.path().join("data")
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    body
}
