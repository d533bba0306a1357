//! As much of Lambda's own API as a drill needs, over functions that really run: invoking, mappings, concurrency.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use postrider_testkit::emulator::lambda::{Function, Outcome};
use serde_json::{Value, json};

/// What Lambda knows.
#[derive(Default)]
struct Known {
    functions: BTreeMap<String, Arc<Function>>,
    disabled: BTreeSet<String>,
    concurrency: BTreeMap<String, u64>,
}

/// The service. Its thread ends with the process.
pub struct LambdaService {
    url: String,
    known: Arc<Mutex<Known>>,
}

impl LambdaService {
    /// A service without functions.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let known = Arc::new(Mutex::new(Known::default()));
        let shared = Arc::clone(&known);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &shared);
            }
        });
        Self { url, known }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on the function `name` is this one. Queues lead to `dispatch` and `feedback`.
    pub fn put(&self, name: &str, function: Function) {
        lock(&self.known).functions.insert(name.to_owned(), Arc::new(function));
    }

    /// What an update of the stack does to a function whose concurrency the template names.
    pub fn set_concurrency(&self, name: &str, reserved: u64) {
        lock(&self.known).concurrency.insert(name.to_owned(), reserved);
    }

    /// The function, if what triggers it is on: its mapping is enabled and its concurrency is not 0.
    pub fn running(&self, name: &str) -> Option<Arc<Function>> {
        let known = lock(&self.known);
        let is_on = !known.disabled.contains(name) && known.concurrency.get(name) != Some(&0);
        known.functions.get(name).filter(|_| is_on).cloned()
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, known: &Mutex<Known>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let mut words = line.split(' ');
    let (method, target) =
        (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut length = 0;
    loop {
        let mut field = String::new();
        if reader.read_line(&mut field).is_err() || field.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = field.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (status, answer) = answer(&method, &target, &body, known);
    let answer = answer.map_or_else(String::new, |answer| answer.to_string());
    let head = format!(
        "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    let _ = reader.get_mut().write_all(format!("{head}{answer}").as_bytes());
}

fn answer(method: &str, target: &str, body: &[u8], known: &Mutex<Known>) -> (u16, Option<Value>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let mapping = |name: &str, known: &Known| {
        let state = if known.disabled.contains(name) { "Disabled" } else { "Enabled" };
        // Ids have 36 characters.
        json!({ "UUID": format!("{name:->36}"), "State": state })
    };
    match (method, path.as_slice()) {
        ("POST", [_, "functions", name, "invocations"]) => {
            let function = lock(known).functions.get(bare(name)).cloned();
            match function.map(|function| function.invoke(&said)) {
                Some(Outcome::Answered(answer)) => (200, Some(answer)),
                other => (500, Some(json!({ "message": format!("{name}: {other:?}") }))),
            }
        }
        ("GET", [_, "event-source-mappings"]) => {
            let function =
                query.split('&').find_map(|pair| pair.strip_prefix("FunctionName=")).unwrap_or_default();
            let mapping = mapping(bare(&decoded(function)), &lock(known));
            (200, Some(json!({ "EventSourceMappings": [mapping] })))
        }
        ("GET", [_, "event-source-mappings", id]) => (200, Some(mapping(of_mapping(id), &lock(known)))),
        ("PUT", [_, "event-source-mappings", id]) => {
            let (name, mut known) = (of_mapping(id), lock(known));
            if said["Enabled"] == false {
                known.disabled.insert(name.to_owned());
            } else {
                known.disabled.remove(name);
            }
            (202, Some(mapping(name, &known)))
        }
        ("GET", [_, "functions", _, "configuration"]) => {
            (200, Some(json!({ "LoggingConfig": { "LogFormat": "JSON", "ApplicationLogLevel": "INFO" } })))
        }
        ("GET", [_, "functions", name, "concurrency"]) => {
            let reserved = lock(known).concurrency.get(*name).copied();
            let answer =
                reserved.map_or_else(|| json!({}), |count| json!({ "ReservedConcurrentExecutions": count }));
            (200, Some(answer))
        }
        ("PUT", [_, "functions", name, "concurrency"]) => {
            let count = said["ReservedConcurrentExecutions"].as_u64().unwrap();
            lock(known).concurrency.insert((*name).to_owned(), count);
            (200, Some(said))
        }
        ("DELETE", [_, "functions", name, "concurrency"]) => {
            lock(known).concurrency.remove(*name);
            (204, None)
        }
        _ => (404, Some(json!({ "message": format!("nobody taught this {method} {target}") }))),
    }
}

/// The function's name in an ARN, which an alias may follow.
fn bare(name: &str) -> &str {
    name.split_once(":function:").map_or(name, |(_, rest)| rest.split(':').next().unwrap_or(rest))
}

/// The function that a mapping's id names.
fn of_mapping(id: &str) -> &str {
    id.trim_start_matches('-')
}

fn decoded(text: &str) -> String {
    text.replace("%3A", ":").replace("%3a", ":")
}
