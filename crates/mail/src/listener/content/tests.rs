use super::*;
use proptest::prelude::*;

/// Feeds `bytes` in pieces of `piece` bytes; the outcome, and the bytes after the end.
fn read(bytes: &[u8], piece: usize) -> Option<(Result<Vec<u8>, Flaw>, usize)> {
    let mut content = Content::new(&Room::new());
    for (index, part) in bytes.chunks(piece).enumerate() {
        if let Progress::Ended(length) = content.feed(part) {
            return Some((content.finish().map(|whole| whole.bytes), index * piece + length));
        }
    }
    None
}

/// The same by RFC 5321 §4.5.2 read word for word, slowly.
fn by_the_book(bytes: &[u8]) -> Option<(Result<Vec<u8>, Flaw>, usize)> {
    let whole = [b"\r\n", bytes].concat();
    let end = whole.windows(5).position(|window| window == b"\r\n.\r\n")?;
    let mut lines = Vec::new();
    for line in whole[2..end + 2].split_inclusive(|byte| *byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Some((Err(Flaw::BareLineEnd), end + 3));
        };
        if text.contains(&b'\r') {
            return Some((Err(Flaw::BareLineEnd), end + 3));
        }
        lines.extend_from_slice(text.strip_prefix(b".").unwrap_or(text));
        lines.extend_from_slice(b"\r\n");
    }
    Some((Ok(lines), end + 3))
}

fn taken(bytes: &[u8]) -> (Result<Vec<u8>, Flaw>, usize) {
    read(bytes, usize::MAX).expect("it ends")
}

#[test]
fn dots_that_were_doubled_are_single_again() {
    assert_eq!(taken(b".\r\n"), (Ok(Vec::new()), 3));
    assert_eq!(taken(b"..\r\n...x\r\na.\r\n.\r\nQUIT"), (Ok(b".\r\n..x\r\na.\r\n".to_vec()), 17));
    assert_eq!(taken(b".x\r\n.\r\n"), (Ok(b"x\r\n".to_vec()), 7));
}

#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\n.\r",
        "\r.\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\r\n.\r\r\n",
    ] {
        let smuggled = format!("Subject: x\r\n\r\na{end}MAIL FROM:<>\r\n");
        assert_eq!(read(smuggled.as_bytes(), 1), None, "{end:?}");
        let (outcome, length) = taken(format!("{smuggled}\r\n.\r\n").as_bytes());
        assert_eq!(length, smuggled.len() + 5, "{end:?}");
        if !end.contains('\0') {
            assert_eq!(outcome, Err(Flaw::BareLineEnd), "{end:?}");
        }
    }
    // This one holds a CRLF.CRLF, so it ends there, spoilt.
    assert_eq!(taken(b"a\r\r\n.\r\nMAIL"), (Err(Flaw::BareLineEnd), 7));
}

#[test]
fn lines_and_messages_have_bounds() {
    let line = |length: usize| format!("{}\r\n.\r\n", "a".repeat(length));
    assert!(taken(line(LISTENER_LINE_BYTES_MAX).as_bytes()).0.is_ok());
    assert_eq!(taken(line(LISTENER_LINE_BYTES_MAX + 1).as_bytes()).0, Err(Flaw::LineTooLong));
    let lines = |count: usize| [b"0123456789abcd\r\n".repeat(count), b".\r\n".to_vec()].concat();
    let most = lines(LISTENER_MESSAGE_BYTES_MAX / 16);
    assert!(read(&most, 4_096).expect("it ends").0.is_ok());
    let more = lines(LISTENER_MESSAGE_BYTES_MAX / 16 + 1);
    assert_eq!(read(&more, 4_096).expect("it ends").0, Err(Flaw::TooLarge));
}

#[test]
fn a_message_without_end_is_given_up() {
    let mut content = Content::new(&Room::new());
    let part = b"0123456789abcd\r\n".repeat(65_536);
    let fed = (1..).find(|_| content.feed(&part) == Progress::Endless).expect("it ends");
    assert_eq!(fed, LISTENER_DRAIN_BYTES_MAX / part.len() + 1);
    assert_eq!(content.bytes.capacity(), 0);
}

#[test]
fn messages_share_the_memory_and_give_it_back() {
    let room = Room::of_bytes(4 * ROOM_UNIT_BYTES);
    let part = b"0123456789abcd\r\n".repeat(ROOM_UNIT_BYTES / 16);
    let mut first = Content::new(&room);
    for _ in 0..4 {
        assert_eq!(first.feed(&part), Progress::More);
    }
    assert_eq!((first.flaw(), room.0.available_permits()), (None, 0));
    assert!(first.bytes.capacity() <= 4 * ROOM_UNIT_BYTES);
    let mut second = Content::new(&room);
    second.feed(b"x");
    assert_eq!(second.flaw(), Some(Flaw::NoRoom));
    // One byte too many, and everything it held is free for others.
    first.feed(b"x");
    assert_eq!((first.flaw(), room.0.available_permits()), (Some(Flaw::NoRoom), 4));
    let mut third = Content::new(&room);
    assert_eq!(third.feed(b"x\r\n.\r\n"), Progress::Ended(6));
    let whole = third.finish().expect("there is room");
    assert_eq!(room.0.available_permits(), 3);
    drop(whole);
    assert_eq!(room.0.available_permits(), 4);
}

proptest! {
    #[test]
    fn a_message_is_read_by_the_book_however_it_is_cut(
        bytes in proptest::collection::vec(proptest::sample::select(b"\r\n.a".to_vec()), 0..40),
        piece in 1..9_usize,
    ) {
        let bytes = [bytes, b"\r\n.\r\n".to_vec()].concat();
        prop_assert_eq!(read(&bytes, piece), by_the_book(&bytes));
    }
}
