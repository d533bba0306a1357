//! The mails of a file, a mailbox or a folder, one after the other. Nothing is deleted, moved or marked as read.

use std::fs::{self, File, ReadDir};
use std::io::{BufRead, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use postrider_core::limits::FEEDBACK_MESSAGE_BYTES_MAX;

use super::Failure;

/// How the line that separates the mails of an mbox begins.
const FROM: &[u8] = b"From ";
/// Bytes of a line that are looked at together.
const LINE_BYTES: u64 = 64 * 1024;

/// One mail. Of one that is longer than [`FEEDBACK_MESSAGE_BYTES_MAX`] the beginning: reports stand there.
pub type Mail = Vec<u8>;

/// The mails of one place.
pub enum Mailbox {
    /// One file, or standard input.
    File(MailFile),
    /// A Maildir, or a folder of `.eml` files.
    Folder(MailFolder),
}

impl Mailbox {
    /// Opens a file, standard input for `-`, or a folder.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            let reader = Box::new(BufReader::new(std::io::stdin()));
            return Ok(Self::File(MailFile::read(reader, path).map_err(|error| unreadable(path, &error))?));
        }
        let opening = || match fs::metadata(path)?.is_dir() {
            true => Ok(Self::Folder(MailFolder::open(path)?)),
            false => Ok(Self::File(MailFile::read(Box::new(BufReader::new(File::open(path)?)), path)?)),
        };
        opening().map_err(|error| unreadable(path, &error))
    }

    /// The next mail; `None` at the end. After a fault in a folder's file the next one can be had, after one in the only
    /// file not.
    pub fn next(&mut self) -> Option<Result<Mail, Failure>> {
        match self {
            Self::File(file) => file.next().map_err(|error| unreadable(&file.path, &error)).transpose(),
            Self::Folder(folder) => folder.next(),
        }
    }

    /// Whether mails can still be had after one that could not.
    pub fn outlives_faults(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

/// One mail, or an mbox.
pub struct MailFile {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    is_mbox: bool,
    is_at_end: bool,
}

impl MailFile {
    fn read(mut reader: Box<dyn BufRead + Send>, path: &Path) -> std::io::Result<Self> {
        let mut first = Vec::new();
        (&mut reader).take(LINE_BYTES).read_until(b'\n', &mut first)?;
        let is_mbox = first.starts_with(FROM);
        let mut file = Self { path: path.to_owned(), reader, is_mbox, is_at_end: first.is_empty() };
        if !is_mbox {
            file.reader = Box::new(BufReader::new(std::io::Cursor::new(first).chain(file.reader)));
        }
        Ok(file)
    }

    fn next(&mut self) -> std::io::Result<Option<Mail>> {
        if self.is_at_end {
            return Ok(None);
        }
        if self.is_mbox {
            return self.next_of_mbox().map(Some);
        }
        self.is_at_end = true;
        let mut mail = Vec::new();
        (&mut self.reader).take(FEEDBACK_MESSAGE_BYTES_MAX as u64).read_to_end(&mut mail)?;
        Ok(Some(mail))
    }

    /// Reads from behind one separator to behind the next.
    fn next_of_mbox(&mut self) -> std::io::Result<Mail> {
        let mut mail = Vec::new();
        let mut line = Vec::new();
        // The separator stands behind an empty line, or before everything.
        let (mut begins_line, mut after_empty) = (true, true);
        loop {
            line.clear();
            (&mut self.reader).take(LINE_BYTES).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                self.is_at_end = true;
                return Ok(mail);
            }
            if begins_line && after_empty && is_separator(&line) {
                return Ok(mail);
            }
            let text = if begins_line { unquoted(&line) } else { &line };
            let room = FEEDBACK_MESSAGE_BYTES_MAX.saturating_sub(mail.len());
            mail.extend_from_slice(&text[..text.len().min(room)]);
            after_empty = begins_line && matches!(line.as_slice(), b"\n" | b"\r\n");
            begins_line = line.ends_with(b"\n");
        }
    }
}

/// Whether a line separates two mails: `From `, who sent it, and when (RFC 4155). Without a time of day it is a line of
/// somebody's text that was not quoted.
fn is_separator(line: &[u8]) -> bool {
    let is_time = |window: &[u8]| matches!(window, [a, b':', b] if a.is_ascii_digit() && b.is_ascii_digit());
    line.starts_with(FROM) && line.windows(3).any(is_time)
}

/// The line without the `>` that keeps it from being a separator.
fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    if marks > 0 && line[marks..].starts_with(FROM) { &line[1..] } else { line }
}

