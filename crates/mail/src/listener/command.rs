//! One command line taken apart (RFC 5321 §4.1). Pure.

/// What a client asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Hello(Hello),
    Mail(Mail),
    /// The recipient's address.
    Rcpt(String),
    Data,
    Rset,
    Noop,
    Vrfy,
    Help,
    StartTls,
    Quit,
    /// A client of another protocol, made to talk to us by somebody else.
    Stranger,
    /// A command that exists and is not offered here.
    NotOffered,
    Unknown,
}

/// Which greeting it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    Helo,
    Ehlo,
    Lhlo,
}

/// MAIL with what is asked of the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// Empty for a bounce, as it should be.
    pub(super) return_path: String,
    /// Bytes announced with SIZE.
    pub(super) size: Option<u64>,
}

/// What is wrong with a command, as the answer to it.
pub(super) type Refusal = &'static str;

const SYNTAX: Refusal = "501 5.5.4 The command's arguments cannot be understood";
const PARAMETER: Refusal = "555 5.5.4 A parameter of the command is not known here";

/// Octets of a path with its angle brackets (RFC 5321 §4.5.3.1.3), doubled for relays that put tags in.
const PATH_BYTES_MAX: usize = 512;
/// Commands of SMTP and its extensions that are not offered.
const NOT_OFFERED: [&str; 9] = ["EXPN", "TURN", "ETRN", "ATRN", "BDAT", "AUTH", "SEND", "SOML", "SAML"];
/// How requests of HTTP begin.
const STRANGERS: [&str; 7] = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "HOST:"];

/// Reads a command line without its line end.
pub(super) fn parse(line: &[u8]) -> Result<Command, Refusal> {
    if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("501 5.5.2 The command contains a control character");
    }
    let line = std::str::from_utf8(line).map_err(|_| "501 5.5.2 The command is not in ASCII or UTF-8")?;
    let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let rest = rest.trim();
    let verb = verb.to_ascii_uppercase();
    let alone = |command: Command| if rest.is_empty() { Ok(command) } else { Err(SYNTAX) };
    match verb.as_str() {
        "EHLO" => hello(Hello::Ehlo, rest),
        "HELO" => hello(Hello::Helo, rest),
        "LHLO" => hello(Hello::Lhlo, rest),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => alone(Command::Data),
        "RSET" => alone(Command::Rset),
        "STARTTLS" => alone(Command::StartTls),
        "QUIT" => alone(Command::Quit),
        // These may carry anything.
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if rest.is_empty() => Err(SYNTAX),
        "VRFY" => Ok(Command::Vrfy),
        verb if NOT_OFFERED.contains(&verb) => Ok(Command::NotOffered),
        verb if STRANGERS.contains(&verb) => Ok(Command::Stranger),
        _ => Ok(Command::Unknown),
    }
}

fn hello(hello: Hello, name: &str) -> Result<Command, Refusal> {
    if name.is_empty() {
        Err("501 5.5.4 The command needs the client's name")
    } else {
        Ok(Command::Hello(hello))
    }
}

fn mail(rest: &str) -> Result<Command, Refusal> {
    let (return_path, parameters) = path(strip_word(rest, "FROM:")?)?;
    let (mut size, mut is_utf8) = (None, false);
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_uppercase().as_str() {
            "SIZE" => {
                let is_number =
                    (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
                // What no integer holds is too large in any case.
                size = Some(if is_number { value.parse().unwrap_or(u64::MAX) } else { return Err(SYNTAX) });
            }
            "BODY" if value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME") => {}
            "BODY" => return Err(SYNTAX),
            "SMTPUTF8" if value.is_empty() => is_utf8 = true,
            _ => return Err(PARAMETER),
        }
    }
    if !is_utf8 && !return_path.is_ascii() {
        return Err("553 5.6.7 A return path beyond ASCII needs SMTPUTF8");
    }
    Ok(Command::Mail(Mail { return_path: return_path.to_owned(), size }))
}

fn rcpt(rest: &str) -> Result<Command, Refusal> {
    let (recipient, parameters) = path(strip_word(rest, "TO:")?)?;
    if recipient.is_empty() {
        return Err(SYNTAX);
    }
    if !parameters.trim().is_empty() {
        return Err(PARAMETER);
    }
    Ok(Command::Rcpt(recipient.to_owned()))
}

fn strip_word<'a>(rest: &'a str, word: &str) -> Result<&'a str, Refusal> {
    match rest.split_at_checked(word.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(word) => Ok(rest.trim_start()),
        _ => Err(SYNTAX),
    }
}

/// What stands between the angle brackets, without a source route (RFC 5321 appendix C), and what follows them.
fn path(rest: &str) -> Result<(&str, &str), Refusal> {
    let inner = rest.strip_prefix('<').ok_or(SYNTAX)?;
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = inner.bytes().position(|byte| {
        let is_end = byte == b'>' && !is_quoted && !is_escaped;
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = is_quoted && byte == b'\\' && !is_escaped;
        is_end
    });
    let end = end.filter(|end| end + 2 <= PATH_BYTES_MAX).ok_or(SYNTAX)?;
    let (path, parameters) = (&inner[..end], &inner[end + 1..]);
    if !parameters.is_empty() && !parameters.starts_with([' ', '\t']) {
        return Err(SYNTAX);
    }
    let address = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').ok_or(SYNTAX)?.1,
        None => path,
    };
    if !is_quoted_where_needed(address) { Err(SYNTAX) } else { Ok((address, parameters)) }
}

