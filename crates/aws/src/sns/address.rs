//! Which addresses SNS may send us to. Read letter by letter, not by a URL parser: what is not exactly as SNS writes it is
//! refused, so there is nothing two parsers could read differently.

/// Characters of a region's name. The longest today has fourteen.
const REGION_CHARS_MAX: usize = 32;

/// A place of SNS: its region and the end of its host names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub region: &'a str,
    pub suffix: &'static str,
}

const WORLD: &str = "amazonaws.com";
const CHINA: &str = "amazonaws.com.cn";

impl Place<'_> {
    /// The host names that certificates of this place are made out to. Which one it is differs from region to region
    /// and is published nowhere but in the code of Amazon's own clients.
    pub fn certificate_names(&self) -> Vec<String> {
        let Self { region, suffix } = self;
        let mut names = vec![
            format!("sns.{suffix}"),
            format!("sns-signing.{region}.{suffix}"),
            format!("sns.{region}.{suffix}"),
            format!("sns-{region}.{suffix}"),
        ];
        if region.starts_with("us-gov-") {
            names.push(format!("sns-us-gov-west-1.{suffix}"));
        }
        names
    }
}

/// Splits `https://sns.<region>.amazonaws.com[.cn]/<path>`.
fn split(url: &str) -> Option<(Place<'_>, &str)> {
    let (host, path) = url.strip_prefix("https://sns.")?.split_once('/')?;
    let (region, suffix) = match host.strip_suffix(".amazonaws.com.cn") {
        Some(region) => (region, CHINA),
        None => (host.strip_suffix(".amazonaws.com")?, WORLD),
    };
    is_region(region).then_some((Place { region, suffix }, path))
}

fn is_region(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= REGION_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(is_allowed)
}

/// The place a `SigningCertURL` names: `https://sns.<region>.amazonaws.com/SimpleNotificationService-<hash>.pem`.
pub(super) fn certificate_url(url: &str) -> Option<Place<'_>> {
    let (place, path) = split(url)?;
    let hash = path.strip_prefix("SimpleNotificationService-")?.strip_suffix(".pem")?;
    let is_name = (1..=64).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some(place)
}

/// Whether a `SubscribeURL` confirms exactly this subscription to `topic`, at the place where the topic is.
pub(super) fn is_subscribe_url(url: &str, topic: &str, token: &str) -> bool {
    let Some((place, path)) = split(url) else { return false };
    if topic.split(':').nth(3) != Some(place.region) {
        return false;
    }
    let Some(query) = path.strip_prefix('?') else { return false };
    let mut seen = [false; 3];
    for pair in query.split('&') {
        let Some((name, value)) = pair.split_once('=') else { return false };
        // SNS leaves the colons of the topic as they are; other writers may not.
        let value = value.replace("%3A", ":");
        let (slot, expected) = match name {
            "Action" => (0, "ConfirmSubscription"),
            "TopicArn" => (1, topic),
            "Token" => (2, token),
            _ => return false,
        };
        if std::mem::replace(&mut seen[slot], true) || value != expected {
            return false;
        }
    }
    seen == [true; 3] && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a text is the name of a topic: `arn:aws:sns:eu-central-1:111122223333:shop-mail`.
pub(super) fn is_topic(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [arn, partition, service, region, account, name] = parts.as_slice() else { return false };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    *arn == "arn"
        && matches!(*partition, "aws" | "aws-cn" | "aws-us-gov")
        && *service == "sns"
        && is_region(region)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=256).contains(&name.len())
        && name.bytes().all(is_name)
}

