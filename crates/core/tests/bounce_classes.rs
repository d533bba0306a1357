//! The class of a bounce, from what servers really say.

use postrider_core::domain::bounce::{BounceClass, classify};

/// `(status, smtp code, words)`, `-` and 0 where there is none.
type Said = (&'static str, u16, &'static str);

fn class_of((status, code, words): Said) -> BounceClass {
    classify(status.parse().ok(), Some(code).filter(|code| *code > 0), words)
}

fn assert_all(expected: BounceClass, cases: &[Said]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter(|case| class_of(**case) != expected)
        .map(|case| (class_of(*case), case))
        .collect();
    assert!(wrong.is_empty(), "expected {expected}: {wrong:#?}");
}

#[test]
fn a_mailbox_that_does_not_exist() {
    assert_all(
        BounceClass::UnknownUser,
        &[
            (
                "5.1.1",
                550,
                "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550-5.1.1 unnecessary spaces. For more information, go to 550 5.1.1  https://support.google.com/mail/?p=NoSuchUser x1-20020a05 - gsmtp",
            ),
            (
                "5.5.0",
                550,
                "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [DB5EUR01FT049.eop-EUR01.prod.protection.outlook.com]",
            ),
            (
                "5.1.10",
                550,
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ada@contoso.example not found by SMTP address lookup",
            ),
            ("5.1.1", 550, "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"),
            (
                "5.4.1",
                550,
                "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [HE1EUR01FT028.eop-EUR01.prod.protection.outlook.com]",
            ),
            ("5.4.1", 0, "Recipient address rejected: Access denied"),
            (
                "-",
                554,
                "554 delivery error: dd This user doesn't have a yahoo.com account (ada@yahoo.example) [0] - mta1234.mail.bf1.yahoo.com",
            ),
            ("-", 552, "552 1 Requested mail action aborted, mailbox not found"),
            ("5.1.1", 550, "550 5.1.1 <ada@icloud.example>: user does not exist"),
            (
                "5.1.1",
                550,
                "550 5.1.1 <ada@icloud.example>: Email address could not be found, or was misspelled (G8)",
            ),
            (
                "-",
                550,
                "550 Requested action not taken: mailbox unavailable. For explanation visit https://postmaster.gmx.net/en/error-messages?ip=192.0.2.1&c=hi",
            ),
            ("5.1.1", 550, "550-5.1.1 unknown user 550 5.1.1 unknown user"),
            (
                "-",
                550,
                "550 Message was not accepted -- invalid mailbox. Local mailbox ada@mail.example is unavailable: user not found",
            ),
            (
                "-",
                550,
                "550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728",
            ),
            (
                "-",
                550,
                "550 The recipient may contain a non-existent account, please check the recipient address.",
            ),
            ("-", 550, "550 对方邮箱ada@qq.example不存在"),
            (
                "5.1.1",
                550,
                "550 5.1.1 <nosuch@example.com>: Recipient address rejected: User unknown in local recipient table",
            ),
            (
                "5.1.1",
                550,
                "550 5.1.1 <nosuch@example.com>: Recipient address rejected: User unknown in relay recipient table",
            ),
            (
                "5.1.1",
                550,
                "550 5.1.1 <nosuch@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
            ),
            ("5.1.1", 0, "unknown user: \"nosuch\""),
            ("-", 550, "550 Unrouteable address"),
            ("5.0.0", 550, "550 No such user here"),
            ("5.1.1", 550, "Sorry, no mailbox here by that name. (#5.1.1)"),
            ("-", 550, "550 sorry, no mailbox here by that name (#5.1.1 - chkuser)"),
            ("5.1.1", 550, "550 5.1.1 <nosuch@example.com>... User unknown"),
            ("-", 550, "550 5.1.1 Not our Customer"),
            ("5.1.1", 0, "User ada (ada@example.com) not listed in Domino Directory"),
            ("5.1.1", 0, "User ada (ada@example.com) not listed in public Name & Address Book"),
            (
                "5.1.1",
                550,
                "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
            ),
            ("5.0.0", 550, "550 Empfänger unbekannt"),
            ("5.2.1", 550, "550 5.2.1 No such mailbox"),
            // The words do not say; the code does.
            ("5.1.1", 550, "550 5.1.1 <nosuch@aol.example>: Recipient address rejected: aol.com"),
            ("5.1.1", 0, ""),
            ("5.1.3", 553, "553-5.1.3 The recipient address <ada..x@example.com> is wrong."),
            // An address or a host is no reason.
            ("5.1.1", 550, "550 5.1.1 <spam-blocked@policy.example>: User unknown"),
            (
                "5.1.1",
                550,
                "host mx1.antispam-quota.example[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
            ),
        ],
    );
}

