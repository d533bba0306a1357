//! How bodies are written: short, and by hand.

mod reader;
mod writer;

pub(crate) use reader::{Garbled, Reader};
pub(crate) use writer::Writer;
