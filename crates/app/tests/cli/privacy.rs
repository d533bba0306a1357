//! What the program writes is its owner's alone, and what it says holds no secrets.

use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use crate::common::{Serving, await_status, code, run, text, write_order};

#[test]
fn nobody_else_can_read_customers_data() {
    let directory = TempDir::new().unwrap();
    write_order(&directory);
    let _server = Serving::start(directory.path());
    run(directory.path(), &["send", "order.json"]);
    await_status(directory.path(), "1042", "sent");
    let data_dir = directory.path().join("postrider-data");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data_dir), 0o700);
    assert_eq!(mode(&data_dir.join("outbox")), 0o700);
    let captured = std::fs::read_dir(data_dir.join("outbox")).unwrap().map(|entry| entry.unwrap().path());
    let ledger = ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"].map(|name| data_dir.join(name));
    for path in captured.chain(ledger) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_second_server_leaves_alone_what_the_first_is_writing() {
    let directory = TempDir::new().unwrap();
    let _first = Serving::start(directory.path());
    let half_written = directory.path().join("postrider-data/outbox/message.tmp");
    std::fs::write(&half_written, "Subj").unwrap();
    let second = run(directory.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(code(&second), 1);
    assert!(text(&second.stderr).contains("already open"), "{}", text(&second.stderr));
    assert!(half_written.exists());
}
