//! The SMTP mailer against a server that follows a script.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod common;

mod authentication;
mod breakage;
mod configuration;
mod encryption;
mod pipelining;
mod pooling;
mod refusals;
mod sending;
mod stopping;
