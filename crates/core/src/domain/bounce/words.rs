//! The words with which servers say why.

use super::BounceClass::{
    self, Content, Dns, Greylisted, MailboxDisabled, MailboxFull, Network, Policy, System, TooLarge,
    UnknownDomain, UnknownUser,
};

/// Bytes of a diagnostic that are looked at. A server has said it by then; what follows is a copy of the message.
const LOOKED_AT_BYTES: usize = 4 * 1024;
/// Bytes that may lie between the two halves of a phrase with a `*`.
const GAP_BYTES_MAX: usize = 90;

/// What servers call whom they cannot deliver to.
const MAILBOXES: [&str; 8] =
    ["user", "mailbox", "account", "recipient", "address", "inbox", "addressee", "local part"];
/// The bytes with which they begin.
const MAILBOX_INITIALS: &[u8] = b"umaril";

/// What to look for, in this order: the first group with a hit decides. Everything that must not suppress an address
/// stands before what does, wherever both occur in one text: `5.1.1 … blocked using …` is about us, not about the
/// mailbox. A phrase begins at the beginning of a word, and a `|` ends it; a `*` stands for a few words, a `#` for each of
/// the [`MAILBOXES`].
const GROUPS: &[(BounceClass, &str)] = &[
    (
        Greylisted,
        "\
         greylist|graylist|grey list|gray list|grey-list|gray-list|postgrey|sqlgrey|please try again in|\
         please come back|retry in a few minutes",
    ),
    // What is wrong with us: reputation, authentication, what the message looks like.
    (
        Policy,
        "\
         spam|antispam|unsolicited|blacklist|blocklist|black list|block list|denylist|blocked using|\
         blocked by|is blocked|been blocked|on our block|dnsbl|rbl|uribl|surbl|barracuda|sorbs|abusix|\
         senderscore|senderbase|reputation|dmarc|spf|dkim|domainkeys|unauthenticated|not authenticated|\
         sender id|authentication required|client was not authenticated|client host rejected|\
         client host blocked|reverse dns|reverse hostname|reverse lookup|ptr record|ptr-record|no ptr|\
         rdns|banned|bulk|abuse|complaint|policy|policies|bad sender|invalid sender|sender address|\
         sender rejected|sender denied|sender verif|sender domain|sender unknown|domain of sender|\
         your domain|your ip|sending ip|sending quota|suspicious|suspected|phish|throttl|rate limit|\
         rate-limit|ratelimit|frequency limit|mail at a rate|mail too quickly|resolver.rst.auth|\
         resolver.rst.notauth|resolver.rst.restricted|sendersnotallowed|s3140|s3150|tss04|unusual rate|\
         dt:sp|mi:sp|垃圾邮件|频率|helo|ehlo|your account|sender's",
    ),
    (
        MailboxFull,
        "\
         mailbox full|mailbox is full|mailbox*is full|inbox full|inbox is full|full mailbox|mailboxfull|\
         mailbox_full|box full|box is full|quota|over quota|overquota|over-quota|disk quota|diskquota|\
         storage allocation|storage limit|storage space|out of storage|exceeded storage|\
         mailbox size limit|mailbox limit|mailbox exceed|mailbox has exceeded|maildir over|\
         not enough space|postfach voll|postfach ist voll|postfach*ist voll|speicherplatz|boîte pleine|\
         messagerie pleine|buzón lleno|buzón está lleno|casella piena|caixa cheia|ящик переполнен|邮箱已满|\
         空间不足|容量",
    ),
    (
        TooLarge,
        "\
         message too large|message is too large|too large|too big|size limit|sizelimit|\
         message size exceed|message length exceed|maximum message size|max message size|maximum size|\
         resolver.rst.recipsize|resolver.rst.sendsize|message exceeds|exceeds the maximum|\
         exceeds maximum|nachricht ist zu groß",
    ),
    (
        Content,
        "\
         virus|malware|infected|trojan|attachment|content rejected|content denied|content filter|\
         content not accept|message content|file type|executable|message contains|line too long|\
         line length|rfc 5322|rfc5322|rfc 2822|malformed|header syntax|multiple from|bare lf|eight bit|\
         8bit|smtputf8",
    ),
    (
        Policy,
        "\
         relay access denied|relaying denied|unable to relay|relay not permitted|relaying not",
    ),
    (
        Dns,
        "\
         host not found, try again|not found*try again|servfail|temporary lookup|\
         lookup failed temporarily|temporary dns|dns temporar|dns timeout|temporarily unable to resolve|\
         temporary name|dns query failed|temporary failure in name resolution|refused by name server",
    ),
    // About our own address, whatever may be wrong with it.
    (
        Policy,
        "\
         in reply to mail from|from address|envelope sender|envelope from|invalid return path|\
         bad return path",
    ),
    (
        UnknownDomain,
        "\
         nxdomain|host not found|host unknown|unknown host|no such host|any host named|no such domain|\
         unknown domain|domain unknown|domain not found|domain name not found|domain*does not exist|\
         domain*doesn't exist|domain*not exist|domain*couldn't be found|domain*could not be found|\
         domain*was not found|domain*wasn't found|non-existent domain|nonexistent domain|\
         nonexistent hosts|non-existent hosts|name or service not known|unrouteable mail domain|\
         unroutable mail domain|bad destination system|null mx|nullmx|domain*does not accept mail|\
         domain*accepts no mail|host*does not accept mail|domain is not hosted|domain has expired",
    ),
    (
        System,
        "\
         temporarily inactive|temporarily disabled|temporarily suspended|temporarily unavailable|\
         temporarily locked|temporarily blocked|temporarily closed|temporarily not",
    ),
    (
        MailboxDisabled,
        "\
         #*is disabled|#*been disabled|# disabled|reach is disabled|accountdisabled|mailboxdisabled|\
         disabled #|#*inactive|inactive #|#*not active|#*no longer active|#*suspended|suspended #|\
         #*deactivated|deactivated #|account closed|account is closed|account has been closed|\
         mailbox closed|mailbox is closed|mailbox has been closed|account expired|account has expired|\
         #*is frozen|# frozen|#*dormant|#*no longer accept|#*terminated|deaktiviert|desactivado|\
         désactivé|disattivata|заблокирован|已停用|已冻结",
    ),
    // `5.4.1 … access denied` is what Exchange Online says to whoever is not in its directory.
    (
        UnknownUser,
        "\
         # unknown|# is unknown|# not known|# is not known|unknown #|userunknown|unknown local|\
         unknown email|unknown e-mail|unknown or illegal|unknown to*system|no such #|no such person|\
         no such local|no such email|no such id|no such name|no such customer|nosuchuser|no mailbox|\
         no mail box|no user|no account|no inbox|#*not found|#*wasn't found|#*be found|recipnotfound|\
         recipientnotfound|resolver.adr.recip|resolver.adr.exrecip|resolver.adr.invalid|\
         mailbox unavailable|mailbox is unavailable|mailbox not available|mailbox*is unavailable|\
         invalid #|invalid email|invalid e-mail|invalid final delivery user|bad #|\
         bad destination mailbox|illegal #|# invalid|# is invalid|not a valid #|not a valid email|\
         not a valid e-mail|not a valid rfc|not valid #|not a known|isn't a known|not known here|\
         not known at|not listed in domino|not listed in public|not listed in*directory|\
         not listed in*address book|doesn't have a*account|does not have a*account|\
         doesn't have an account|does not have an account|# doesn't have|#*does not exist|\
         #*doesn't exist|#*not exist|#*no longer exist|non-existent #|non existent #|nonexistent #|\
         not our customer|not a customer|address no longer|mailbox no longer|user no longer|\
         account no longer|recipient no longer|no longer on server|no longer in use|no longer valid|\
         no longer with|misspelled|unrouteable address|unroutable address|delivery error: dd|has moved|\
         5.4.1*recipient address rejected: access denied|\
         5.4.1*all recipient addresses rejected : access denied|empfänger unbekannt|\
         unbekannter empfänger|benutzer unbekannt|unbekannter benutzer|existiert nicht|\
         adresse*nicht gefunden|empfänger*nicht gefunden|postfach*nicht gefunden|n'existe pas|\
         utilisateur inconnu|destinataire inconnu|adresse introuvable|destinataire introuvable|\
         usuario desconocido|no existe|no se encontró|no se ha encontrado|utente sconosciuto|non esiste|\
         não existe|não foi encontrado|bestaat niet|не существует|пользователь не найден|\
         получатель не найден|ящик не найден|адрес не найден|不存在|无此用户|存在しません|見つかりません",
    ),
    (
        Network,
        "\
         connection timed out|connection refused|connection reset|connection dropped|connection died|\
         connection closed|connection was closed|connection lost|lost connection|timed out|timeout|\
         no route to host|unreachable|unable to connect|could not connect|couldn't connect|\
         failed to connect|cannot connect|establish an smtp connection|establish a connection|expired|\
         too old|been in the queue too long|queue too long|retry time|starttls|tls|ssl|certificate|\
         broken pipe",
    ),
    (
        Dns,
        "\
         dns|name server|nameserver|name service|name resolution|unable to resolve|could not resolve|\
         unresolvable|lookup failed|cname lookup|mx record|mx lookup|no mx",
    ),
    // Refusals without a reason. They come after the mailbox: `rejected: user unknown in relay recipient table`.
    (
        Policy,
        "\
         access denied|permission denied|denied|not allowed|not permitted|not authorized|not authorised|\
         unauthorized|restrict|prohibit|blocked|block |refused|rejected by|rejected due|rejected for|\
         message rejected|message refused|mail rejected|mail refused|not accept|won't accept|\
         don't accept|cannot accept|relay|filter|quarantine|too many|limit exceeded|junk|moderat|\
         not welcome|拒收|拒绝",
    ),
    (
        System,
        "\
         system storage|insufficient disk|disk full|no space left|out of memory|server busy|too busy|\
         system busy|server error|internal error|internal server|service unavailable|\
         service not available|service currently|temporary failure|temporary problem|temporary error|\
         temporarily|try again|try later|local error|local configuration|configuration error|\
         system error|local problem|loops back|loop|too many hops|hop count|resources|overload|\
         maintenance|queue file|mailbox busy|mailbox is locked|mailbox locked|backend",
    ),
];

