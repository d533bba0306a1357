//! The stack of `deploy/aws/postrider.yaml`, deployed into the emulator as an engineer deploys it into an account.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod changing;
mod command;
mod command_line;
mod deploying;
mod drill;
mod end_to_end;
mod gateway;
mod installation;
mod lambda_front;
mod least_privilege;
mod of_aws;
#[path = "../emulator/orders.rs"]
mod orders;
mod policy;
mod policy_mutants;
mod recovering;
mod refusing;
mod resolver;
mod resource_policies;
mod running;
mod smoke;
