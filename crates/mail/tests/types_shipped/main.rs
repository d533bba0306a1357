//! The shipped notification types as customers get them: every type, sample and locale, in programs that are not ours.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod browser;
mod content;
mod every;
mod locales;
mod parsers;
mod postfix;
mod spam;
