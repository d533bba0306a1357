//! An account of the emulator, and calls of AWS's APIs in it.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use serde_json::{Value, json};

use super::http::{self, Answer, Request, encoded};
use super::server::endpoint;
use super::{Counters, Fault, Queue, SentMail, Topic};

/// The region everything is in.
pub const REGION: &str = "eu-central-1";
/// Numbers of accounts have twelve digits.
const NUMBERS: u64 = 1_000_000_000_000;
/// Messages asked for at a time; the emulator gives no more.
const SENT_PAGE: usize = 1_000;
/// Pages read of what was sent.
const SENT_PAGES_MAX: usize = 20;

/// An account in which nothing exists yet. Its number is also its access key, by which the emulator knows it.
#[derive(Clone, Debug)]
pub struct Account {
    number: String,
}

/// What AWS answers instead of doing what was asked.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status; 0 where the connection ended without an answer.
    pub status: u16,
    /// The code, such as `NotFoundException`.
    pub code: String,
    /// The words.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

/// `name` and something that no other test has, for where an account of one's own is not enough.
#[must_use]
pub fn unique(name: &str) -> String {
    format!("{name}-{:016x}", random())
}

/// A number nobody else has: the standard library seeds this hasher anew each time.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Default for Account {
    fn default() -> Self {
        Self::new()
    }
}

impl Account {
    /// A new account of the emulator, which is started if it must be.
    ///
    /// # Panics
    /// As [`endpoint`].
    #[must_use]
    pub fn new() -> Self {
        let _ = endpoint();
        Self { number: format!("{:012}", random() % NUMBERS) }
    }

