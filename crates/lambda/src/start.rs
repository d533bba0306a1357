//! Starts the function that this process is, and says what is in the way.

use std::env;
use std::time::Duration;

use lambda_http::RequestExt as _;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use postrider_aws::emf::Measurements;
use postrider_aws::ingest::{BatchAnswer, QueueBatch};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::api::ApiFunction;
use crate::invocation::Invocation;
use crate::output::publish;
use crate::role::{Role, UnknownRole};
use crate::wiring::{Wiring, WiringError};
use crate::{cost, dispatch, feedback, sweep};

/// How long telling Lambda about a failed start may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the function does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The handler's name is not that of a function.
    #[error(transparent)]
    Role(#[from] UnknownRole),
    /// It cannot be put together.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// Lambda could not be asked for work.
    #[error("the Lambda runtime ended: {0}")]
    Runtime(Error),
}

impl StartError {
    /// The kind, for whoever reads Lambda's answer.
    fn kind(&self) -> &'static str {
        match self {
            Self::Role(_) => "Postrider.UnknownHandler",
            Self::Wiring(_) => "Postrider.Configuration",
            Self::Runtime(_) => "Postrider.Runtime",
        }
    }
}

/// Answers invocations until Lambda ends the process.
///
/// # Errors
/// [`StartError`].
pub async fn run() -> Result<(), StartError> {
    let role: Role = env::var("_HANDLER").unwrap_or_default().parse()?;
    let wiring = Wiring::read(role)?;
    let (namespace, clock) = (wiring.namespace(), wiring.clock());
    let publish = |measured: &Measurements, invocation: &Invocation| {
        publish(measured, &namespace, clock.now(), role, invocation);
    };
    let ended = match role {
        Role::Dispatch => {
            let parts = wiring.parts().await?;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<QueueBatch>| {
                let invocation = Invocation::from(&event.context);
                let (answer, measured) = dispatch::handle(&parts, event.payload, &invocation).await;
                publish(&measured, &invocation);
                Ok::<BatchAnswer, Error>(answer)
            }))
            .await
        }
        Role::Feedback => {
            let parts = wiring.parts().await?;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<QueueBatch>| {
                let invocation = Invocation::from(&event.context);
                let (answer, measured) = feedback::handle(&parts, event.payload, &invocation).await;
                publish(&measured, &invocation);
                Ok::<BatchAnswer, Error>(answer)
            }))
            .await
        }
        Role::Sweep => {
            let parts = wiring.parts().await?;
            let calls = wiring.calls(&parts);
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                let invocation = Invocation::from(&event.context);
                let mut measured = Measurements::default();
                let swept = sweep::handle(&parts, Some(&calls), &invocation, &mut measured).await;
                publish(&measured, &invocation);
                swept.map_err(|error| failed("Postrider.Ledger", &error))
            }))
            .await
        }
        Role::Cost => {
            let volume = wiring.volume()?;
            let money = wiring.money().await?;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                let measured = cost::handle(&volume, &money, clock.now()).await;
                let measured = measured.map_err(|error| failed("Postrider.Cost", &error))?;
                publish(&measured, &Invocation::from(&event.context));
                Ok::<(), Diagnostic>(())
            }))
            .await
        }
        Role::Api => {
            let (api, parts) = wiring.api().await?;
            let function = ApiFunction::new(api, parts);
            lambda_http::run(service_fn(async |request: lambda_http::Request| {
                let invocation = Invocation::from(&request.lambda_context());
                let (response, measured) = function.handle(request, &invocation).await;
                publish(&measured, &invocation);
                Ok::<_, Error>(response)
            }))
            .await
        }
    };
    ended.map_err(StartError::Runtime)
}

/// A failed invocation, as whoever looks at it is told.
fn failed(kind: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}

/// Tells Lambda why the function does not start, so that whoever invoked it hears it. The log says it as well.
pub async fn report(error: &StartError) {
    let Ok(address) = env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    let body =
        json!({ "errorType": error.kind(), "errorMessage": error.to_string(), "stackTrace": [] }).to_string();
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Function-Error-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        error.kind(),
        body.len()
    );
    let telling = async {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(request.as_bytes()).await?;
        // Its answer is read, or closing the connection might take the request back.
        stream.read(&mut [0; 256]).await
    };
    if !matches!(tokio::time::timeout(REPORT_TIMEOUT, telling).await, Ok(Ok(_))) {
        tracing::warn!("Lambda could not be told why the function does not start");
    }
}
