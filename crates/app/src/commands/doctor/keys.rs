//! Whether keys are asked for, and whether that goes with who can reach the server.

use postrider_core::domain::api_key::ApiKey;
use postrider_environment::config::Settings;

use super::Exams;

const MAKE: &str = "`postrider keys create` makes the first; from then on every request needs one";

/// Judges the `keys` of the ledger.
pub(super) fn keys(settings: &Settings, keys: &[ApiKey], exams: &mut Exams) {
    let living = keys.iter().filter(|key| key.is_living()).count();
    if living > 0 {
        exams.ok("keys", format!("every request needs an API key; {living} are good"));
    } else if !keys.is_empty() {
        let found = "every API key is revoked: nobody but commands on this data directory may ask";
        exams.warning("keys", found, "`postrider keys create` makes a new one");
    } else if !settings.listen.ip().is_loopback() {
        let found =
            format!("there was never an API key, and so `serve` does not listen on {}", settings.listen);
        exams.failed("keys", found, MAKE);
    } else if let Some(url) = &settings.public_url {
        let found =
            format!("there was never an API key: whoever gets through to here from {url} may send and read");
        exams.warning("keys", found, MAKE);
    } else {
        exams.ok("keys", "there was never an API key: everybody on this machine may send and read");
    }
}