/// Blanks and angle brackets may only stand in quotation marks.
fn is_quoted_where_needed(address: &str) -> bool {
    address.starts_with('"') || !address.contains([' ', '\t', '<'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(return_path: &str, size: Option<u64>) -> Command {
        Command::Mail(Mail { return_path: return_path.to_owned(), size })
    }

    #[test]
    fn commands_are_understood_in_any_case() {
        for (line, command) in [
            ("EHLO mx.example", Command::Hello(Hello::Ehlo)),
            ("helo mx.example", Command::Hello(Hello::Helo)),
            ("LhLo [192.0.2.1]", Command::Hello(Hello::Lhlo)),
            ("MAIL FROM:<>", mail("", None)),
            ("mail from:<a@b.example> size=10 body=8bitmime", mail("a@b.example", Some(10))),
            ("MAIL FROM: <a@b.example>", mail("a@b.example", None)),
            ("MAIL FROM:<\"a> b\"@b.example> BODY=7BIT", mail("\"a> b\"@b.example", None)),
            ("MAIL FROM:<ä@b.example> SMTPUTF8", mail("ä@b.example", None)),
            ("MAIL FROM:<> SIZE=99999999999999999999", mail("", Some(u64::MAX))),
            (
                "RCPT TO:<@relay.example,@other.example:b+x@b.example>",
                Command::Rcpt("b+x@b.example".to_owned()),
            ),
            ("rcpt to:<b+x@b.example>  ", Command::Rcpt("b+x@b.example".to_owned())),
            ("DATA", Command::Data),
            ("data ", Command::Data),
            ("NOOP anything", Command::Noop),
            ("HELP me", Command::Help),
            ("VRFY ada", Command::Vrfy),
            ("BDAT 86 LAST", Command::NotOffered),
            ("AUTH PLAIN", Command::NotOffered),
            ("GET / HTTP/1.1", Command::Stranger),
            ("Host: bounces.example", Command::Stranger),
            ("FROBNICATE", Command::Unknown),
            ("", Command::Unknown),
            (" MAIL FROM:<>", Command::Unknown),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused() {
        let long = format!("RCPT TO:<{}@b.example>", "a".repeat(PATH_BYTES_MAX));
        for (line, code) in [
            (&b"EHLO"[..], "501 5.5.4"),
            (b"EHLO ", "501 5.5.4"),
            (b"MAIL", "501 5.5.4"),
            (b"MAIL FROM:", "501 5.5.4"),
            (b"MAIL FROM:a@b.example", "501 5.5.4"),
            (b"MAIL FROM:<a@b.example", "501 5.5.4"),
            (b"MAIL FROM:<\"a@b.example>", "501 5.5.4"),
            (b"MAIL FROM:<a b@b.example>", "501 5.5.4"),
            (b"MAIL FROM:<>SIZE=1", "501 5.5.4"),
            (b"MAIL FROM:<> SIZE=-1", "501 5.5.4"),
            (b"MAIL FROM:<> SIZE=", "501 5.5.4"),
            (b"MAIL FROM:<> BODY=BINARYMIME", "501 5.5.4"),
            (b"MAIL FROM:<> RET=FULL", "555 5.5.4"),
            (b"MAIL FROM:<> AUTH=<>", "555 5.5.4"),
            ("MAIL FROM:<ä@b.example>".as_bytes(), "553 5.6.7"),
            (b"MAIL FROM:<\xff@b.example> SMTPUTF8", "501 5.5.2"),
            (b"MAIL FROM:<a\0@b.example>", "501 5.5.2"),
            (b"MAIL FROM:<a\x1b[31m@b.example>", "501 5.5.2"),
            (b"MAIL TO:<a@b.example>", "501 5.5.4"),
            (b"RCPT TO:<>", "501 5.5.4"),
            (b"RCPT TO:<@relay.example>", "501 5.5.4"),
            (b"RCPT TO:<a@b.example> NOTIFY=NEVER", "555 5.5.4"),
            (long.as_bytes(), "501 5.5.4"),
            (b"DATA now", "501 5.5.4"),
            (b"VRFY", "501 5.5.4"),
            (b"\x80\x81", "501 5.5.2"),
        ] {
            let refusal = parse(line).expect_err("it is refused");
            assert!(refusal.starts_with(code), "{}: {refusal}", String::from_utf8_lossy(line));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_command_or_are_not(line in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse(&line);
            let _ = parse(&[b"MAIL FROM:<", line.as_slice()].concat());
            let _ = parse(&[b"RCPT TO:<", line.as_slice()].concat());
        }
    }
}
