//! The Runtime API of one function: where its program asks for invocations and leaves what became of them.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::connection::{Connection, Request};

const PREFIX: &str = "/2018-06-01/runtime/";

/// What the program said about an invocation.
#[derive(Clone, Debug)]
pub(super) enum Report {
    /// It returned this. Not always JSON.
    Response(Vec<u8>),
    /// It failed, with `errorType` and `errorMessage`.
    Error(Value),
}

/// An invocation for the program to fetch.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub request_id: String,
    pub trace_id: String,
    pub arn: String,
    pub event: Vec<u8>,
    /// How long the program may take from when it fetches it.
    pub timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the programs. What an earlier one still asks is not for it.
    generation: u64,
    waiting: Option<Invocation>,
    /// Whose invocation runs, and since when.
    running: Option<(String, Instant)>,
    report: Option<(Report, Instant)>,
    init_error: Option<Value>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server. Ends on drop.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// How far the program has come, seen from outside.
#[derive(Debug)]
pub(super) enum Progress {
    /// It has not fetched the invocation.
    Waiting,
    /// It fetched it then.
    RunningSince(Instant),
    /// It has said what became of it, then.
    Reported(Report, Instant),
    /// It could not start, with `errorType` and `errorMessage`.
    InitError(Value),
}

impl RuntimeApi {
    /// Listens on a free port of this machine.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let of_server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_server.state().is_closed {
                    break;
                }
                let shared = Arc::clone(&of_server);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Ok(Self { address, shared })
    }

    /// `host:port`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins with a new program: nothing of the one before counts any more.
    pub fn begin_generation(&self) {
        let mut state = self.shared.state();
        *state = State { generation: state.generation + 1, ..State::default() };
        self.shared.changed.notify_all();
    }

    /// Offers an invocation.
    pub fn offer(&self, invocation: Invocation) {
        let mut state = self.shared.state();
        state.report = None;
        state.running = None;
        state.waiting = Some(invocation);
        self.shared.changed.notify_all();
    }

    /// How far it has come; waits up to `patience` for a report.
    pub fn progress(&self, patience: Duration) -> Progress {
        let state = self.shared.state();
        let is_over = |state: &mut State| state.report.is_none() && state.init_error.is_none();
        let waited = self.shared.changed.wait_timeout_while(state, patience, is_over);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some((report, at)) = state.report.take() {
            return Progress::Reported(report, at);
        }
        if let Some(error) = state.init_error.take() {
            return Progress::InitError(error);
        }
        state.running.as_ref().map_or(Progress::Waiting, |(_, since)| Progress::RunningSince(*since))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts; where that fails it ends with the process.
        let _ = TcpStream::connect(self.address);
    }
}

/// Serves a connection until the program closes it or is gone.
fn serve(stream: TcpStream, shared: &Shared) {
    let Ok(mut connection) = Connection::new(stream) else { return };
    while let Ok(Some(request)) = connection.next() {
        if !answer(&mut connection, &request, shared).unwrap_or(false) {
            break;
        }
    }
}

/// Answers one request. Says whether the connection goes on.
fn answer(connection: &mut Connection, request: &Request, shared: &Shared) -> io::Result<bool> {
    let accepted = b"{\"status\":\"OK\"}".as_slice();
    let path: Vec<&str> = request.path.strip_prefix(PREFIX).unwrap_or_default().split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["invocation", "next"]) => return next(connection, shared),
        ("POST", ["init", "error"]) => {
            shared.state().init_error = Some(serde_json::from_slice(&request.body).unwrap_or_default());
            shared.changed.notify_all();
            connection.answer("202 Accepted", &[], accepted)?;
        }
        ("POST", ["invocation", id, kind @ ("response" | "error")]) => {
            let report = match *kind {
                "response" => Report::Response(request.body.clone()),
                _ => Report::Error(serde_json::from_slice(&request.body).unwrap_or_default()),
            };
            let at = Instant::now();
            let is_known = take_report(shared, id, report, at);
            let status = if is_known { "202 Accepted" } else { "400 Bad Request" };
            connection.answer(
                status,
                &[],
                if is_known { accepted } else { b"{\"errorType\":\"InvalidRequestID\"}" },
            )?;
        }
        _ => connection.answer("404 Not Found", &[], b"{}")?,
    }
    Ok(true)
}

fn take_report(shared: &Shared, id: &str, report: Report, at: Instant) -> bool {
    let mut state = shared.state();
    let is_known = state.running.as_ref().is_some_and(|(running, _)| running == id);
    if is_known {
        state.running = None;
        state.report = Some((report, at));
        shared.changed.notify_all();
    }
    is_known
}

/// Waits for an invocation, as long as the program that asks is the one that runs.
fn next(connection: &mut Connection, shared: &Shared) -> io::Result<bool> {
    let invocation = {
        let state = shared.state();
        let generation = state.generation;
        let nothing =
            |state: &mut State| state.waiting.is_none() && state.generation == generation && !state.is_closed;
        let mut state = shared.changed.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation || state.is_closed {
            return Ok(false);
        }
        let Some(invocation) = state.waiting.take() else { return Ok(false) };
        state.running = Some((invocation.request_id.clone(), Instant::now()));
        invocation
    };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline_ms(invocation.timeout).to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.arn),
        ("lambda-runtime-trace-id", invocation.trace_id),
    ];
    connection.answer("200 OK", &headers, &invocation.event)?;
    Ok(true)
}

/// When the invocation must be over, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the function compares it with the clock of the same machine")]
fn deadline_ms(timeout: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + timeout).as_millis()
}