/// Whether the certificate of an issuer may be fetched from `url`: `http://crt.<name>.amazontrust.com/<file>.cer`.
pub(super) fn is_issuer_url(url: &str) -> bool {
    let split = url.strip_prefix("http://crt.").and_then(|rest| rest.split_once('/'));
    let Some((name, file)) =
        split.and_then(|(host, file)| Some((host.strip_suffix(".amazontrust.com")?, file)))
    else {
        return false;
    };
    let is_word = |text: &str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    is_word(name) && file.strip_suffix(".cer").is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:shop-mail";

    #[test]
    fn certificates_come_from_sns_and_nowhere_else() {
        let pem = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
        for host in [
            "sns.us-east-1.amazonaws.com",
            "sns.cn-north-1.amazonaws.com.cn",
            "sns.us-gov-west-1.amazonaws.com",
        ] {
            assert!(certificate_url(&format!("https://{host}/{pem}")).is_some(), "{host}");
        }
        for host in [
            "sns.us-east-1.amazonaws.com@evil.example",
            "user@sns.us-east-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com.evil.example",
            "evil.example/sns.us-east-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com:443",
            "sns.us-east-1.amazonaws.com:8443",
            "SNS.us-east-1.amazonaws.com",
            "sns.US-EAST-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com.",
            "sns..amazonaws.com",
            "sns.amazonaws.com",
            "sns.us-east-1.evil.amazonaws.com",
            "sns.us-east-1#.amazonaws.com",
            "sns.us-east-1%2e.amazonaws.com",
            "sns.us-east-1\\.amazonaws.com",
            "sns.us-east-1.amazonaws.co",
            "s3.us-east-1.amazonaws.com",
            "evilsns.us-east-1.amazonaws.com",
            "sns.us-east-1.amazonaws.com.cn.evil.example",
            "sns.\u{fb01}-east-1.amazonaws.com",
        ] {
            assert_eq!(certificate_url(&format!("https://{host}/{pem}")), None, "{host}");
        }
        for url in [
            format!("http://sns.us-east-1.amazonaws.com/{pem}"),
            format!("HTTPS://sns.us-east-1.amazonaws.com/{pem}"),
            format!(" https://sns.us-east-1.amazonaws.com/{pem}"),
            format!("https://sns.us-east-1.amazonaws.com/x/{pem}"),
            format!("https://sns.us-east-1.amazonaws.com//{pem}"),
            format!("https://sns.us-east-1.amazonaws.com/{pem}?x=1"),
            format!("https://sns.us-east-1.amazonaws.com/{pem}#.pem"),
            format!("https://sns.us-east-1.amazonaws.com/{pem}\n"),
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-../a.pem".to_owned(),
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-.pem".to_owned(),
            "https://sns.us-east-1.amazonaws.com/?Action=x&y=SimpleNotificationService-0.pem".to_owned(),
            "https://sns.us-east-1.amazonaws.com/evil.pem".to_owned(),
            String::new(),
        ] {
            assert_eq!(certificate_url(&url), None, "{url}");
        }
    }

    #[test]
    fn only_the_confirmation_of_this_subscription_is_visited() {
        let good = format!(
            "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb"
        );
        assert!(is_subscribe_url(&good, TOPIC, "2336412f37fb"));
        assert!(is_subscribe_url(&good.replace(TOPIC, &TOPIC.replace(':', "%3A")), TOPIC, "2336412f37fb"));
        for bad in [
            good.replace("https", "http"),
            good.replace("eu-central-1.amazonaws.com", "us-east-1.amazonaws.com"),
            good.replace("amazonaws.com", "amazonaws.com.evil.example"),
            good.replace("ConfirmSubscription", "Publish"),
            good.replace("shop-mail", "other"),
            good.replace("2336412f37fb", "2336412f37fc"),
            good.replace("/?", "/x?"),
            format!("{good}&Action=ConfirmSubscription"),
            format!("{good}&Endpoint=https://evil.example"),
            format!("{good}#x"),
            good.replace("&Token=2336412f37fb", ""),
        ] {
            assert!(!is_subscribe_url(&bad, TOPIC, "2336412f37fb"), "{bad}");
        }
    }

    #[test]
    fn issuers_are_looked_for_at_amazon_only() {
        assert!(is_issuer_url("http://crt.r2m01.amazontrust.com/r2m01.cer"));
        for bad in [
            "https://crt.r2m01.amazontrust.com/r2m01.cer",
            "http://crt.r2m01.amazontrust.com.evil.example/r2m01.cer",
            "http://crt.r2m01.amazontrust.com@evil.example/r2m01.cer",
            "http://crt.a.b.amazontrust.com/r2m01.cer",
            "http://crt.r2m01.amazontrust.com:80/r2m01.cer",
            "http://crt.r2m01.amazontrust.com/../r2m01.cer",
            "http://169.254.169.254/latest.cer",
        ] {
            assert!(!is_issuer_url(bad), "{bad}");
        }
    }

    #[test]
    fn topics_are_named_in_full() {
        assert!(is_topic(TOPIC));
        assert!(is_topic("arn:aws-cn:sns:cn-north-1:111122223333:mail.fifo"));
        for bad in [
            "shop-mail",
            "arn:aws:sqs:eu-central-1:111122223333:q",
            "arn:aws:sns:*:111122223333:x",
            &format!("{TOPIC}:sub"),
        ] {
            assert!(!is_topic(bad), "{bad}");
        }
    }
}
