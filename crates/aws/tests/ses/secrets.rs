//! Secrets by reference.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postrider_aws::http_client::Roots;
use postrider_aws::secret::{SecretError, SecretReference, SecretText, Secrets};
use postrider_core::ports::clock::Clock;
use postrider_testkit::clock::ManualClock;
use serde_json::json;

use super::scene::sdk;
use postrider_testkit::http_endpoint::{Answer, Endpoint, Script};

struct World {
    endpoint: Endpoint,
    clock: Arc<ManualClock>,
    secrets: Secrets,
}

async fn world(script: Box<Script>) -> World {
    let endpoint = Endpoint::start(script).await;
    let clock = Arc::new(ManualClock::default());
    let secrets = Secrets::with_sdk(sdk(&endpoint.url), Roots::BuiltIn, Arc::clone(&clock) as Arc<dyn Clock>);
    World { endpoint, clock, secrets }
}

fn reference(text: &str) -> SecretReference {
    SecretReference::parse(text).expect("well formed").expect("a reference")
}

/// A secret that is rotated every time it is read.
fn rotating() -> Box<Script> {
    let reads = AtomicUsize::new(1);
    Box::new(move |_, _| {
        let number = reads.fetch_add(1, Ordering::SeqCst);
        Answer::Http(200, json!({"SecretString": format!("{{\"password\":\"hunter{number}\",\"port\":25}}")}))
    })
}

async fn read(world: &World, text: &str) -> Result<String, SecretError> {
    world.secrets.get(&reference(text)).await.map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn a_secret_is_kept_for_its_time_and_read_again_when_it_does_not_work() {
    let world = world(rotating()).await;
    let name = "aws-secretsmanager:shop/smtp#password";
    let smtp = reference(name);
    assert_eq!(read(&world, name).await.as_deref(), Ok("hunter1"));
    world.clock.advance_ms(60_000);
    assert_eq!(read(&world, name).await.as_deref(), Ok("hunter1"));
    assert_eq!(world.secrets.reread(&smtp).await, Ok(SecretText::new("hunter2".to_owned())));
    assert_eq!(world.secrets.reread(&smtp).await, Ok(SecretText::new("hunter2".to_owned())), "not at once");
    assert_eq!(read(&world, name).await.as_deref(), Ok("hunter2"));
    world.clock.advance_ms(3_600_000);
    assert_eq!(read(&world, name).await.as_deref(), Ok("hunter3"));
    assert_eq!(world.endpoint.requests.lock().expect("lock")[0].body, json!({"SecretId": "shop/smtp"}));
}

#[tokio::test]
async fn a_parameter_is_read_decrypted() {
    let script: Box<Script> =
        Box::new(|_, _| Answer::Http(200, json!({"Parameter": {"Name": "/shop/key", "Value": "abc"}})));
    let world = world(script).await;
    assert_eq!(read(&world, "aws-ssm:/shop/key").await.as_deref(), Ok("abc"));
    let asked = world.endpoint.requests.lock().expect("lock")[0].body.clone();
    assert_eq!(asked, json!({"Name": "/shop/key", "WithDecryption": true}));
}

#[tokio::test]
async fn what_cannot_be_had_says_why_and_shows_nothing() {
    let world = world(rotating()).await;
    for key in ["user", "port"] {
        let error = read(&world, &format!("aws-secretsmanager:shop/smtp#{key}")).await.expect_err("unfit");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
    let script: Box<Script> = Box::new(|_, _| Answer::Error(400, "ResourceNotFoundException", "no"));
    let world = self::world(script).await;
    let error = read(&world, "aws-secretsmanager:shop/smtp").await.expect_err("refused");
    assert!(error.to_string().contains("ResourceNotFoundException"), "{error}");
    assert_eq!(format!("{:?}", SecretText::new("hunter2".to_owned())), "SecretText(…)");
}
