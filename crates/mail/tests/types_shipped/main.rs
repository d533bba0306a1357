//! The shipped notification types as customers get them: every type, sample and locale, in programs that are not ours.

mod browser;
mod content;
mod every;
mod locales;
mod parsers;
mod postfix;
mod spam;
