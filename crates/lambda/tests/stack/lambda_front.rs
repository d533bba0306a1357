//! Lambda's own API as the emulator has it, and invocations besides: they run the function that an alias stands for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use postrider_testkit::emulator::lambda::{Function, Outcome};
use postrider_testkit::emulator::{Account, endpoint};
use serde_json::{Value, json};

use crate::running::Live;

/// Where it listens. Its thread ends with the process.
pub struct LambdaFront {
    url: String,
}

impl LambdaFront {
    /// In front of an account's Lambda.
    pub fn of(account: &Account) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut functions = Functions { account: account.clone(), processes: BTreeMap::new() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever has gone away hears nothing.
                let _ = serve(&stream, &mut functions);
            }
        });
        Self { url }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A process of each function as it was deployed.
struct Functions {
    account: Account,
    processes: BTreeMap<String, Function>,
}

impl Functions {
    fn invoke(&mut self, alias: &str, event: &Value) -> Outcome {
        let live = Live::of(&self.account, alias);
        // Another release is another function.
        let deployed = format!("{alias} {}", live.configuration["Environment"]);
        self.processes.entry(deployed).or_insert_with(|| live.start()).invoke(event)
    }
}

fn serve(stream: &TcpStream, functions: &mut Functions) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let (mut head, mut length) = (line.clone(), 0);
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field)? == 0 || field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
        if !name.eq_ignore_ascii_case("connection") {
            head += &field;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = line.split(' ').nth(1).unwrap_or_default();
    let Some(function) = path.strip_suffix("/invocations").and_then(|path| path.rsplit('/').next()) else {
        return pass_on(&head, &body, stream);
    };
    let event = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = match functions.invoke(&function.replace("%3A", ":"), &event) {
        Outcome::Answered(answer) => (200, answer),
        other => (500, json!({ "message": format!("{function}: {other:?}") })),
    };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let mut stream = stream;
    stream.write_all(format!("{head}{answer}").as_bytes())
}

fn pass_on(head: &str, body: &[u8], mut stream: &TcpStream) -> std::io::Result<()> {
    let mut emulator = TcpStream::connect(endpoint().trim_start_matches("http://"))?;
    emulator.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    emulator.write_all(body)?;
    std::io::copy(&mut emulator, &mut stream)?;
    Ok(())
}