    /// Its number, twelve digits.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.number
    }

    /// What a program's environment must say for AWS's SDKs to call the emulator as this account.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", &self.number),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Calls a service that speaks JSON under a target, such as `dynamodb` with `DynamoDB_20120810.PutItem` or `sqs`
    /// with `AmazonSQS.SendMessage`.
    ///
    /// # Errors
    /// What the service refuses.
    pub fn call(&self, service: &str, target: &str, body: &Value) -> Result<Value, Refusal> {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        self.send(service, "POST", "/", &headers, body.to_string().as_bytes()).map(|answer| answer.json())
    }

    /// Calls SES v2: `path` begins with `/v2/email/`.
    ///
    /// # Errors
    /// What SES refuses.
    pub fn ses(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.rest("ses", method, path, body)
    }

    /// Calls a service whose paths name resources and that speaks JSON, such as `lambda`; `path` may have a query.
    ///
    /// # Errors
    /// What the service refuses.
    pub fn rest(&self, service: &str, method: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        self.send(service, method, path, &headers, body.as_bytes()).map(|answer| answer.json())
    }

    /// Calls a service that speaks forms and XML, such as `sns`; the answer is the XML.
    ///
    /// # Errors
    /// What the service refuses.
    pub fn form(&self, service: &str, action: &str, fields: &[(String, String)]) -> Result<String, Refusal> {
        let version = if service == "cloudformation" { "2010-05-15" } else { "2010-03-31" };
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in fields {
            form += &format!("&{}={}", encoded(name), encoded(value));
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(service, "POST", "/", &headers, form.as_bytes()).map(|answer| answer.text())
    }

    /// A new queue with attributes as SQS names them; an account has no two of one name.
    ///
    /// # Panics
    /// If SQS refuses.
    #[must_use]
    pub fn create_queue(&self, name: &str, attributes: &[(&str, &str)]) -> Queue {
        Queue::create(self, name, attributes)
    }

    /// A new topic.
    ///
    /// # Panics
    /// If SNS refuses.
    #[must_use]
    pub fn create_topic(&self, name: &str) -> Topic {
        Topic::create(self, name)
    }

    /// The queue of that URL.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn queue(&self, url: &str) -> Queue {
        Queue::at(self, url)
    }

    /// The topic of that ARN.
    #[must_use]
    pub fn topic(&self, arn: &str) -> Topic {
        Topic::at(self, arn)
    }

    /// An access key of a role, as `service` gets it, which the role must trust. The emulator notes what is asked of
    /// IAM for each call that is made with it.
    ///
    /// # Panics
    /// If there is no such role, or it trusts somebody else.
    #[must_use]
    pub fn role_key(&self, role: &str, service: &str) -> String {
        let body = json!({ "account": self.number, "role": role, "service": service });
        self.control("POST", "credentials", &body)["accessKeyId"].as_str().unwrap_or_default().to_owned()
    }

    /// What IAM was asked for with an access key of a role: objects with `action`, `resource` and `context`.
    ///
    /// # Panics
    /// If there is no such key.
    #[must_use]
    pub fn asked(&self, key: &str) -> Vec<Value> {
        let path = format!("asked?account={}&accessKeyId={key}", self.number);
        self.control("GET", &path, &Value::Null)["asked"].as_array().cloned().unwrap_or_default()
    }

    /// Lets time pass for what is invisible in a queue.
    pub(super) fn elapse(&self, queue: &str, seconds: u64) {
        let body = json!({ "account": self.number, "region": REGION, "queue": queue, "seconds": seconds });
        let _ = self.control("POST", "queue/elapse", &body);
    }

    /// Lets mail come from a domain or address.
    ///
    /// # Panics
    /// If SES refuses.
    pub fn verify_identity(&self, identity: &str) {
        expect_done(
            self.ses("POST", "/v2/email/identities", &json!({ "EmailIdentity": identity })),
            identity,
        );
    }

    /// Makes a configuration set whose events, of the kinds that Postrider reads, go to `topic`.
    ///
    /// # Panics
    /// If SES refuses.
    pub fn create_configuration_set(&self, name: &str, topic: &Topic) {
        expect_done(
            self.ses("POST", "/v2/email/configuration-sets", &json!({ "ConfigurationSetName": name })),
            name,
        );
        let destination = json!({
            "EventDestinationName": "reports",
            "EventDestination": {
                "Enabled": true,
                "MatchingEventTypes": ["SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY"],
                "SnsDestination": { "TopicArn": topic.arn() },
            },
        });
        expect_done(
            self.ses(
                "POST",
                &format!("/v2/email/configuration-sets/{name}/event-destinations"),
                &destination,
            ),
            name,
        );
    }

    /// Changes what SES says of the account: `SendingEnabled`, `ProductionAccessEnabled`, `EnforcementStatus`,
    /// `Max24HourSend`, `MaxSendRate`, `SuppressedReasons`, and `EnforcesRate`, which refuses what exceeds the rate.
    ///
    /// # Panics
    /// If there is no such setting.
    pub fn set_ses_account(&self, settings: &Value) {
        let body = json!({ "account": self.number, "region": REGION, "settings": settings });
        let _ = self.control("PUT", "ses/account", &body);
    }

    /// Says whether an identity counts as verified, as DNS would.
    ///
    /// # Panics
    /// If the emulator does not answer.
    pub fn set_verified(&self, identity: &str, verified: bool) {
        let body =
            json!({ "account": self.number, "region": REGION, "identity": identity, "verified": verified });
        let _ = self.control("PUT", "ses/identity", &body);
    }

    /// What SES has accepted, in that order.
    ///
    /// # Panics
    /// If the emulator does not answer.
    #[must_use]
    pub fn sent(&self) -> Vec<SentMail> {
        let mut sent: Vec<SentMail> = Vec::new();
        for _ in 0..SENT_PAGES_MAX {
            let after = sent.last().map_or(0, |last| last.sequence);
            let path =
                format!("ses/sent?account={}&region={REGION}&after={after}&limit={SENT_PAGE}", self.number);
            let page = self.control("GET", &path, &Value::Null);
            let page: Vec<SentMail> =
                page["messages"].as_array().into_iter().flatten().map(SentMail::read).collect();
            let is_last = page.len() < SENT_PAGE;
            sent.extend(page);
            if is_last {
                break;
            }
        }
        sent
    }

    /// How many calls were made in this account, and what they consumed.
    ///
    /// # Panics
    /// If the emulator does not answer.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters::new(self.control("GET", &format!("counters?account={}", self.number), &Value::Null))
    }

    /// Counts from nothing again.
    ///
    /// # Panics
    /// If the emulator does not answer.
    pub fn clear_counters(&self) {
        let _ = self.control("DELETE", &format!("counters?account={}", self.number), &Value::Null);
    }

    /// Makes calls fail that are still to come.
    ///
    /// # Panics
    /// If no call can fail like that.
    pub fn fail(&self, fault: &Fault) {
        let _ = self.control("POST", "faults", &fault.body(&self.number));
    }

    /// From now on nothing fails.
    ///
    /// # Panics
    /// If the emulator does not answer.
    pub fn clear_faults(&self) {
        let _ = self.control("DELETE", &format!("faults?account={}", self.number), &Value::Null);
    }

    /// Forgets everything in the account.
    ///
    /// # Panics
    /// If the emulator does not answer.
    pub fn reset(&self) {
        let _ = self.control("POST", "reset", &json!({ "account": self.number }));
    }

    /// Puts an object in a bucket of this account, which is made if it does not exist.
    ///
    /// # Panics
    /// If S3 refuses.
    pub fn put_object(&self, bucket: &str, key: &str, body: &[u8]) {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let made = self.send("s3", "PUT", &format!("/{bucket}"), &[], place.as_bytes());
        if let Err(refusal) = made {
            assert_eq!(refusal.code, "BucketAlreadyOwnedByYou", "{bucket}: {refusal}");
        }
        let headers = [("content-type", "application/octet-stream")];
        let _ = expect_done(self.send("s3", "PUT", &format!("/{bucket}/{key}"), &headers, body), key);
    }

    /// An object of a bucket.
    ///
    /// # Errors
    /// What S3 refuses.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Refusal> {
        self.send("s3", "GET", &format!("/{bucket}/{key}"), &[], b"").map(|answer| answer.body)
    }

    /// A hosted zone of Route 53 for a domain; tells its id.
    ///
    /// # Panics
    /// If Route 53 refuses.
    #[must_use]
    pub fn create_hosted_zone(&self, domain: &str) -> String {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{domain}</Name>\
             <CallerReference>{domain}</CallerReference></CreateHostedZoneRequest>"
        );
        let headers = [("content-type", "application/xml")];
        let made = self.send("route53", "POST", "/2013-04-01/hostedzone", &headers, body.as_bytes());
        let answer = expect_done(made, domain).text();
        element(&answer, "Id").unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// A stack of this account as the emulator shows it: `status`, `reason`, `outputs`, `resources` with the properties
    /// of each as its service tells them now, `retained`, `deleted` and `events`.
    ///
    /// # Panics
    /// If there is no such stack.
    #[must_use]
    pub fn stack(&self, name: &str) -> Value {
        let path = format!("stack?account={}&region={REGION}&name={}", self.number, encoded(name));
        self.control("GET", &path, &Value::Null)
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/emulator/{path}");
        let request = Request { method, path: &path, headers: &[], body: body.as_bytes() };
        match http::send(endpoint(), &request) {
            Ok(answer) if answer.status == 200 => answer.json(),
            other => panic!("the emulator did not do {method} {path}: {other:?}"),
        }
    }

    fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        // The emulator reads whose call it is and checks no signature.
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.number
        );
        let mut all = vec![("authorization", signed.as_str())];
        all.extend_from_slice(headers);
        let answer = http::send(endpoint(), &Request { method, path, headers: &all, body })
            .map_err(|error| Refusal { status: 0, code: String::new(), message: error.to_string() })?;
        if answer.status < 400 { Ok(answer) } else { Err(refusal(&answer)) }
    }
}

fn refusal(answer: &Answer) -> Refusal {
    let json = answer.json();
    let text = answer.text();
    let code =
        answer.header("x-amzn-errortype").or(json["__type"].as_str()).or_else(|| element(&text, "Code"));
    let code = code.unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or(code).to_owned();
    let message = json["message"].as_str().or(json["Message"].as_str()).or_else(|| element(&text, "Message"));
    Refusal { status: answer.status, code, message: message.unwrap_or(&text).to_owned() }
}

/// What stands in the first element of that name.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}

pub(super) fn expect_done<T>(result: Result<T, Refusal>, what: &str) -> T {
    result.unwrap_or_else(|refusal| panic!("{what}: {refusal}"))
}
