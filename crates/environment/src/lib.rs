//! What a process of either home gets from where it runs: its settings, the clock, randomness.

pub mod config;
pub mod system;
