//! Messages of SNS and of those who pretend to be SNS.

#![expect(clippy::expect_used, reason = "the helpers of tests fail as tests do")]

mod authority;
mod certificates;
mod envelopes;