#[test]
fn a_domain_that_does_not_exist() {
    assert_all(
        BounceClass::UnknownDomain,
        &[
            (
                "5.4.4",
                0,
                "Host or domain name not found. Name service error for name=nosuch.example type=A: Host not found",
            ),
            (
                "5.1.2",
                550,
                "550 5.1.2 <ada@nosuch.example>... Host unknown (Name server: nosuch.example: host not found)",
            ),
            ("5.1.2", 0, "Sorry, I couldn't find any host named nosuch.example. (#5.1.2)"),
            (
                "5.4.310",
                550,
                "550 5.4.310 DNS domain nosuch.example does not exist [Message=InfoDomainNonexistent]",
            ),
            (
                "5.4.4",
                0,
                "DNS Error: DNS type 'mx' lookup of nosuch.example responded with code NXDOMAIN Domain name not found: nosuch.example",
            ),
            ("-", 0, "all relevant MX records point to non-existent hosts"),
            ("-", 550, "550 Unrouteable mail domain \"nosuch.example\""),
            ("5.1.10", 556, "556 5.1.10 Recipient address has null MX"),
            ("5.1.2", 0, ""),
            ("-", 556, "556 sorry"),
        ],
    );
}

#[test]
fn a_mailbox_that_is_switched_off() {
    assert_all(
        BounceClass::MailboxDisabled,
        &[
            (
                "5.2.1",
                550,
                "550 5.2.1 The email account that you tried to reach is disabled. Learn more at https://support.google.com/mail/?p=DisabledUser - gsmtp",
            ),
            ("5.2.1", 550, "550 5.2.1 mailbox disabled"),
            (
                "-",
                554,
                "554 30 Sorry, your message to ada@yahoo.example cannot be delivered. This mailbox is disabled (554.30).",
            ),
            (
                "-",
                550,
                "550 Message was not accepted -- invalid mailbox. Local mailbox ada@mail.example is unavailable: account is disabled",
            ),
            ("5.2.1", 550, "550 5.2.1 <ada@icloud.example>: inactive mailbox"),
            (
                "5.2.0",
                554,
                "554 5.2.0 STOREDRV.Deliver.Exception:AccountDisabledException.MapiExceptionAccountDisabled; Failed to process message",
            ),
            ("5.1.1", 550, "550 5.1.1 User has been suspended"),
            ("5.2.1", 0, ""),
        ],
    );
}

#[test]
fn a_full_mailbox() {
    assert_all(
        BounceClass::MailboxFull,
        &[
            ("5.2.2", 552, "552 5.2.2 over quota"),
            (
                "5.2.2",
                552,
                "552-5.2.2 The email account that you tried to reach is over quota and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
            ),
            (
                "4.2.2",
                452,
                "452-4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaTemp",
            ),
            (
                "5.2.2",
                554,
                "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
            ),
            ("5.1.1", 550, "550 5.1.1 <ada@example.com>: mailbox is full, user unknown to have read it"),
            ("5.2.2", 552, "552 5.2.2 <ada@icloud.example>: user is over quota"),
            ("-", 550, "550 User's mailbox is full"),
            ("-", 552, "552 Requested mail action aborted: exceeded storage allocation"),
            ("5.2.2", 0, "maildir delivery failed: error writing message: Disk quota exceeded"),
            ("5.7.0", 554, "554 5.7.0 Mailbox full"),
            ("-", 550, "550 对方邮箱已满"),
            ("-", 452, "452 sorry"),
            ("4.2.2", 0, ""),
        ],
    );
}

