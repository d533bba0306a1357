//! The functions `api` and `sweep` of one test, over a DynamoDB in memory, with the face of a server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use postrider_aws::emf::Measurements;
use postrider_aws::secret::Secrets;
use postrider_core::domain::suppression::Secret;
use postrider_core::ports::clock::Clock;
use postrider_core::ports::mailer::Mailer;
use postrider_dynamodb::fake::FakeTable;
use postrider_dynamodb::{DynamoConfig, DynamoLedger, OpenError};
use postrider_environment::config::{RawSettings, Settings};
use postrider_environment::mailer::{MailerParts, OpenMailer};
use postrider_environment::secret::parse_secret;
use postrider_environment::system::{SystemClock, SystemRandom};
use postrider_lambda::api::ApiFunction;
use postrider_lambda::calls::Calls;
use postrider_lambda::invocation::Invocation;
use postrider_lambda::parts::Parts;
use postrider_lambda::role::Role;
use postrider_lambda::sweep;
use postrider_lambda::wiring::{Foundation, Wiring};
use postrider_testkit::api::gateway::payload;
pub use postrider_testkit::api::{Answer, event, order};
use postrider_testkit::api::{Home, Server, variables};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// Processes of `api` at the same time, each of which answers one request at a time.
const INSTANCES_MAX: usize = 8;
/// The longest Lambda allows: a mail server may take minutes.
const INVOCATION_MS: u64 = 900_000;

pub type TestServer = Server<Functions>;

pub struct Functions {
    settings: Settings,
    table: Arc<FakeTable>,
    mailer: Arc<dyn Mailer>,
    /// Processes that wait for a request.
    idle: Mutex<Vec<ApiFunction>>,
    room: Semaphore,
    sweeper: (Parts, Calls),
    directory: TempDir,
}

impl Home for Functions {
    /// What is accepted is on its way.
    const ACCEPTED: &str = "sending";
    type StartError = OpenError;

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        let data_dir = directory.path().join("data");
        std::fs::create_dir(&data_dir).unwrap();
        std::fs::write(data_dir.join("secret.key"), "5a".repeat(32)).unwrap();
        let mut raw = RawSettings::default();
        raw.set("server.data_dir", data_dir.to_str().unwrap().into(), "data_dir").unwrap();
        // A function does not live as long as a mail server may take elsewhere.
        let brief =
            settings.contains(&("mailer.kind", "smtp")).then_some(&("mailer.smtp.timeout_secs", "20"));
        raw.read_environment(variables(brief.into_iter().chain(settings))).unwrap();
        let settings = Settings::check(&raw).unwrap();
        let table = Arc::new(FakeTable::default());
        let mailer = mailer(&settings).await;
        let sweeper = sweeper(&settings, &table, &mailer).await.unwrap();
        let (idle, room) = (Mutex::default(), Semaphore::new(INSTANCES_MAX));
        Self { settings, table, mailer, idle, room, sweeper, directory }
    }

    fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Ends every process.
    async fn stop(&mut self) {
        self.idle.get_mut().unwrap().clear();
    }

    /// Lets processes begin after a stop, if that is possible.
    async fn try_start(&mut self) -> Result<(), OpenError> {
        self.mailer = mailer(&self.settings).await;
        self.sweeper = sweeper(&self.settings, &self.table, &self.mailer).await?;
        Ok(())
    }

    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let _room = self.room.acquire().await.unwrap();
        let idle = self.idle.lock().unwrap().pop();
        let function = match idle {
            Some(function) => function,
            None => {
                let wiring = Wiring::of(Role::Api, self.settings.clone());
                let foundation =
                    foundation(&wiring, &self.settings, &self.table, &self.mailer).await.unwrap();
                let (api, parts) = wiring.api_over(foundation).await.unwrap();
                ApiFunction::new(api, parts)
            }
        };
        let answer = ask(&function, &payload(method, path, headers, body)).await;
        self.idle.lock().unwrap().push(function);
        answer
    }

    /// What the schedule does once a minute.
    async fn turn(&self) {
        let (parts, calls) = &self.sweeper;
        let mut measured = Measurements::default();
        sweep::handle(parts, Some(calls), &invocation(), &mut measured).await.unwrap();
    }
}

/// Asks as API Gateway does.
async fn ask(function: &ApiFunction, payload: &Value) -> Answer {
    let request = lambda_http::request::from_str(&payload.to_string()).unwrap();
    let (response, _) = function.handle(request, &invocation()).await;
    let (head, body) = response.into_parts();
    let lines = head.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status.as_u16(), head: lines.collect(), bytes }
}

fn invocation() -> Invocation {
    Invocation { request_id: "req-1".to_owned(), deadline: SystemClock.now().plus_ms(INVOCATION_MS) }
}

pub async fn mailer(settings: &Settings) -> Arc<dyn Mailer> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let secrets = Arc::new(Secrets::new(Arc::clone(&clock)));
    let parts = MailerParts { clock: &clock, secrets: &secrets, turn_wait_max: None, tell: Box::new(|_| ()) };
    OpenMailer::open(settings, parts).await.unwrap().mailer
}

/// A ledger of one process over the table of all.
async fn foundation(
    wiring: &Wiring,
    settings: &Settings,
    table: &Arc<FakeTable>,
    mailer: &Arc<dyn Mailer>,
) -> Result<Foundation, OpenError> {
    let kept = std::fs::read_to_string(settings.data_dir.join("secret.key")).unwrap();
    let secret = Secret::new(parse_secret(&kept).unwrap());
    let (config, rules) = (DynamoConfig::new("fake"), wiring.recipient_rules(&secret));
    let table = Arc::clone(table) as Arc<_>;
    let ledger = DynamoLedger::over(table, &config, rules, Arc::new(SystemRandom)).await?;
    Ok(Foundation { ledger: Arc::new(ledger), mailer: Arc::clone(mailer), secret, hold: Arc::default() })
}

async fn sweeper(
    settings: &Settings,
    table: &Arc<FakeTable>,
    mailer: &Arc<dyn Mailer>,
) -> Result<(Parts, Calls), OpenError> {
    let wiring = Wiring::of(Role::Sweep, settings.clone());
    let foundation = foundation(&wiring, settings, table, mailer).await?;
    let parts = wiring.api_over(foundation).await.unwrap().1;
    let calls = wiring.calls(&parts);
    Ok((parts, calls))
}
