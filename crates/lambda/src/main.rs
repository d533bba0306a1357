//! The AWS functions: `_HANDLER`, which Lambda takes from the function's `Handler` property, says which one this is.

use std::process::ExitCode;

use postrider_lambda::{output, start};

/// One thread: a function has less than two processors, and one invocation at a time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    output::start_log();
    match start::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %error, "the function cannot start");
            start::report(&error).await;
            ExitCode::FAILURE
        }
    }
}
