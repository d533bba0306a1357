//! The program as its users run it: exit codes, streams, and what commands say with and without a server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod commands;
mod common;
mod cost;
mod dead_letters;
mod doctor;
mod erasing;
mod fake_server;
mod feedback;
mod finding_the_server;
mod keys;
mod privacy;
mod reloading;
mod sending;
mod ses;
mod stopping;
mod suppressions;
