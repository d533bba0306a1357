//! The stack of `deploy/aws/postrider.yaml`, deployed into the emulator as an engineer deploys it into an account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod changing;
mod deploying;
mod installation;
mod refusing;
mod resolver;
