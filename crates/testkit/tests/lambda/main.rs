//! Functions run as AWS's documentation says that Lambda runs them.

mod event_source;
mod function;

use std::path::Path;

use postrider_testkit::emulator::lambda::Setup;
use postrider_testkit::emulator::{Account, python};

/// A function that does what its messages say.
fn obedient(account: &Account) -> Setup {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lambda/function.py");
    Setup::new(account, &python()).argument(script).handler("obedient")
}
