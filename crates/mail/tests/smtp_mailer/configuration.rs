//! Settings that are refused before anything is sent.

use postrider_mail::mailers::smtp::{Credentials, SmtpConfig, SmtpConfigError, SmtpMailer, TlsMode};

fn config() -> SmtpConfig {
    SmtpConfig {
        host: "127.0.0.1".to_owned(),
        port: 2525,
        tls: TlsMode::None,
        allow_plaintext: false,
        credentials: None,
        connections: 4,
        timeout_ms: 1_000,
        ehlo_name: "shop.example".to_owned(),
        extra_roots: Vec::new(),
    }
}

fn refusal(config: SmtpConfig) -> Option<SmtpConfigError> {
    SmtpMailer::new(config).err()
}

#[test]
fn plain_text_is_for_this_machine_unless_it_is_allowed() {
    let to = |host: &str, allow_plaintext| SmtpConfig { host: host.to_owned(), allow_plaintext, ..config() };
    for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
        assert_eq!(refusal(to(host, false)), None, "{host}");
    }
    for host in ["mail.example", "192.0.2.1", "localhost.example", "127.0.0.1.example"] {
        assert_eq!(refusal(to(host, false)), Some(SmtpConfigError::Plaintext(host.to_owned())));
        assert_eq!(refusal(to(host, true)), None, "{host}");
    }
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let cases = [
        (SmtpConfig { host: String::new(), ..config() }, SmtpConfigError::Host(String::new())),
        (SmtpConfig { host: "a b".to_owned(), ..config() }, SmtpConfigError::Host("a b".to_owned())),
        (SmtpConfig { port: 0, ..config() }, SmtpConfigError::Port),
        (SmtpConfig { connections: 0, ..config() }, SmtpConfigError::Connections),
        (SmtpConfig { connections: 100_000, ..config() }, SmtpConfigError::Connections),
        (SmtpConfig { timeout_ms: 0, ..config() }, SmtpConfigError::Timeout),
        (SmtpConfig { timeout_ms: u64::MAX, ..config() }, SmtpConfigError::Timeout),
        (
            SmtpConfig { ehlo_name: "a\r\nMAIL".to_owned(), ..config() },
            SmtpConfigError::EhloName("a\r\nMAIL".to_owned()),
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(refusal(config), Some(expected));
    }
}

#[test]
fn credentials_that_auth_cannot_carry_are_refused() {
    for (username, password) in [("", "x"), ("a\0b", "x"), ("a", "x\0y")] {
        let credentials = Credentials { username: username.to_owned(), password: password.to_owned() };
        let config = SmtpConfig { credentials: Some(credentials), ..config() };
        assert_eq!(refusal(config), Some(SmtpConfigError::Credentials));
    }
}

#[test]
fn credentials_do_not_show_in_debug_output() {
    let credentials = Credentials { username: "ada".to_owned(), password: "secret".to_owned() };
    let shown = format!("{:?}", SmtpConfig { credentials: Some(credentials), ..config() });
    assert!(!shown.contains("ada") && !shown.contains("secret"), "{shown}");
}
