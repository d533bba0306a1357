//! What a function writes to its log.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Lines kept, the first ones; all are counted.
const LINES_MAX: usize = 200_000;

#[derive(Debug, Default)]
struct Written {
    lines: Vec<String>,
    bytes: u64,
}

/// Standard output and standard error, line by line, of every program of a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Output(Arc<Mutex<Written>>);

impl Output {
    /// Reads a stream of a program to its end, in a thread of its own.
    pub fn read(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut written = output.written();
                written.bytes += line.len() as u64 + 1;
                if written.lines.len() < LINES_MAX {
                    written.lines.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
        })
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.written().lines.clone()
    }

    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.written().bytes
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
