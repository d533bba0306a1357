//! What comes back by mail, from whatever server and in whatever state.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its stage must fail")]

mod corpus;
mod hostile;
mod meaning;
mod standards;
