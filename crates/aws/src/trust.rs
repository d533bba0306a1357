//! Whom requests to Amazon believe.

use std::path::Path;

use aws_smithy_http_client::tls::TrustStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The system's root certificates.
///
/// Systems keep them in one file, and most of them once more one by one in a folder beside it, of which the usual way
/// reads both: hundreds of files at every start. So the one file is read alone, unless somebody has said where they are
/// (`SSL_CERT_DIR`), or something in it is no root that TLS can use.
pub(crate) fn system_roots() -> TrustStore {
    if std::env::var_os("SSL_CERT_DIR").is_none()
        && let Some(file) = openssl_probe::probe().cert_file
        && let Some(pem) = usable_roots(&file)
    {
        return TrustStore::empty().with_pem_certificate(pem);
    }
    TrustStore::default()
}

/// What the file says, if it is nothing but roots.
fn usable_roots(file: &Path) -> Option<Vec<u8>> {
    let pem = std::fs::read(file).ok()?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        webpki::anchor_from_trusted_cert(&certificate.ok()?).ok()?;
        count += 1;
    }
    (count > 0).then_some(pem)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::usable_roots;

    fn root(name: &str) -> String {
        let root = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let lines = STANDARD.encode(root.cert.der());
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn a_bundle_of_roots_is_taken_as_it_is() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let bundle = format!("# of a test\n{}{}", root("one.example"), root("two.example"));
        fs::write(place.path(), &bundle).unwrap();
        assert_eq!(usable_roots(place.path()), Some(bundle.into_bytes()));
    }

    #[test]
    fn a_bundle_with_anything_unusable_is_left_to_the_usual_way() {
        let place = tempfile::NamedTempFile::new().unwrap();
        let unusable = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
        for bundle in [String::new(), format!("{}{unusable}", root("one.example"))] {
            fs::write(place.path(), bundle).unwrap();
            assert_eq!(usable_roots(place.path()), None);
        }
        assert_eq!(usable_roots(&place.path().with_extension("gone")), None);
    }
}
