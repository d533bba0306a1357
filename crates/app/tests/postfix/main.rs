//! The built program with a real Postfix: what it says afterwards must be what happened.

mod broken_connections;
mod replies;
mod world;
