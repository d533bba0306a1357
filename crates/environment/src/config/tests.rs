use super::{IngestSettings, LedgerSettings, MailerSettings, RawSettings, SecretSetting, Settings, keys};

fn from_environment(variables: &[(&str, &str)]) -> Result<Settings, String> {
    let mut raw = RawSettings::default();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    raw.read_environment(variables).map_err(|error| error.to_string())?;
    Settings::check(&raw).map_err(|error| error.to_string())
}

fn from_file(text: &str) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut raw = RawSettings::default();
    raw.read_file(file.path()).map_err(|error| error.to_string())?;
    Settings::check(&raw).map_err(|error| error.to_string())
}

#[test]
fn nothing_needs_to_be_configured() {
    let settings = from_environment(&[]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8025");
    assert!(matches!(settings.mailer, MailerSettings::Outbox));
    assert_eq!(settings.ledger_path.to_str(), Some("postrider-data/ledger.sqlite"));
    assert_eq!(settings.retry.max_attempts, 6);
}

#[test]
fn a_setting_is_the_same_in_a_file_and_in_the_environment() {
    let file = from_file("[mailer]\nkind = \"smtp\"\n[mailer.smtp]\nport = 2525\ntls = \"none\"\n").unwrap();
    let environment = from_environment(&[
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__PORT", "2525"),
        ("POSTRIDER__MAILER__SMTP__TLS", "none"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(format!("{:?}", file.mailer), format!("{:?}", environment.mailer));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let error = from_file("[mailer.smtp]\nprot = 25\n").unwrap_err();
    assert_eq!(error, "unknown setting mailer.smtp.prot; did you mean mailer.smtp.port?");
    let error = from_environment(&[("POSTRIDER__RETRY__MAX_ATTEMPS", "3")]).unwrap_err();
    assert_eq!(error, "unknown setting POSTRIDER__RETRY__MAX_ATTEMPS; did you mean retry.max_attempts?");
}

#[test]
fn a_wrong_value_names_the_setting_as_it_was_written() {
    let wrong = [
        (("POSTRIDER__RETRY__MAX_ATTEMPTS", "0"), "POSTRIDER__RETRY__MAX_ATTEMPTS must be from 1 to 100"),
        (("POSTRIDER__RETRY__MAX_ATTEMPTS", "six"), "POSTRIDER__RETRY__MAX_ATTEMPTS must be a whole number"),
        (("POSTRIDER__MAILER__KIND", "pigeon"), "POSTRIDER__MAILER__KIND must be outbox or smtp or ses"),
        (("POSTRIDER__MAILER__KIND", "ses"), "sender.from must be set"),
        (("POSTRIDER__LEDGER__KIND", "dynamodb"), "ledger.table must be set"),
        (("POSTRIDER__INGEST__KIND", "sqs"), "ingest.sqs_queue_url must be set"),
        (("POSTRIDER__MAILER__FALLBACK", "smtp"), "POSTRIDER__MAILER__FALLBACK only helps"),
        (("POSTRIDER__SERVER__LISTEN", "8025"), "POSTRIDER__SERVER__LISTEN must be an address and a port"),
        (
            ("POSTRIDER__SENDER__FROM", "a@x,b@y"),
            "POSTRIDER__SENDER__FROM must be exactly one e-mail address",
        ),
        (("POSTRIDER__SANDBOX__ALLOW", "x"), "POSTRIDER__SANDBOX__ALLOW must be addresses and domains"),
        (("POSTRIDER__SANDBOX__REDIRECT_TO", "x"), "POSTRIDER__SANDBOX__REDIRECT_TO must be exactly one"),
    ];
    for (variable, expected) in wrong {
        let error = from_environment(&[variable]).unwrap_err();
        assert!(error.contains(expected), "{error} does not contain {expected}");
    }
}

#[test]
fn requests_are_limited_only_if_somebody_says_so() {
    let limit = |value| {
        let read = from_environment(&[("POSTRIDER__SERVER__RATE_LIMIT_PER_SECOND", value)]);
        read.map(|settings| settings.rate_limit_per_second)
    };
    assert_eq!(from_environment(&[]).unwrap().rate_limit_per_second, None);
    assert_eq!(limit("20").unwrap(), Some(20));
    for wrong in ["0", "-1", "1000001"] {
        assert!(limit(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn messages_that_really_leave_need_a_sender_and_protection() {
    let smtp = ("POSTRIDER__MAILER__KIND", "smtp");
    let host = ("POSTRIDER__MAILER__SMTP__HOST", "mail.example.com");
    assert!(from_environment(&[smtp, host]).unwrap_err().contains("sender.from must be set"));
    let from = ("POSTRIDER__SENDER__FROM", "Shop <shop@example.com>");
    let plain = ("POSTRIDER__MAILER__SMTP__TLS", "none");
    assert!(from_environment(&[smtp, host, from, plain]).unwrap_err().contains("in the clear"));
    assert!(
        from_environment(&[smtp, host, from, plain, ("POSTRIDER__MAILER__SMTP__ALLOW_PLAINTEXT", "true")])
            .is_ok()
    );
    let settings = from_environment(&[smtp, host, from]).unwrap();
    assert_eq!(settings.sender.from_name.as_deref(), Some("Shop"));
}

#[test]
fn debug_output_shows_no_password() {
    let settings = from_environment(&[
        ("POSTRIDER__MAILER__KIND", "smtp"),
        ("POSTRIDER__MAILER__SMTP__USERNAME", "shop"),
        ("POSTRIDER__MAILER__SMTP__PASSWORD", "hunter2"),
    ])
    .unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_annotated_file_is_a_configuration_and_names_every_key() {
    let text = keys::annotated_file();
    assert!(from_file(&text).is_ok());
    let switched_on: String = text
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.ends_with("= \"\""))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    assert!(from_file(&switched_on).is_ok(), "{:?}", from_file(&switched_on));
}

#[test]
fn a_syntax_error_says_where_and_never_quotes_the_file() {
    for line in ["password = hunter2", "password = \"hunter2", "password = \"hunter2\" x", "password hunter2"]
    {
        let error = from_file(&format!("[mailer.smtp]\nport = 25\n{line}\n")).unwrap_err();
        assert!(error.contains("line 3, column"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let twice = from_file("[mailer.smtp]\npassword = \"hunter1\"\npassword = \"hunter2\"\n").unwrap_err();
    assert!(!twice.contains("hunter"), "{twice}");
}

#[test]
fn raw_settings_show_no_password_either() {
    let mut raw = RawSettings::default();
    raw.set("mailer.smtp.password", "hunter2".into(), "PASSWORD").unwrap();
    assert!(!format!("{raw:?}").contains("hunter2"));
}

#[test]
fn a_relative_path_in_a_file_begins_in_the_folder_of_the_file_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("postrider.toml");
    let text = "[server]\ndata_dir = \"data\"\n[types]\ndirectory = \"../types\"\n\
                [sender.dkim]\ndomain = \"shop.example\"\nselector = \"s\"\nkey_file = \"/keys/k.pem\"\n";
    std::fs::write(&file, text).unwrap();
    let mut raw = RawSettings::default();
    raw.read_file(&file).unwrap();
    let settings = Settings::check(&raw).unwrap();
    assert_eq!(settings.data_dir, folder.path().join("data"));
    assert_eq!(settings.ledger_path, folder.path().join("data/ledger.sqlite"));
    assert_eq!(settings.types_directory, Some(folder.path().join("../types")));
    assert_eq!(settings.sender.dkim.unwrap().key_file.to_str(), Some("/keys/k.pem"));
    // The environment wins, and knows nothing of the file's folder.
    let variable = ("POSTRIDER__LEDGER__PATH".to_owned(), "l.sqlite".to_owned());
    raw.read_environment([variable].into_iter()).unwrap();
    assert_eq!(Settings::check(&raw).unwrap().ledger_path.to_str(), Some("l.sqlite"));
}

#[test]
fn what_the_mailer_would_refuse_is_refused_by_the_name_it_was_given() {
    let smtp = ("POSTRIDER__MAILER__KIND", "smtp");
    let from = ("POSTRIDER__SENDER__FROM", "shop@example.com");
    let wrong = [
        ("POSTRIDER__MAILER__SMTP__TIMEOUT_SECS", "1201", "must be from 1 to 1200"),
        ("POSTRIDER__MAILER__SMTP__HOST", "a b", "is neither a host name nor an IP address"),
        ("POSTRIDER__MAILER__SMTP__CONNECTIONS", "513", "must be from 1 to 512"),
    ];
    for (name, value, expected) in wrong {
        let error = from_environment(&[smtp, from, (name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    }
    assert!(from_environment(&[smtp, from, ("POSTRIDER__MAILER__SMTP__TIMEOUT_SECS", "1200")]).is_ok());
}

#[test]
fn a_public_url_must_be_one() {
    let error = from_environment(&[("POSTRIDER__SERVER__PUBLIC_URL", "mail.shop.example")]).unwrap_err();
    assert!(error.contains("POSTRIDER__SERVER__PUBLIC_URL must be a URL"), "{error}");
    assert!(from_environment(&[("POSTRIDER__SERVER__PUBLIC_URL", "https://mail.shop.example/")]).is_ok());
}

#[test]
fn a_bounce_listener_needs_a_bounce_domain_and_takes_its_name() {
    let listen = ("POSTRIDER__FEEDBACK__LISTEN", "127.0.0.1:2525");
    let refused = from_environment(&[listen]).unwrap_err();
    assert!(
        refused.contains("POSTRIDER__FEEDBACK__LISTEN") && refused.contains("bounce_domain"),
        "{refused}"
    );
    let domain = ("POSTRIDER__SENDER__BOUNCE_DOMAIN", "bounces.shop.example");
    let settings = from_environment(&[listen, domain]).unwrap();
    assert_eq!(settings.feedback.listener.unwrap().hostname, "bounces.shop.example");
    let wrong = ("POSTRIDER__FEEDBACK__LISTEN", "bounces.shop.example");
    assert!(from_environment(&[wrong, domain]).is_err());
}

#[test]
fn topics_are_arns_separated_by_commas() {
    let topics = "arn:aws:sns:eu-central-1:111122223333:a, arn:aws:sns:eu-central-1:111122223333:b";
    let settings = from_environment(&[("POSTRIDER__FEEDBACK__SNS_TOPICS", topics)]).unwrap();
    assert_eq!(settings.feedback.sns.unwrap().topics.len(), 2);
    for wrong in ["shop-mail", ",", "https://sns.eu-central-1.amazonaws.com/"] {
        assert!(from_environment(&[("POSTRIDER__FEEDBACK__SNS_TOPICS", wrong)]).is_err(), "{wrong}");
    }
}

#[test]
fn a_queue_is_named_by_its_url() {
    let url = "https://sqs.eu-central-1.amazonaws.com/111122223333/feedback";
    let settings = from_environment(&[("POSTRIDER__FEEDBACK__SQS_QUEUE_URL", url)]).unwrap();
    assert_eq!(settings.feedback.sqs.unwrap().config.queue_url, url);
    assert!(from_environment(&[("POSTRIDER__FEEDBACK__SQS_QUEUE_URL", "feedback")]).is_err());
}

#[test]
fn days_become_milliseconds_and_the_rule_can_be_switched_off() {
    let settings = from_environment(&[
        ("POSTRIDER__SUPPRESSION__SOFT_BOUNCES", "0"),
        ("POSTRIDER__SUPPRESSION__SOFT_BOUNCE_WINDOW_DAYS", "2"),
    ])
    .unwrap();
    assert_eq!((settings.soft_bounces.count, settings.soft_bounces.window_ms), (0, 172_800_000));
}

#[test]
fn ses_is_configured_with_its_fallback() {
    let settings = from_environment(&[
        ("POSTRIDER__MAILER__KIND", "ses"),
        ("POSTRIDER__MAILER__FALLBACK", "smtp"),
        ("POSTRIDER__MAILER__SMTP__HOST", "mail.example.com"),
        ("POSTRIDER__MAILER__SES__REGION", "eu-central-1"),
        ("POSTRIDER__MAILER__SES__CONFIGURATION_SET", "shop"),
        ("POSTRIDER__MAILER__SES__RATE_SHARE", "25"),
        ("POSTRIDER__SENDER__FROM", "Shop <shop@example.com>"),
    ])
    .unwrap();
    let MailerSettings::Ses(ses) = settings.mailer else { panic!("{:?}", settings.mailer) };
    assert_eq!(ses.place.region.as_deref(), Some("eu-central-1"));
    assert_eq!((ses.config.configuration_set.as_deref(), ses.rate_share_percent), (Some("shop"), 25));
    assert_eq!((ses.config.from.as_str(), ses.config.timeout_ms), ("shop@example.com", 30_000));
    assert_eq!(ses.fallback.unwrap().host, "mail.example.com");
}

#[test]
fn the_parts_at_amazon_go_together_in_any_combination() {
    let settings = from_environment(&[
        ("POSTRIDER__LEDGER__KIND", "dynamodb"),
        ("POSTRIDER__LEDGER__TABLE", "postrider-prod"),
        ("POSTRIDER__LEDGER__ENDPOINT_URL", "http://127.0.0.1:5000"),
        ("POSTRIDER__INGEST__KIND", "sqs"),
        ("POSTRIDER__INGEST__SQS_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/111122223333/orders"),
        ("POSTRIDER__SUPPRESSION__SES_MIRROR", "both"),
    ])
    .unwrap();
    let LedgerSettings::DynamoDb(table) = settings.ledger else { panic!("{:?}", settings.ledger) };
    assert_eq!(table.table, "postrider-prod");
    assert_eq!(table.place.endpoint_url.as_deref(), Some("http://127.0.0.1:5000"));
    assert!(matches!(settings.ingest, IngestSettings::Sqs(_)));
    assert!(settings.ses_mirror.is_some() && matches!(settings.mailer, MailerSettings::Outbox));
}

#[test]
fn a_sandbox_is_a_list_in_a_file_and_in_the_environment() {
    let file =
        from_file("[sandbox]\nredirect_to = \"t@shop.test\"\nallow = [\"ada@example.com\", \"shop.test\"]\n");
    let environment = from_environment(&[
        ("POSTRIDER__SANDBOX__REDIRECT_TO", "t@shop.test"),
        ("POSTRIDER__SANDBOX__ALLOW", "ada@example.com, shop.test"),
    ]);
    assert_eq!(file.unwrap().sandbox.unwrap(), environment.unwrap().sandbox.unwrap());
    assert!(from_environment(&[]).unwrap().sandbox.is_none());
    assert!(from_file("[sandbox]\nallow = [1]\n").unwrap_err().contains("must be a list of strings"));
}

#[test]
fn the_installations_secret_is_given_or_kept_elsewhere() {
    let secret = |text: &str| from_environment(&[("POSTRIDER__SERVER__SECRET", text)]);
    assert!(matches!(secret(&"5a".repeat(32)).unwrap().secret, Some(SecretSetting::Given(_))));
    let kept = secret("aws-secretsmanager:postrider/prod#secret").unwrap().secret;
    assert!(matches!(kept, Some(SecretSetting::Kept(_))));
    for wrong in ["hunter2", "aws-ssm:"] {
        let error = secret(wrong).unwrap_err();
        assert!(error.contains("POSTRIDER__SERVER__SECRET must be") && !error.contains("hunter2"), "{error}");
    }
    let both = [
        ("POSTRIDER__SERVER__SECRET", "aws-ssm:/postrider/secret"),
        ("POSTRIDER__SERVER__SECRET_FILE", "/etc/secret"),
    ];
    assert!(from_environment(&both).unwrap_err().contains("remove one"));
}

#[test]
fn a_budget_needs_somebody_who_says_what_was_sent() {
    let ses = "[mailer]\nkind = \"ses\"\n[sender]\nfrom = \"orders@shop.test\"\n[budget]\n";
    let with = |text: &str| from_file(&format!("{ses}{text}")).map(|settings| settings.budget.monthly_usd);
    assert_eq!(with("monthly_usd = \"49.90\"\n").unwrap(), Some("49.9".parse().unwrap()));
    assert_eq!((with("monthly_usd = \"0\"\n").unwrap(), with("").unwrap()), (None, None));
    assert!(with("monthly_usd = \"much\"\n").unwrap_err().contains("amount of US dollars"));
    let elsewhere = from_file("[budget]\nmonthly_usd = \"50\"\n").unwrap_err();
    assert!(elsewhere.contains("budget.monthly_usd") && elsewhere.contains("ses"), "{elsewhere}");
}