#[test]
fn spam_reputation_and_rules() {
    assert_all(
        BounceClass::Policy,
        &[
            (
                "5.1.1",
                550,
                "550 5.1.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1",
            ),
            (
                "5.7.1",
                554,
                "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            ),
            (
                "5.7.1",
                550,
                "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
            ),
            (
                "5.7.606",
                550,
                "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/",
            ),
            (
                "5.7.509",
                550,
                "550 5.7.509 Access denied, sending domain shop.example does not pass DMARC verification",
            ),
            (
                "5.7.1",
                550,
                "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked.",
            ),
            ("5.7.26", 550, "550-5.7.26 This mail has been blocked because the sender is unauthenticated."),
            (
                "4.7.0",
                421,
                "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
            ),
            (
                "4.2.1",
                450,
                "450-4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.",
            ),
            (
                "5.7.1",
                554,
                "554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
            ),
            (
                "-",
                554,
                "554 Transaction failed. Reject due to policy restrictions. For explanation visit https://postmaster.gmx.net/",
            ),
            (
                "-",
                550,
                "550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725",
            ),
            ("-", 554, "554 DT:SPM 163 smtp5, please see http://mail.163.com/help/help_spam_16.htm"),
            ("5.7.1", 550, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required"),
            ("5.7.64", 550, "550 5.7.64 TenantAttribution; Relay Access Denied"),
            ("5.7.1", 554, "554 5.7.1 <ada@example.com>: Relay access denied"),
            (
                "5.1.8",
                553,
                "553 5.1.8 <b@shop.example>... Domain of sender address b@shop.example does not exist",
            ),
            ("4.1.8", 450, "450 4.1.8 <b@shop.example>: Sender address rejected: Domain not found"),
            ("5.7.1", 550, "550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]"),
            ("-", 450, "450 4.7.1 <mail.shop.example>: Helo command rejected: Host not found"),
            ("-", 521, "521 5.2.1 :  AOL will not accept delivery of this message. Access denied"),
            ("5.7.1", 550, "550 5.7.1 sorry"),
            ("5.1.8", 0, ""),
            ("5.1.7", 550, "550 5.1.7 Invalid address"),
            ("-", 550, "550 Sender's domain does not exist"),
            ("-", 550, "550 invalid address (in reply to MAIL FROM command)"),
            ("-", 554, "554 your account has been suspended"),
            ("-", 550, "550 EHLO with an unknown host"),
            ("-", 535, "535 sorry"),
        ],
    );
}

#[test]
fn greylisting() {
    assert_all(
        BounceClass::Greylisted,
        &[
            (
                "4.2.0",
                450,
                "450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
            ),
            ("4.7.1", 451, "451 4.7.1 Greylisting in action, please come back later"),
            ("4.7.0", 450, "450 4.7.0 Policy: graylisted"),
            ("-", 451, "451 You have been grey-listed. Please try again in 300 seconds"),
        ],
    );
}

#[test]
fn a_message_that_is_too_large() {
    assert_all(
        BounceClass::TooLarge,
        &[
            ("5.3.4", 552, "552 5.3.4 Message size exceeds fixed limit"),
            ("5.2.3", 550, "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient"),
            (
                "5.3.4",
                552,
                "552-5.3.4 Your message exceeded Google's message size limits. See https://support.google.com/mail/?p=MaxSizeError",
            ),
            ("-", 552, "552 Message size exceeds maximum permitted"),
            ("5.3.4", 0, ""),
            ("5.2.3", 0, ""),
        ],
    );
}

#[test]
fn refused_content() {
    assert_all(
        BounceClass::Content,
        &[
            ("5.7.1", 554, "554 5.7.1 Virus found: Eicar-Test-Signature"),
            (
                "5.7.0",
                552,
                "552-5.7.0 This message was blocked because its content presents a potential security issue. Please visit https://support.google.com/mail/?p=BlockedMessage to review our message content and attachment content guidelines.",
            ),
            (
                "-",
                550,
                "550 Mail content denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726",
            ),
            ("5.6.0", 550, "550 5.6.0 something about the body"),
            ("5.6.7", 0, ""),
        ],
    );
}

#[test]
fn names_that_cannot_be_looked_up() {
    assert_all(
        BounceClass::Dns,
        &[
            (
                "4.4.3",
                0,
                "Host or domain name not found. Name service error for name=example.com type=MX: Host not found, try again",
            ),
            ("5.4.4", 0, "unable to route"),
            ("4.4.3", 0, "CNAME lookup failed temporarily. (#4.4.3)"),
            ("-", 0, "DNS Error: DNS type 'mx' lookup of example.com responded with code SERVFAIL"),
            ("4.4.4", 450, "450 4.4.4 nosuch.example: unknown host"),
            ("4.4.3", 0, ""),
        ],
    );
}

#[test]
fn networks_that_do_not_carry() {
    assert_all(
        BounceClass::Network,
        &[
            ("4.4.1", 0, "connect to mx.example.com[192.0.2.7]:25: Connection timed out"),
            ("4.4.1", 0, "connect to mx.example.com[192.0.2.7]:25: Connection refused"),
            (
                "4.4.1",
                0,
                "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1) I'm not going to try again; this message has been in the queue too long.",
            ),
            ("4.4.7", 550, "550 4.4.7 QUEUE.Expired; message expired"),
            (
                "4.4.2",
                0,
                "lost connection with mx.example.com[192.0.2.7] while receiving the initial server greeting",
            ),
            ("-", 0, "retry timeout exceeded"),
            ("5.4.316", 550, "550 5.4.316 Message expired, connection refused(SocketConnectionRefused)"),
            ("4.4.7", 0, ""),
        ],
    );
}

#[test]
fn systems_in_trouble() {
    assert_all(
        BounceClass::System,
        &[
            ("4.3.1", 452, "452 4.3.1 Insufficient system storage"),
            ("4.3.2", 421, "421 4.3.2 Service not available, closing transmission channel"),
            ("4.7.500", 451, "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)"),
            ("5.4.6", 554, "554 5.4.14 Hop count exceeded - possible mail loop ATTR34"),
            ("5.4.6", 0, "mail for example.com loops back to myself"),
            ("4.3.0", 451, "451 4.3.0 queue file write error"),
            ("-", 421, "421 sorry"),
            ("5.2.1", 550, "550 5.2.1 mailbox temporarily disabled"),
            ("4.3.0", 0, ""),
        ],
    );
}

#[test]
fn what_says_nothing_stays_undetermined() {
    assert_all(
        BounceClass::Undetermined,
        &[
            ("-", 0, ""),
            ("-", 550, ""),
            ("-", 550, "550 Sorry"),
            ("-", 550, "550 delivery to the server of this mailbox failed: unknown error"),
            ("-", 550, "550 VRFY is disabled"),
            ("-", 550, "550 that is not a valid command"),
            ("-", 553, "553 5 no"),
            ("-", 554, "554 Transaction failed"),
            ("5.0.0", 550, "550 5.0.0 Sorry"),
            ("5.1.0", 550, "550 5.1.0 Address rejected"),
            ("5.2.0", 0, ""),
            ("5.5.0", 0, ""),
            ("2.0.0", 250, "250 2.0.0 Ok"),
        ],
    );
}

#[test]
fn an_answer_that_says_later_never_condemns_an_address() {
    assert_all(
        BounceClass::Undetermined,
        &[
            (
                "4.1.1",
                450,
                "450 4.1.1 <ada@example.com>: Recipient address rejected: User unknown in local recipient table",
            ),
            ("4.2.1", 450, "450 4.2.1 mailbox disabled"),
            ("5.0.0", 450, "450 no such user"),
            ("4.1.1", 0, "unknown user"),
            ("4.1.1", 0, ""),
        ],
    );
    for class in BounceClass::ALL.into_iter().filter(|class| class.condemns_address()) {
        assert_ne!(classify(None, Some(450), &class.as_str().replace('_', " ")), class);
    }
}