/// What the words say; `None` if they say nothing.
pub(super) fn class(text: &str) -> Option<BounceClass> {
    let text = Text::new(prepared(text));
    GROUPS
        .iter()
        .find(|(_, phrases)| phrases.split('|').any(|phrase| text.says(phrase)))
        .map(|(class, _)| *class)
}

/// A text and where its words begin, so that hundreds of phrases are found quickly.
struct Text {
    text: String,
    /// Where words begin, by their first byte.
    words: Vec<Vec<usize>>,
}

impl Text {
    fn new(text: String) -> Self {
        let mut words = vec![Vec::new(); 256];
        let mut before = ' ';
        for (at, c) in text.char_indices() {
            if !before.is_ascii_alphanumeric() {
                words[usize::from(text.as_bytes()[at])].push(at);
            }
            before = c;
        }
        Self { text, words }
    }

    fn says(&self, phrase: &str) -> bool {
        let phrase = phrase.as_bytes();
        let begins = |first: u8| {
            let words = &self.words[usize::from(first)];
            words.iter().any(|at| begins_with(&self.text.as_bytes()[*at..], phrase))
        };
        match phrase.first() {
            Some(b'#') => MAILBOX_INITIALS.iter().any(|initial| begins(*initial)),
            Some(first) => begins(*first),
            None => false,
        }
    }
}

