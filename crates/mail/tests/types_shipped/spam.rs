//! What SpamAssassin thinks, with the distribution's rules and without the network.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::every::messages;

/// Points a message may have; five make it spam.
const SCORE_MAX: f64 = 1.0;

#[test]
fn no_message_looks_like_spam() {
    let messages = messages();
    let directory = TempDir::new().unwrap();
    let mailbox = directory.path().join("messages.mbox");
    let mut bytes = Vec::new();
    for made in &messages {
        // As the shop's mail server and the receiving one add them: rules read them.
        bytes.extend_from_slice(
            b"From orders@shop.example.com Tue Nov 24 10:00:00 2026\n\
              Received: from mail.shop.example.com (mail.shop.example.com [93.184.215.14])\n\
              \tby mx.example.com (Postfix) with ESMTPS id 1;\n\tTue, 24 Nov 2026 10:00:01 +0000 (UTC)\n\
              Received: from postrider (localhost [127.0.0.1])\n\
              \tby mail.shop.example.com (Postfix) with ESMTP id 2;\n\tTue, 24 Nov 2026 10:00:00 +0000 (UTC)\n",
        );
        bytes.extend(String::from_utf8(made.message.clone()).unwrap().replace("\r\n", "\n").into_bytes());
        bytes.push(b'\n');
    }
    fs::write(&mailbox, bytes).unwrap();
    let output = Command::new("/usr/bin/spamassassin")
        .args(["--local", "--mbox", "--cf", "use_bayes 0", "--cf", "report_safe 0", "--cf", "fold_headers 0"])
        .arg("--cf=add_header all Status _YESNO_, score=_SCORE_ tests=_TESTSSCORES(,)_")
        .arg(&mailbox)
        .env("HOME", directory.path())
        .output()
        .unwrap();
    let judged = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdicts: Vec<&str> =
        judged.lines().filter_map(|line| line.strip_prefix("X-Spam-Status: ")).collect();
    assert_eq!(verdicts.len(), messages.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut suspicious = Vec::new();
    for (made, verdict) in messages.iter().zip(verdicts) {
        let score = verdict.split_once("score=").unwrap().1.split(' ').next().unwrap();
        let score: f64 = score.parse().unwrap();
        if score >= SCORE_MAX {
            suspicious.push(format!("{}: {verdict}", made.name));
        }
    }
    assert!(suspicious.is_empty(), "{suspicious:#?}");
}
