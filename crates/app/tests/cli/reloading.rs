//! SIGHUP: the notification types are read again.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use postrider_mail::types::write_shipped;
use tempfile::TempDir;

use crate::common::{Serving, postrider};

#[test]
fn a_hang_up_reads_the_types_again_and_keeps_the_old_ones_where_the_new_are_broken() {
    let directory = TempDir::new().unwrap();
    let types = directory.path().join("types");
    write_shipped(&types).unwrap();
    let mut command = postrider(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("POSTRIDER__TYPES__DIRECTORY", &types);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut greeting = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut greeting).unwrap();
    let mut server = Serving(child);
    let pid = server.0.id().to_string();
    let mut hang_up_and_await = |words: &str| {
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        log.find(|line| line.as_ref().unwrap().contains(words)).unwrap().unwrap()
    };
    let manifest = types.join("refund_issued/type.toml");
    let good = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, good.replace("subject", "subjct")).unwrap();
    let line = hang_up_and_await("the types in force stay");
    assert!(line.contains("refund_issued/type.toml") && line.contains("subjct"), "{line}");
    std::fs::write(&manifest, good).unwrap();
    hang_up_and_await("the notification types were loaded again");
    assert_eq!(server.terminate().0, 0);
}
