//! Any bytes as a message of SNS; what follows a NUL is the certificate file it leads to. None may be believed.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use postrider_aws::sns::{CertificateFetcher, FetchFailed, SnsConfig, SnsVerifier};
use postrider_core::domain::time::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;

const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:shop-mail";

struct File(Mutex<Vec<u8>>);

#[async_trait]
impl CertificateFetcher for File {
    async fn fetch(&self, _: &str, _: usize) -> Result<Vec<u8>, FetchFailed> {
        Ok(self.0.lock().expect("lock").clone())
    }
}

static ROOT: LazyLock<CertificateDer<'static>> = LazyLock::new(|| {
    let key = KeyPair::generate().expect("generates a key");
    let mut params = CertificateParams::new(Vec::new()).expect("takes no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&key).expect("signs itself").der().clone()
});

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime"));

fuzz_target!(|bytes: &[u8]| {
    let (body, file) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let config =
        SnsConfig { topics: vec![TOPIC.to_owned()], roots: vec![ROOT.clone()], ..SnsConfig::default() };
    let fetcher = Arc::new(File(Mutex::new(file.to_vec())));
    let verifier = SnsVerifier::new(config, fetcher).expect("config");
    // 2026-11-23T10:00:00Z, as in the seeds.
    let now = Timestamp::from_millis(1_795_428_000_000);
    assert!(RUNTIME.block_on(verifier.verify(body, now)).is_err());
});
