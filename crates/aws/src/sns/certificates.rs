//! From a `SigningCertURL` to a key that SNS holds.
//!
//! A certificate counts only if a chain leads from it to a trusted root and if it is made out to SNS. The file SNS serves
//! holds the signing certificate alone, without its issuer's: that one is taken from the configuration, or fetched from
//! where the certificate itself says it is (RFC 5280 §4.2.2.1), which may be no other place than Amazon's. What comes from
//! there over plain HTTP is believed only because a root vouches for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_core::domain::time::Timestamp;
use postrider_core::limits::{
    SNS_CERTIFICATE_BYTES_MAX, SNS_CERTIFICATES_MAX, SNS_CHAIN_MAX, SNS_CHAIN_RECHECK_MS,
    SNS_FETCH_TIMEOUT_MS, SNS_FETCHES_PER_MINUTE_MAX,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::address::{Place, is_issuer_url};
use super::{CertificateFetcher, Refusal};

/// How long a file that could not be had, or is not to be trusted, is not asked for again.
const USELESS_MS: u64 = 60_000;

/// A signing certificate and the intermediates that lead to a root.
#[derive(Debug)]
pub(super) struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    /// The signing certificate itself.
    pub fn signer(&self) -> Result<EndEntityCert<'_>, Refusal> {
        let signer = self.0.first().ok_or(Refusal::Untrusted("the file holds no certificate"))?;
        EndEntityCert::try_from(signer).map_err(|_| Refusal::Untrusted("it cannot be read"))
    }
}

pub(super) struct Certificates {
    roots: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
    fetcher: Arc<dyn CertificateFetcher>,
    trusted: Mutex<HashMap<String, (Arc<Chain>, Timestamp)>>,
    /// Held while fetching: one file at a time.
    fetches: tokio::sync::Mutex<Fetches>,
}

#[derive(Default)]
struct Fetches {
    recent: VecDeque<Timestamp>,
    /// Files that were of no use, and why.
    useless: VecDeque<(Timestamp, String, Refusal)>,
}

impl Certificates {
    pub fn new(
        roots: Vec<TrustAnchor<'static>>,
        intermediates: Vec<CertificateDer<'static>>,
        fetcher: Arc<dyn CertificateFetcher>,
    ) -> Self {
        Self {
            roots,
            intermediates,
            fetcher,
            trusted: Mutex::default(),
            fetches: tokio::sync::Mutex::default(),
        }
    }

    /// The chain at `url`, which lies at `place`, if it can be trusted at `now`.
    pub async fn trusted(&self, url: &str, place: &Place<'_>, now: Timestamp) -> Result<Arc<Chain>, Refusal> {
        if let Some(chain) = self.kept(url, place, now)? {
            return Ok(chain);
        }
        let patience = Duration::from_millis(SNS_FETCH_TIMEOUT_MS);
        let Ok(mut fetches) = tokio::time::timeout(patience, self.fetches.lock()).await else {
            return Err(Refusal::CertificateUnavailable);
        };
        // Whoever waited may find that it has been fetched meanwhile.
        if let Some(chain) = self.kept(url, place, now)? {
            return Ok(chain);
        }
        fetches.useless.retain(|(since, ..)| now.ms_since(*since) < USELESS_MS);
        if let Some((.., refusal)) = fetches.useless.iter().find(|(_, useless, _)| useless == url) {
            return Err(refusal.clone());
        }
        let found = self.find(url, place, now, &mut fetches).await;
        match found {
            Ok(chain) => {
                let chain = Arc::new(chain);
                self.keep(url, &chain, now);
                Ok(chain)
            }
            Err(refusal) => {
                if fetches.useless.len() >= SNS_FETCHES_PER_MINUTE_MAX {
                    fetches.useless.pop_front();
                }
                fetches.useless.push_back((now, url.to_owned(), refusal.clone()));
                Err(refusal)
            }
        }
    }

    fn kept(&self, url: &str, place: &Place<'_>, now: Timestamp) -> Result<Option<Arc<Chain>>, Refusal> {
        let kept = self.trusted.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        let Some((chain, checked_at)) = kept else { return Ok(None) };
        // Also when the clock went back.
        if checked_at > now || now.ms_since(checked_at) >= SNS_CHAIN_RECHECK_MS {
            if let Err(refusal) = self.check(&chain, place, now) {
                self.trusted.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
                return Err(refusal);
            }
            self.keep(url, &chain, now);
        }
        Ok(Some(chain))
    }

