//! What makes messages and hands them on: types, sender, key, mailer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use postrider_aws::secret::Secrets;
use postrider_core::ports::clock::Clock;
use postrider_environment::config::{MailerSettings, Settings};
use postrider_environment::mailer::{look_at_ses, look_at_smtp};
use postrider_mail::dkim::DkimKey;
use postrider_mail::mailers::smtp::{SmtpConfig, TlsMode};

use super::Exams;
use crate::commands::Failure;
use crate::runtime::{StartError, load_types};

pub(super) fn types(settings: &Settings, exams: &mut Exams) {
    let what = match &settings.types_directory {
        Some(folder) => format!("all of {} compile", folder.display()),
        None => "the shipped ones, all of which compile".to_owned(),
    };
    match load_types(settings) {
        // The key has a check of its own.
        Ok(_) | Err(StartError::Dkim(_)) => exams.ok("types", what),
        Err(error) => exams.failed(
            "types",
            Failure::because(&error).to_string(),
            "`postrider types check` says more; a server that runs keeps the types it began with, none starts",
        ),
    }
}

pub(super) fn sender(settings: &Settings, exams: &mut Exams) {
    let sender = &settings.sender;
    let sends = !matches!(settings.mailer, MailerSettings::Outbox);
    if sender.is_default && sends {
        exams.failed(
            "sender",
            "sender.from is not set: messages name an example address, which mail servers refuse",
            "set [sender] from to an address of the shop",
        );
    } else if let Some(dkim) =
        sender.dkim.as_ref().filter(|dkim| !is_within(sender.from.domain(), &dkim.domain))
    {
        exams.warning(
            "sender",
            format!(
                "messages are from {} and signed for {}: the signature says nothing for their sender (DMARC)",
                sender.from.domain(),
                dkim.domain
            ),
            "sign for the sender's domain: [sender.dkim] domain",
        );
    } else {
        exams.ok("sender", format!("messages are from an address at {}", sender.from.domain()));
    }
    if let Some(sandbox) = &settings.sandbox {
        exams.warning(
            "sandbox",
            format!("a sandbox is on: {}", sandbox.describe()),
            "take [sandbox] out of the configuration when customers are to get their mail",
        );
    }
}

fn is_within(domain: &str, parent: &str) -> bool {
    let (domain, parent) = (domain.to_ascii_lowercase(), parent.to_ascii_lowercase());
    domain == parent || domain.strip_suffix(&parent).is_some_and(|rest| rest.ends_with('.'))
}

pub(super) fn dkim(settings: &Settings, exams: &mut Exams) {
    let Some(dkim) = &settings.sender.dkim else {
        // SES signs by itself.
        if matches!(settings.mailer, MailerSettings::Smtp(_)) {
            exams.warning(
                "dkim",
                "messages are not signed here; does the mail server sign them? Unsigned mail ends up as spam",
                "[sender.dkim], or the mail server's own; docs/guide.md, \"Go to production\"",
            );
        }
        return;
    };
    let path = dkim.key_file.display();
    if let Err(error) = DkimKey::load(&dkim.domain, &dkim.selector, &dkim.key_file) {
        return exams.failed(
            "dkim",
            Failure::because(&error).to_string(),
            "give the server's user the key, or make one: `openssl genrsa -out dkim.pem 2048`",
        );
    }
    let mode = fs::metadata(&dkim.key_file).map_or(0, |file| file.permissions().mode() & 0o777);
    if mode & 0o007 != 0 {
        return exams.warning(
            "dkim",
            format!("the key {path} can be read by everybody (mode {mode:03o})"),
            format!("chmod 600 {path}: who has it can sign as the shop"),
        );
    }
    exams.ok(
        "dkim",
        format!(
            "the key {path} can be read; its public half belongs into DNS at {}._domainkey.{}, which was not looked at",
            dkim.selector, dkim.domain
        ),
    );
}

pub(super) async fn mailer(settings: &Settings, clock: &Arc<dyn Clock>, exams: &mut Exams) {
    match &settings.mailer {
        MailerSettings::Outbox => outbox(settings, exams),
        MailerSettings::Smtp(config) => smtp("mailer", config, clock, exams).await,
        MailerSettings::Ses(ses) => {
            const CURE: &str =
                "docs/runbook.md lists the causes; the reputation dashboard of the SES console says more";
            match look_at_ses(ses, clock).await {
                None => exams.failed(
                    "mailer",
                    "SES does not say what the account may do",
                    "see credentials, region and network, and whether ses:GetAccount is allowed",
                ),
                Some(view) if !view.sending_enabled => exams.failed(
                    "mailer",
                    "SES has switched off sending for this account in this region; messages wait",
                    CURE,
                ),
                Some(view) if view.left_today(0) == Some(0) => {
                    exams.failed("mailer", "the account's quota of 24 hours is used; messages wait", CURE);
                }
                Some(view) if !view.production_access => exams.warning(
                    "mailer",
                    "SES answers; the account is in the SES sandbox, where only verified recipients are written to",
                    "ask AWS for production access",
                ),
                Some(view) => exams.ok(
                    "mailer",
                    format!(
                        "SES answers, and the account may send; {} of the last 24 hours' quota are used",
                        view.sent_last_day
                    ),
                ),
            }
            if let Some(config) = &ses.fallback {
                smtp("fallback", config, clock, exams).await;
            }
        }
    }
}

fn outbox(settings: &Settings, exams: &mut Exams) {
    let folder = settings.data_dir.join("outbox");
    let shown = folder.display();
    let captured = format!("messages are captured in {shown}, and none leaves this machine");
    match fs::metadata(&folder) {
        Ok(metadata) if !metadata.is_dir() => exams.failed(
            "mailer",
            format!("{shown} is no directory: no message can be captured"),
            "move that file away",
        ),
        // Made at the start; whether it can be is the data directory's check.
        Ok(_) | Err(_) => {
            exams.ok("mailer", format!("{captured}; [mailer] kind = \"smtp\" or \"ses\" sends them"));
        }
    }
}

async fn smtp(name: &'static str, config: &SmtpConfig, clock: &Arc<dyn Clock>, exams: &mut Exams) {
    let server = format!("{}:{}", config.host, config.port);
    let secrets = Arc::new(Secrets::new(Arc::clone(clock)));
    let how = match (config.tls, &config.credentials) {
        (TlsMode::None, None) => "greets us, in the clear",
        (TlsMode::None, Some(_)) => "takes our user name and password, in the clear",
        (_, None) => "greets us over TLS",
        (_, Some(_)) => "takes our user name and password over TLS",
    };
    let looked = look_at_smtp(config, &secrets).await;
    let result = looked
        .map(|()| format!("{server} {how}; nothing was sent"))
        .map_err(|error| format!("{server} is not to be had: {}", Failure::because(&error)));
    exams.judge(
        name,
        result,
        "docs/runbook.md, \"Mail does not go out\", says what to look at for that cause",
    );
}
