//! Every setting there is: what may be written, what it means, and what it is when nobody writes it.
//!
//! The configuration reference and the annotated file that `init` writes are made from this table.

/// What a setting's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// The path of a file or folder. A relative one in a file begins in the folder of that file, any other in the
    /// current directory.
    Path,
    /// A whole number, zero or more.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of strings, or one string with commas between them.
    List,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `section.key`.
    pub path: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The default as it would be written in a file; empty where there is none.
    pub default: &'static str,
    /// What it means, in one or two sentences.
    pub meaning: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key { path, kind, default, meaning }
}

/// The settings, in the order the reference lists them.
pub const KEYS: &[Key] = &[
    key(
        "server.listen",
        Kind::Text,
        "\"127.0.0.1:8025\"",
        "Address and port of the API and the dashboard. Port 0 takes a free one. As long as there was never an API key (`postrider keys create`), `serve` refuses any but a loopback address.",
    ),
    key(
        "server.public_url",
        Kind::Text,
        "",
        "The URL by which others reach this server, behind a proxy for example. Requests for its host are answered besides those for this machine, and links to unsubscribe begin with it.",
    ),
    key(
        "server.data_dir",
        Kind::Path,
        "\"postrider-data\"",
        "Where the ledger and the outbox live; `--data-dir` overrides it. Made for its owner alone. The default is in the current directory.",
    ),
    key(
        "server.secret_file",
        Kind::Path,
        "",
        "The installation's secret: signs return paths and hides addresses that were erased. `secret.key` in the data directory if not set; made at the first start. Back it up together with the ledger.",
    ),
    key(
        "server.secret",
        Kind::Text,
        "",
        "The same secret without a file, where there is no disk: 64 hexadecimal digits, or `aws-secretsmanager:<arn or name>[#json-key]` or `aws-ssm:<parameter>`, where they are kept. Better given as POSTRIDER__SERVER__SECRET than written in a file.",
    ),
    key(
        "server.request_limit_bytes",
        Kind::Number,
        "262144",
        "Bytes of one event's body; larger ones are answered 413. At most 262144.",
    ),
    key(
        "server.rate_limit_per_second",
        Kind::Number,
        "",
        "Requests a second for each API key, and for all together while there are no keys, 1 to 1000000; what is too much is answered 429. No limit if not set. Commands on the data directory are not counted.",
    ),
    key(
        "ledger.kind",
        Kind::Text,
        "\"sqlite\"",
        "Where notifications are stored: `sqlite`, a file of this machine, or `dynamodb`, a table that several processes share.",
    ),
    key(
        "ledger.path",
        Kind::Path,
        "",
        "The ledger's file; `ledger.sqlite` in the data directory if not set.",
    ),
    key("ledger.table", Kind::Text, "", "The table at Amazon DynamoDB. Required for `dynamodb`."),
    key("ledger.region", Kind::Text, "", "The table's region; that of the environment if not set."),
    key("ledger.endpoint_url", Kind::Text, "", "Where to ask instead of Amazon, for an emulator."),
    key(
        "ingest.kind",
        Kind::Text,
        "\"http\"",
        "How events come in. `http`: over the API alone. `sqs`: out of a queue at Amazon SQS as well, straight or through SNS, enveloped or raw. The message attribute `eventType` says what bare data is, `order.confirmed` if it is not there.",
    ),
    key(
        "ingest.sqs_queue_url",
        Kind::Text,
        "",
        "The queue of events. What is no event stays in it, so that its redrive policy moves it to its dead-letter queue. Required for `sqs`.",
    ),
    key("ingest.sqs_region", Kind::Text, "", "The queue's region; read from its URL if not set."),
    key("ingest.sqs_endpoint_url", Kind::Text, "", "Where to ask instead of Amazon, for an emulator."),
    key(
        "ingest.sqs_receivers",
        Kind::Number,
        "4",
        "How many requests ask the queue at the same time; each has up to ten messages in hand.",
    ),
    key(
        "mailer.kind",
        Kind::Text,
        "\"outbox\"",
        "`outbox` captures messages in the data directory and sends nothing; `smtp` hands them to a mail server; `ses` to Amazon SES.",
    ),
    key(
        "mailer.fallback",
        Kind::Text,
        "",
        "`smtp`: while SES takes nothing for a reason of the account (paused, suspended, unverified, out of quota, locked out), messages go to the server of `[mailer.smtp]`. Only with `kind = \"ses\"`; none if not set.",
    ),
    key(
        "mailer.concurrency",
        Kind::Number,
        "64",
        "Notifications in hand at once, 1 to 512. After a crash at most this many have an unknown outcome.",
    ),
    key(
        "mailer.rate_per_second",
        Kind::Number,
        "0",
        "Messages handed on per second at most, evenly spaced; 0 means no limit.",
    ),
    key(
        "mailer.on_unknown",
        Kind::Text,
        "\"resend\"",
        "What to do when nobody can tell whether a message left: `resend` risks a duplicate, `hold` waits for a person. With its attempts spent it is always held.",
    ),
    key(
        "mailer.unknown_wait_secs",
        Kind::Number,
        "600",
        "How long an unknown outcome waits before `on_unknown` applies.",
    ),
    key("mailer.smtp.host", Kind::Text, "\"127.0.0.1\"", "The mail server that relays for you."),
    key("mailer.smtp.port", Kind::Number, "587", "Its port: 587 for `starttls`, 465 for `implicit`."),
    key(
        "mailer.smtp.tls",
        Kind::Text,
        "\"starttls\"",
        "`starttls`, `implicit` or `none`. `none` only to a loopback address unless `allow_plaintext` is set.",
    ),
    key(
        "mailer.smtp.allow_plaintext",
        Kind::Flag,
        "false",
        "Allow `tls = \"none\"` to an address that is not this machine.",
    ),
    key("mailer.smtp.username", Kind::Text, "", "User name for AUTH; no authentication if not set."),
    key(
        "mailer.smtp.password",
        Kind::Text,
        "",
        "Password for AUTH, or where it is kept: `aws-secretsmanager:<arn or name>[#json-key]` or `aws-ssm:<parameter>`, read again when the server no longer takes it. Better given as POSTRIDER__MAILER__SMTP__PASSWORD than written in a file.",
    ),
    key(
        "mailer.smtp.connections",
        Kind::Number,
        "10",
        "Connections kept open to the mail server, 1 to 512; each carries many messages.",
    ),
    key(
        "mailer.smtp.timeout_secs",
        Kind::Number,
        "300",
        "How long the server may take to answer one SMTP command, 1 to 1200; twice as long after the final dot (RFC 5321 §4.5.3.2).",
    ),
    key(
        "mailer.ses.region",
        Kind::Text,
        "",
        "The region of Amazon SES; that of the environment if not set. Credentials come from the environment as for all of Amazon's tools.",
    ),
    key(
        "mailer.ses.configuration_set",
        Kind::Text,
        "",
        "The configuration set of every message. Its event destinations say what becomes of it (`[feedback]`).",
    ),
    key("mailer.ses.endpoint_url", Kind::Text, "", "Where to ask instead of Amazon, for an emulator."),
    key(
        "mailer.ses.timeout_secs",
        Kind::Number,
        "30",
        "How long SES may take for one message, 1 to 120. After that nobody knows whether it took it.",
    ),
    key(
        "mailer.ses.rate_share",
        Kind::Number,
        "100",
        "Percent of the account's rate of SES that this process takes, 1 to 100. Where several processes send for one account their shares must not come to more than 100.",
    ),
    key(
        "sender.from",
        Kind::Text,
        "\"Your shop <orders@shop.example>\"",
        "From whom the messages are. Required when the mail server is not on this machine.",
    ),
    key(
        "sender.allowed_domains",
        Kind::Text,
        "",
        "Domains, separated by commas, that messages sent without a type (`POST /v1/emails`) may be from, besides the domain of `from`. None if not set.",
    ),
    key("sender.reply_to", Kind::Text, "", "Where answers go, if not to `from`."),
    key(
        "sender.bounce_domain",
        Kind::Text,
        "",
        "Domain of the envelope sender: each message gets a signed return path of its own there, by which its bounce finds it. The address of `from` if not set, and then bounces go there unread.",
    ),
    key("sender.dkim.domain", Kind::Text, "", "The signing domain (`d=`). Setting it switches DKIM on."),
    key("sender.dkim.selector", Kind::Text, "", "The selector (`s=`)."),
    key(
        "sender.dkim.key_file",
        Kind::Path,
        "",
        "PEM file with the private key: RSA of 2048 bits or more, or Ed25519.",
    ),
    key("retry.max_attempts", Kind::Number, "6", "Attempts before a notification is dead, 1 to 100."),
    key(
        "retry.base_delay_ms",
        Kind::Number,
        "600000",
        "Ceiling of the first delay; each further ceiling is five times the one before. The delay is drawn evenly between zero and the ceiling.",
    ),
    key("retry.max_delay_ms", Kind::Number, "86400000", "Ceiling of every delay."),
    key(
        "feedback.listen",
        Kind::Text,
        "",
        "Address and port of a server that takes the bounces of `sender.bounce_domain`, such as 0.0.0.0:25. It takes mail for signed return paths and nothing else. None if not set.",
    ),
    key("feedback.protocol", Kind::Text, "\"smtp\"", "`smtp`, or `lmtp` behind a mail server of your own."),
    key("feedback.hostname", Kind::Text, "", "What that server calls itself; the bounce domain if not set."),
    key(
        "feedback.tls_certificate_file",
        Kind::Path,
        "",
        "PEM file with that server's certificate, and those that lead to its authority. With it STARTTLS is offered. Read at the start.",
    ),
    key("feedback.tls_key_file", Kind::Path, "", "PEM file with the private key of that certificate."),
    key(
        "feedback.sns_topics",
        Kind::Text,
        "",
        "ARNs of the Amazon SNS topics that may post SES events to /v1/feedback/sns, separated by commas. None if not set.",
    ),
    key(
        "feedback.sns_intermediates_file",
        Kind::Path,
        "",
        "PEM file with Amazon's intermediate certificates, for a server that may not fetch them from crt.*.amazontrust.com.",
    ),
    key(
        "feedback.sqs_queue_url",
        Kind::Text,
        "",
        "An Amazon SQS queue that SES events come to, straight or through SNS. Credentials come from the environment as for all of Amazon's tools. None if not set.",
    ),
    key("feedback.sqs_region", Kind::Text, "", "The queue's region; read from its URL if not set."),
    key("feedback.sqs_endpoint_url", Kind::Text, "", "Where to ask instead of Amazon, for an emulator."),
    key(
        "feedback.sqs_receivers",
        Kind::Number,
        "4",
        "How many requests ask the queue at the same time. Each has up to ten messages in hand, which share a commit of the ledger: on a slow disk more mean more reports a second.",
    ),
    key(
        "suppression.soft_bounces",
        Kind::Number,
        "5",
        "Messages that bounce softly (mailbox full, system in trouble) before the address is suppressed for a while; 0 switches this off.",
    ),
    key("suppression.soft_bounce_window_days", Kind::Number, "14", "Within how many days these count."),
    key("suppression.soft_bounce_expiry_days", Kind::Number, "30", "How long such a suppression lasts."),
    key(
        "suppression.ses_mirror",
        Kind::Text,
        "\"off\"",
        "Keeps this list and the SES account's in step: `to` puts hard bounces and complaints on the account's and takes off what is taken off here, `from` brings in what the account's has, `both`, or `off`. Asks where and as `[mailer.ses]` says.",
    ),
    key(
        "budget.monthly_usd",
        Kind::Text,
        "",
        "The hard budget of a calendar month (UTC) in US dollars, such as \"200\" or \"49.90\". When it is reached, what comes in is accepted and held, and nothing is sent until the budget is raised, the month ends, or a person says `postrider cost release`. Only with `mailer.kind = \"ses\"`. Not set, or 0, means no hold.",
    ),
    key(
        "budget.vpc",
        Kind::Flag,
        "false",
        "For the AWS functions: whether they run in a network of their own (`EnableVpc`), whose endpoints cost something every month.",
    ),
    key(
        "sandbox.redirect_to",
        Kind::Text,
        "",
        "Every message goes to this address instead, its subject marked with where it would have gone. Not set means that messages go where they should.",
    ),
    key(
        "sandbox.allow",
        Kind::List,
        "",
        "Addresses and domains that get their own messages all the same. Without `redirect_to` nobody else gets any: those messages fail as `sandbox_not_allowed`, and can be redriven.",
    ),
    key(
        "webhooks.allow_private",
        Kind::Flag,
        "false",
        "Let webhooks go to this machine and to private networks, and over http. For development; otherwise whoever may make a webhook could reach what only this machine should.",
    ),
    key(
        "webhooks.concurrency",
        Kind::Number,
        "64",
        "Calls on their way at once, 50 to 512. Each endpoint has at most four of them and never more than its share, so that those that do not answer are in nobody's way.",
    ),
    key("types.directory", Kind::Path, "", "Folder with notification types; the shipped ones if not set."),
    key(
        "types.attachments_directory",
        Kind::Path,
        "",
        "Folder on a disk of this machine out of which types and events may attach files by their path, such as invoices. Nothing outside of it is read, also not through symbolic links. None if not set.",
    ),
];

