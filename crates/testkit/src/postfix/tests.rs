//! The fixtures hold what they promise, tried with an SMTP client of three lines.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Fault, FaultProxy, Postfix, SmtpSink, reserved_addr};

const PATIENCE: Duration = Duration::from_secs(60);
const MESSAGE: &str =
    "X-Postrider-Notification: ntf_1\r\nSubject: hello\r\n\r\n..a dot first\r\nlast\r\n.\r\n";

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self(BufReader::new(stream));
        assert!(client.reply().starts_with("220"));
        assert!(client.ask("HELO test\r\n").starts_with("250"));
        client
    }

    fn reply(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(command.as_bytes()).unwrap();
        self.reply()
    }

    fn name_recipient(&mut self, recipient: &str) -> String {
        assert!(self.ask("MAIL FROM:<shop@example.com>\r\n").starts_with("250"));
        self.ask(&format!("RCPT TO:<{recipient}>\r\n"))
    }

    fn send(&mut self, recipient: &str) -> String {
        assert!(self.name_recipient(recipient).starts_with("250"));
        assert!(self.ask("DATA\r\n").starts_with("354"));
        self.ask(MESSAGE)
    }

    fn is_cut(&mut self) -> bool {
        self.0.read(&mut [0]).map_or(true, |count| count == 0)
    }
}

#[test]
fn the_sink_counts_messages_by_notification_and_unstuffs_dots() {
    let sink = SmtpSink::start().unwrap();
    let mut client = Client::connect(sink.addr());
    assert!(client.send("ada@example.com").starts_with("250"));
    assert!(client.send("ada@example.com").starts_with("250"));
    assert_eq!(sink.count_of("ntf_1"), 2);
    assert_eq!(sink.arrivals()[0].recipient, "ada@example.com");
    assert!(sink.messages_of("ntf_1")[0].ends_with(b"\r\n\r\n.a dot first\r\nlast\r\n"));
}

#[test]
fn the_sink_answers_pipelined_commands_in_order() {
    let sink = SmtpSink::start().unwrap();
    let mut client = Client::connect(sink.addr());
    let all = "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";
    assert!(client.ask(all).starts_with("250 2.0.0"));
    assert!(client.reply().starts_with("250 2.1.5"));
    assert!(client.reply().starts_with("354"));
    assert_eq!(sink.total(), 0);
}

#[test]
fn a_dropped_sink_frees_its_port_and_cuts_its_clients() {
    // A port of the system's own choice could become some other connection's before it is taken again.
    let addr = reserved_addr().unwrap();
    let sink = SmtpSink::start_on(addr).unwrap();
    let mut client = Client::connect(addr);
    drop(sink);
    assert!(client.is_cut());
    assert_eq!(SmtpSink::start_on(addr).unwrap().addr(), addr);
}

#[test]
fn two_postfixes_at_once_relay_to_their_own_sinks() {
    let sinks = [SmtpSink::start().unwrap(), SmtpSink::start().unwrap()];
    let postfixes = sinks.each_ref().map(|sink| Postfix::start(sink.addr()).unwrap());
    for _ in 0..3 {
        assert!(
            Client::connect(postfixes[0].addr()).send("ada@example.com").starts_with("250 2.0.0 Ok: queued")
        );
    }
    assert!(Client::connect(postfixes[1].addr()).send("bob@example.com").starts_with("250 2.0.0 Ok: queued"));
    assert_eq!(sinks[0].wait_for_total(3, PATIENCE), 3, "{}", postfixes[0].log());
    assert_eq!(sinks[1].wait_for_total(1, PATIENCE), 1, "{}", postfixes[1].log());
    assert_eq!(sinks[1].arrivals()[0].recipient, "bob@example.com");
}

#[test]
fn a_recipient_chooses_how_postfix_refuses_it() {
    let sink = SmtpSink::start().unwrap();
    let postfix = Postfix::start(sink.addr()).unwrap();
    let refused = |recipient: &str| Client::connect(postfix.addr()).name_recipient(recipient);
    assert!(refused("refuse-550-5.1.1@example.com").starts_with("550 5.1.1 "));
    assert!(refused("refuse-451-4.3.0@example.com").starts_with("451 4.3.0 "));
    assert!(refused("refuse-421-4.3.2@example.com").starts_with("421 4.3.2 "));
}

#[test]
fn a_stopped_postfix_refuses_connections_until_it_is_started_again() {
    let sink = SmtpSink::start().unwrap();
    let mut postfix = Postfix::start(sink.addr()).unwrap();
    postfix.stop().unwrap();
    assert!(TcpStream::connect(postfix.addr()).is_err());
    postfix.start_again().unwrap();
    assert!(Client::connect(postfix.addr()).send("ada@example.com").starts_with("250"));
}

#[test]
fn the_proxy_breaks_each_connection_where_its_fault_says() {
    let sink = SmtpSink::start().unwrap();
    let faults = vec![Fault::CutBeforeData, Fault::CutInData { after_bytes: 20 }, Fault::CutAfterFinalDot];
    let proxy = FaultProxy::start(sink.addr(), faults).unwrap();

    let mut client = Client::connect(proxy.addr());
    assert!(client.name_recipient("ada@example.com").starts_with("250"));
    client.0.get_mut().write_all(b"DATA\r\n").unwrap();
    assert!(client.is_cut());

    for expected_at_sink in [0, 1] {
        let mut client = Client::connect(proxy.addr());
        assert!(client.name_recipient("ada@example.com").starts_with("250"));
        assert!(client.ask("DATA\r\n").starts_with("354"));
        client.0.get_mut().write_all(MESSAGE.as_bytes()).unwrap();
        assert!(client.is_cut());
        assert_eq!(sink.total(), expected_at_sink);
    }

    assert!(Client::connect(proxy.addr()).send("ada@example.com").starts_with("250"));
    assert_eq!((sink.total(), proxy.connections()), (2, 4));
}
