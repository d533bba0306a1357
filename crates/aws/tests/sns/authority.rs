//! An authority, the certificates it issues and the messages they sign, all made for one test.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_aws::sns::{CertificateFetcher, FetchFailed, SnsConfig, SnsVerifier};
use postrider_core::domain::time::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use rsa::Pkcs1v15Sign;
use rsa::pkcs8::EncodePrivateKey as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Map, Value, json};

pub const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:shop-mail";
pub const CERTIFICATE_URL: &str =
    "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
pub const ISSUER_URL: &str = "http://crt.r2m99.amazontrust.com/r2m99.cer";

/// 2026-11-23T10:00:00Z.
pub const NOW: i64 = 1_795_428_000_000;

pub fn now() -> Timestamp {
    Timestamp::from_millis(NOW)
}

/// The key that plays SNS's. One for all tests of a process, because making one takes a while.
static KEY: LazyLock<rsa::PrivateKey> =
    LazyLock::new(|| rsa::PrivateKey::new(&mut rand::rng(), 2048).expect("generates a key"));

fn rcgen_key() -> KeyPair {
    let der = KEY.to_pkcs8_der().expect("writes a key");
    let der = PrivatePkcs8KeyDer::from(der.as_bytes().to_vec());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).expect("reads the key")
}

/// A certificate authority: a root, or one below it.
pub struct Authority {
    pub der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("takes no names");
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Authority {
    pub fn root() -> Self {
        let key = KeyPair::generate().expect("generates a key");
        let params = authority_params("Root");
        let der = params.self_signed(&key).expect("signs itself").der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub fn below(parent: &Self) -> Self {
        let key = KeyPair::generate().expect("generates a key");
        let params = authority_params("Intermediate");
        let der = params.signed_by(&key, &parent.issuer).expect("signs").der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, certificate: &Wanted<'_>) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![certificate.name.to_owned()]).expect("takes the name");
        params.distinguished_name.push(rcgen::DnType::CommonName, certificate.name);
        if let Some((from, until)) = certificate.years {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
        }
        if let Some(url) = certificate.issuer_url {
            params.custom_extensions.push(authority_information(url));
        }
        params.signed_by(&rcgen_key(), &self.issuer).expect("signs").der().clone()
    }
}

/// What a certificate is to say.
#[derive(Default)]
pub struct Wanted<'a> {
    pub name: &'a str,
    pub years: Option<(i32, i32)>,
    pub issuer_url: Option<&'a str>,
}

/// RFC 5280 §4.2.2.1, with one `id-ad-caIssuers`.
fn authority_information(url: &str) -> CustomExtension {
    let short = |bytes: &[u8]| u8::try_from(bytes.len()).expect("short");
    let mut access =
        vec![0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86, short(url.as_bytes())];
    access.extend_from_slice(url.as_bytes());
    let mut description = vec![0x30, short(&access)];
    description.append(&mut access);
    let mut sequence = vec![0x30, short(&description)];
    sequence.append(&mut description);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], sequence)
}

pub fn pem(certificates: &[&CertificateDer<'_>]) -> Vec<u8> {
    let block = |der: &&CertificateDer<'_>| {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    certificates.iter().map(block).collect::<String>().into_bytes()
}

/// The files of the world, and how often one was asked for.
#[derive(Default)]
pub struct Files {
    files: Mutex<HashMap<String, Vec<u8>>>,
    pub fetched: AtomicUsize,
}

impl Files {
    pub fn put(&self, url: &str, file: Vec<u8>) {
        self.files.lock().expect("lock").insert(url.to_owned(), file);
    }

    pub fn count(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl CertificateFetcher for Files {
    async fn fetch(&self, url: &str, _: usize) -> Result<Vec<u8>, FetchFailed> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let file = self.files.lock().expect("lock").get(url).cloned();
        file.ok_or_else(|| FetchFailed("404 Not Found".to_owned()))
    }
}

/// A world in which SNS's certificate is issued by an authority that is trusted.
pub struct World {
    pub root: Authority,
    pub files: Arc<Files>,
    pub verifier: SnsVerifier,
}

impl World {
    /// With `certificate` lying where messages say it does, issued by the root itself.
    pub fn with(certificate: &Wanted<'_>) -> Self {
        let root = Authority::root();
        let file = pem(&[&root.issue(certificate)]);
        let world = Self::trusting(root);
        world.files.put(CERTIFICATE_URL, file);
        world
    }

    pub fn trusting(root: Authority) -> Self {
        let files = Arc::new(Files::default());
        let config = SnsConfig {
            topics: vec![TOPIC.to_owned()],
            roots: vec![root.der.clone()],
            ..SnsConfig::default()
        };
        let verifier =
            SnsVerifier::new(config, Arc::clone(&files) as Arc<dyn CertificateFetcher>).expect("config");
        Self { root, files, verifier }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::with(&Wanted { name: "sns.amazonaws.com", ..Wanted::default() })
    }
}

/// The members of a message, before it is signed.
pub fn notification(message: &str) -> Map<String, Value> {
    object(json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": now().to_string(),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
    }))
}

pub fn confirmation(kind: &str) -> Map<String, Value> {
    let token = "2336412f37fb687f5d51e6e2425c464cefaf";
    object(json!({
        "Type": kind,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": token,
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.\nTo confirm, visit the SubscribeURL.",
        "SubscribeURL": format!("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"),
        "Timestamp": now().to_string(),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
    }))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("not an object") };
    map
}

/// Signs as SNS documents it, written here a second time and in another way than in the program.
pub fn sign(mut message: Map<String, Value>) -> Map<String, Value> {
    let notification = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"].as_slice();
    let others =
        ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"].as_slice();
    let names = if message["Type"] == "Notification" { notification } else { others };
    let lines: Vec<String> = names
        .iter()
        .filter_map(|name| Some(format!("{name}\n{}\n", message.get(*name)?.as_str()?)))
        .collect();
    let text = lines.concat();
    // DigestInfo, RFC 8017 §9.2.
    let (algorithm, prefix): (_, &[u8]) = if message["SignatureVersion"] == "1" {
        (&SHA1_FOR_LEGACY_USE_ONLY, &[0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 0x1a, 5, 0, 4, 0x14])
    } else {
        (&SHA256, &[0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20])
    };
    let hash = digest(algorithm, text.as_bytes());
    let padding = Pkcs1v15Sign { hash_len: Some(hash.as_ref().len()), prefix: prefix.into() };
    let signature = KEY.sign(padding, hash.as_ref()).expect("signs");
    message.insert("Signature".to_owned(), Value::from(STANDARD.encode(signature)));
    message
}

pub fn body(message: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec_pretty(message).expect("JSON")
}
