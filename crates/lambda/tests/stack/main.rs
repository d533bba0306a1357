//! The stack of `deploy/aws/postrider.yaml`, deployed into the emulator as an engineer deploys it into an account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod changing;
mod command;
mod command_line;
mod deploying;
mod end_to_end;
mod gateway;
mod installation;
mod least_privilege;
#[path = "../emulator/orders.rs"]
mod orders;
mod policy;
mod refusing;
mod resolver;
mod running;
mod smoke;
