//! What a private Postfix is configured with: loopback only, no DNS, no local delivery, only the services it needs.

use std::net::SocketAddr;
use std::path::Path;

/// The places and names of one instance.
pub(super) struct Layout<'a> {
    /// The directory that holds `config`, `queue`, `data` and the log.
    pub root: &'a Path,
    /// The name it greets with; unique, so that nobody mistakes another server on the port for it.
    pub host_name: &'a str,
    /// Where it relays everything.
    pub relay_to: SocketAddr,
    /// A domain of its own, if it has one.
    pub local: Option<&'a LocalDomain>,
}

/// A domain that a Postfix delivers itself, to users it does not have, and where what it returns goes.
#[derive(Clone, Debug)]
pub struct LocalDomain {
    /// The domain.
    pub domain: String,
    /// The domain of the return paths.
    pub bounce_domain: String,
    /// The server that takes mail for the bounce domain.
    pub bounces_to: SocketAddr,
}

/// `main.cf` (postconf(5)).
///
/// Everything not named here keeps Postfix's default, above all its durability: a message is synced to the queue
/// before it is answered with 250.
pub(super) fn main_cf(layout: &Layout<'_>) -> String {
    let Layout { root, host_name, relay_to, local } = layout;
    let root = root.display();
    let (relay_host, relay_port) = (relay_to.ip(), relay_to.port());
    let local = local.map_or_else(without_local_domain, with_local_domain);
    format!(
        "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = {host_name}
local_recipient_maps =
{local}alias_maps =
alias_database =
notify_classes =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_recipient_restrictions = check_recipient_access regexp:{root}/config/recipient_replies, permit_mynetworks, reject
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [{relay_host}]:{relay_port}
default_transport = smtp
relay_transport = smtp
fast_flush_domains =
"
    )
}

fn without_local_domain() -> String {
    "mydestination =\nlocal_transport = error:local delivery is off\n".to_owned()
}

/// Mail for users that are not there is taken and then returned, as where a list of users is kept elsewhere.
fn with_local_domain(local: &LocalDomain) -> String {
    let LocalDomain { domain, bounce_domain, bounces_to } = local;
    let (host, port) = (bounces_to.ip(), bounces_to.port());
    format!(
        "mydestination = {domain}\nlocal_transport = local\n\
         transport_maps = inline:{{ {bounce_domain}=smtp:[{host}]:{port} }}\n"
    )
}

/// `master.cf` (master(5)): only what receiving, queueing and relaying need, nothing in a chroot.
pub(super) fn master_cf(listen: SocketAddr) -> String {
    format!(
        "{listen} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
local unix - n n - - local
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}

/// The access table (access(5), regexp_table(5)) that lets an address choose the server's answer:
/// `refuse-550-5.1.1@…` is refused with `550 5.1.1`.
pub(super) const RECIPIENT_REPLIES: &str =
    "/^refuse-([0-9][0-9][0-9])-([245]\\.[0-9]+\\.[0-9]+)@/ $1 $2 refused as the recipient asks\n";
