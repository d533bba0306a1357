//! What a process of either home gets from where it runs: its settings, the clock,
//! randomness, and what the settings name: the mailer, the installation's secret.

pub mod config;
pub mod mailer;
pub mod secret;
pub mod system;