    fn keep(&self, url: &str, chain: &Arc<Chain>, now: Timestamp) {
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if trusted.len() >= SNS_CERTIFICATES_MAX && !trusted.contains_key(url) {
            let oldest =
                trusted.iter().min_by_key(|(_, (_, checked_at))| *checked_at).map(|(url, _)| url.clone());
            if let Some(oldest) = oldest {
                trusted.remove(&oldest);
            }
        }
        trusted.insert(url.to_owned(), (Arc::clone(chain), now));
    }

    async fn find(
        &self,
        url: &str,
        place: &Place<'_>,
        now: Timestamp,
        fetches: &mut Fetches,
    ) -> Result<Chain, Refusal> {
        let file = self.fetch(url, now, fetches).await?;
        let certificates = CertificateDer::pem_slice_iter(&file).take(SNS_CHAIN_MAX);
        let mut chain = Chain(certificates.map_while(Result::ok).collect());
        loop {
            match self.check(&chain, place, now) {
                Err(Refusal::Untrusted(UNKNOWN_ISSUER)) if chain.0.len() < SNS_CHAIN_MAX => {
                    let issuer = chain.0.last().and_then(|last| issuer_url(last));
                    let issuer = issuer.ok_or(Refusal::Untrusted(UNKNOWN_ISSUER))?;
                    chain.0.push(CertificateDer::from(self.fetch(&issuer, now, fetches).await?));
                }
                Ok(()) => return Ok(chain),
                Err(refusal) => return Err(refusal),
            }
        }
    }

    async fn fetch(&self, url: &str, now: Timestamp, fetches: &mut Fetches) -> Result<Vec<u8>, Refusal> {
        fetches.recent.retain(|at| now.ms_since(*at) < 60_000);
        if fetches.recent.len() >= SNS_FETCHES_PER_MINUTE_MAX {
            return Err(Refusal::CertificateUnavailable);
        }
        fetches.recent.push_back(now);
        let fetched = self.fetcher.fetch(url, SNS_CERTIFICATE_BYTES_MAX);
        match tokio::time::timeout(Duration::from_millis(SNS_FETCH_TIMEOUT_MS), fetched).await {
            Ok(Ok(file)) if file.len() <= SNS_CERTIFICATE_BYTES_MAX => return Ok(file),
            Ok(Ok(_)) => tracing::warn!(url, "a certificate file is too large"),
            Ok(Err(error)) => tracing::warn!(url, %error, "a certificate file could not be fetched"),
            Err(_) => tracing::warn!(url, "a certificate file did not come in time"),
        }
        Err(Refusal::CertificateUnavailable)
    }

    /// Whether a chain leads to a root at `now`, for a certificate made out to SNS at `place`.
    fn check(&self, chain: &Chain, place: &Place<'_>, now: Timestamp) -> Result<(), Refusal> {
        let signer = chain.signer()?;
        let is_sns = place.certificate_names().iter().any(|name| {
            ServerName::try_from(name.as_str())
                .is_ok_and(|name| signer.verify_is_valid_for_subject_name(&name).is_ok())
        });
        if !is_sns {
            return Err(Refusal::Untrusted("it is not made out to SNS"));
        }
        let intermediates: Vec<CertificateDer<'_>> = chain
            .0
            .iter()
            .skip(1)
            .chain(&self.intermediates)
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.ms_since(Timestamp::EPOCH)));
        let usage = KeyUsage::server_auth();
        let verified = signer.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.roots,
            &intermediates,
            time,
            usage,
            None,
            None,
        );
        match verified {
            Ok(_) => Ok(()),
            Err(webpki::Error::UnknownIssuer) => Err(Refusal::Untrusted(UNKNOWN_ISSUER)),
            Err(webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. }) => {
                Err(Refusal::Untrusted("it is not valid at this time"))
            }
            Err(_) => Err(Refusal::Untrusted("its chain does not hold")),
        }
    }
}

const UNKNOWN_ISSUER: &str = "no chain leads from it to a trusted root";

/// Where a certificate says its issuer's is, if that is at Amazon.
///
/// Found by its bytes: the object identifier of `id-ad-caIssuers`, then a URI. That something else in a certificate has
/// these bytes does no harm, since nothing is believed because of where it came from.
fn issuer_url(certificate: &[u8]) -> Option<String> {
    const CA_ISSUERS_URI: [u8; 11] = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02, 0x86];
    let start = certificate.windows(CA_ISSUERS_URI.len()).position(|bytes| bytes == CA_ISSUERS_URI)?;
    let rest = certificate.get(start + CA_ISSUERS_URI.len()..)?;
    let (length, rest) = rest.split_first()?;
    let url = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    is_issuer_url(url).then(|| url.to_owned())
}
