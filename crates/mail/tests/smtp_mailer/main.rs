//! The SMTP mailer against a server that follows a script.

mod common;

mod authentication;
mod breakage;
mod configuration;
mod encryption;
mod pipelining;
mod pooling;
mod refusals;
mod sending;
