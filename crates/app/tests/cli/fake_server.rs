//! A server that answers what a test wants, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

pub struct FakeServer {
    url: String,
    asked: Arc<(Mutex<Vec<Value>>, Condvar)>,
}

impl FakeServer {
    /// Answers requests with these, one after the other.
    pub fn start(answers: Vec<(u16, Value)>) -> Self {
        let mut answers = answers.into_iter();
        Self::start_answering(move |_| answers.next().unwrap())
    }

    /// Answers each request's body with what `answer` makes of it. Ends with the test process.
    pub fn start_answering(mut answer: impl FnMut(&Value) -> (u16, Value) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let remembered = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // A connection without a request only looks whether somebody is there.
                let Some(body) = read_body(&stream) else { continue };
                let (status, json) = answer(&body);
                remembered.0.lock().unwrap().push(body);
                remembered.1.notify_all();
                let json = json.to_string();
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    json.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(json.as_bytes()));
            }
        });
        Self { url, asked }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bodies of all requests so far.
    pub fn bodies(&self) -> Vec<Value> {
        self.asked.0.lock().unwrap().clone()
    }

    /// Returns once so many requests have come.
    pub fn wait_for_requests(&self, count: usize) {
        let asked = self.asked.0.lock().unwrap();
        drop(self.asked.1.wait_while(asked, |asked| asked.len() < count).unwrap());
    }
}

fn read_body(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(serde_json::from_slice(&body).unwrap_or_default())
}
