//! How bodies are written: short, by hand, and by codes that never change their meaning.

pub(crate) mod codes;
mod reader;
mod writer;

pub(crate) use reader::{Garbled, Reader};
pub(crate) use writer::Writer;