/// The setting at `path`.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The known path that looks most like `path`.
#[must_use]
pub fn nearest(path: &str) -> Option<&'static str> {
    let scored = KEYS.iter().map(|key| (strsim::jaro_winkler(path, key.path), key.path));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.7).then_some(best.1)
}

/// The settings by section, in order: the section's name, its settings and the last part of each one's path.
fn sections() -> Vec<(&'static str, Vec<(&'static str, &'static Key)>)> {
    let mut sections: Vec<(&str, Vec<(&str, &Key)>)> = Vec::new();
    for key in KEYS {
        let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        match sections.last_mut() {
            Some((last, keys)) if *last == section => keys.push((name, key)),
            _ => sections.push((section, vec![(name, key)])),
        }
    }
    sections
}

/// The annotated file that `init` writes: every setting, commented out, with its default.
#[must_use]
pub fn annotated_file() -> String {
    let mut file = String::from(
        "# Postrider's configuration. Every setting may also be given as an environment variable:\n\
         # [mailer.smtp] port is POSTRIDER__MAILER__SMTP__PORT. Check with `postrider config check`.\n\
         # A relative path in this file begins in the folder of this file.\n",
    );
    for (section, keys) in sections() {
        file.push_str(&format!("\n[{section}]\n"));
        for (name, key) in keys {
            let default = if key.default.is_empty() { "\"\"" } else { key.default };
            file.push_str(&format!("# {}\n#{name} = {default}\n", key.meaning));
        }
    }
    file
}

/// The configuration reference as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\nPostrider needs no configuration. What it can be told, in a file given with `--config` or as \
         environment variables (`POSTRIDER__SECTION__KEY`; the environment wins). Unknown keys are errors. A relative path \
         in the file begins in the folder of the file; one in the environment or on the command line begins in the \
         current directory. This page is made by `postrider config reference`.\n",
    );
    for (section, keys) in sections() {
        page.push_str(&format!("\n## `[{section}]`\n\n| key | default | meaning |\n| --- | --- | --- |\n"));
        for (name, key) in keys {
            let default =
                if key.default.is_empty() { "not set".to_owned() } else { format!("`{}`", key.default) };
            page.push_str(&format!("| `{name}` | {default} | {} |\n", key.meaning));
        }
    }
    page
}
