//! The SES mailer, its account and its suppression list, against an endpoint in this process that follows a script.

#![expect(clippy::expect_used, reason = "the helpers of tests fail as tests do")]

mod account;
mod connections;
mod mirror;
mod outcomes;
mod scene;
mod secrets;
mod sending;
