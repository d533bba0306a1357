//! Who gets messages while a shop is being tried out.

use postrider_core::domain::address::EmailAddress;
use postrider_mail::types::{Allowed, Sandbox};

use super::load::ConfigError;
use super::reader::Reader;

pub(super) fn read_sandbox(read: &Reader<'_>) -> Result<Option<Sandbox>, ConfigError> {
    let redirect_to = match read.text("sandbox.redirect_to") {
        None => None,
        Some(text) => {
            let address = EmailAddress::parse(&text);
            Some(address.map_err(|error| read.invalid("sandbox.redirect_to", error.to_string()))?)
        }
    };
    let allow = read
        .list("sandbox.allow")
        .iter()
        .map(|text| {
            Allowed::parse(text).map_err(|error| {
                let message = format!("must be addresses and domains, but one of them {error}");
                read.invalid("sandbox.allow", message)
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let is_on = redirect_to.is_some() || !allow.is_empty();
    Ok(is_on.then_some(Sandbox { redirect_to, allow }))
}