/// Whether `text` begins with a phrase or the rest of one.
fn begins_with(text: &[u8], phrase: &[u8]) -> bool {
    match phrase {
        [] => true,
        [b'#', rest @ ..] => MAILBOXES
            .iter()
            .any(|name| text.strip_prefix(name.as_bytes()).is_some_and(|text| begins_with(text, rest))),
        [b'*', rest @ ..] => (0..text.len().min(GAP_BYTES_MAX)).any(|gap| begins_with(&text[gap..], rest)),
        [byte, rest @ ..] => text.first() == Some(byte) && begins_with(&text[1..], rest),
    }
}

/// Lower case, single spaces, plain apostrophes, without addresses and without the names of hosts: somebody at
/// `spam.example` may have no mailbox, too.
fn prepared(text: &str) -> String {
    let mut end = text.len().min(LOOKED_AT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let lower = text[..end].to_lowercase().replace(['’', '‘', '`'], "'");
    let mut plain = String::with_capacity(lower.len());
    let mut after_host = false;
    for word in lower.split_whitespace() {
        let is_host_name = after_host && word.contains('.');
        after_host = word == "host";
        if is_host_name {
            continue;
        }
        if !plain.is_empty() {
            plain.push(' ');
        }
        push_without_address(&mut plain, word);
    }
    plain
}

/// Appends `word` without the address in it. What stands around it stays, because Chinese puts no spaces there.
fn push_without_address(plain: &mut String, word: &str) {
    let Some(at) = word.find('@').filter(|_| !word.contains("://")) else {
        plain.push_str(word);
        return;
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_{|}~.@".contains(c);
    plain.push_str(word[..at].trim_end_matches(is_part));
    plain.push('@');
    plain.push_str(word[at..].trim_start_matches(is_part));
}