/// The files of a folder.
pub struct MailFolder {
    /// Folders still to be listed, the last one first.
    folders: Vec<PathBuf>,
    listing: Option<ReadDir>,
    /// Whether only files named `.eml` are mails.
    by_name: bool,
}

impl MailFolder {
    fn open(path: &Path) -> std::io::Result<Self> {
        // `new` is listed first: whatever is read there meanwhile moves to `cur` and is found there.
        let maildir: Vec<_> =
            ["cur", "new"].map(|name| path.join(name)).into_iter().filter(|folder| folder.is_dir()).collect();
        if maildir.is_empty() {
            let listing = Some(fs::read_dir(path)?);
            return Ok(Self { folders: Vec::new(), listing, by_name: true });
        }
        Ok(Self { folders: maildir, listing: None, by_name: false })
    }

    fn next(&mut self) -> Option<Result<Mail, Failure>> {
        loop {
            let Some(listing) = &mut self.listing else {
                let folder = self.folders.pop()?;
                match fs::read_dir(&folder) {
                    Ok(listing) => self.listing = Some(listing),
                    Err(error) => return Some(Err(unreadable(&folder, &error))),
                }
                continue;
            };
            match listing.next() {
                None => self.listing = None,
                Some(Err(error)) => {
                    self.listing = None;
                    return Some(Err(Failure::new(format!(
                        "the folder cannot be listed to its end: {error}"
                    ))));
                }
                Some(Ok(entry)) => {
                    let path = entry.path();
                    if self.is_mail(&path) {
                        return Some(read_whole(&path).map_err(|error| unreadable(&path, &error)));
                    }
                }
            }
        }
    }

    fn is_mail(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_named = !self.by_name || path.extension().is_some_and(|end| end.eq_ignore_ascii_case("eml"));
        // What cannot be looked at is opened all the same, and then its fault is told.
        is_named && !name.starts_with(b".") && fs::metadata(path).map_or(true, |of| of.is_file())
    }
}

fn read_whole(path: &Path) -> std::io::Result<Mail> {
    let mut mail = Vec::new();
    File::open(path)?.take(FEEDBACK_MESSAGE_BYTES_MAX as u64).read_to_end(&mut mail)?;
    Ok(mail)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let moved = if error.kind() == ErrorKind::NotFound { " (has it been moved or deleted?)" } else { "" };
    Failure::new(format!("{} cannot be read: {error}{moved}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(bytes: &[u8]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mails");
        fs::write(&path, bytes).unwrap();
        let mut mailbox = Mailbox::open(&path).unwrap();
        let mails = std::iter::from_fn(|| mailbox.next().map(Result::unwrap));
        mails.map(|mail| String::from_utf8(mail).unwrap()).collect()
    }

    #[test]
    fn an_mbox_is_cut_at_its_separators_and_quoted_lines_are_given_back() {
        let mbox = "From a@x Tue Nov 24 03:31:54 2026\nSubject: 1\n\n>From here\n>>From there\nFrom me at 9:30\n\n\
                    From time to time\n\nFrom b@x Tue Nov 24 03:31:54 2026\r\nSubject: 2\r\n\r\n>From\r\n";
        let expected = [
            "Subject: 1\n\nFrom here\n>From there\nFrom me at 9:30\n\nFrom time to time\n\n",
            "Subject: 2\r\n\r\n>From\r\n",
        ];
        assert_eq!(mails(mbox.as_bytes()), expected);
    }

    #[test]
    fn whatever_does_not_begin_like_an_mbox_is_one_mail() {
        let mail = "Subject: 1\n\nFrom a@x Tue Nov 24 03:31:54 2026\n";
        assert_eq!(mails(mail.as_bytes()), [mail]);
        assert_eq!(mails(b""), [""; 0]);
    }

    #[test]
    fn of_a_mail_that_is_too_long_the_beginning_is_read_and_the_next_one_whole() {
        let long = "x".repeat(FEEDBACK_MESSAGE_BYTES_MAX);
        let mbox = format!("From a Tue 3:4\nSubject: 1\n\n{long}\n{long}\n\nFrom b Tue 3:4\nSubject: 2\n");
        let read = mails(mbox.as_bytes());
        assert_eq!(read.len(), 2);
        assert!(read[0].len() == FEEDBACK_MESSAGE_BYTES_MAX && read[0].starts_with("Subject: 1\n\nxxx"));
        assert_eq!(read[1], "Subject: 2\n");
        assert_eq!(mails(long.repeat(2).as_bytes())[0].len(), FEEDBACK_MESSAGE_BYTES_MAX);
    }
}
