//! A text body from a rendered HTML body, for types that bring no `body.txt`.

/// Columns a line of derived text may fill (RFC 3676 §4.2 advises 72 to 78).
const COLUMNS: usize = 76;

/// Reads rendered HTML as plain text: blocks on lines of their own, links spelt out after their words, images by
/// their `alt`, nothing that is hidden, lines wrapped.
///
/// It reads what MJML makes, not any HTML: enough for bodies we rendered ourselves, harmless on the rest.
#[must_use]
pub fn from_html(html: &str) -> String {
    let mut reader = Reader::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        reader.text(&rest[..at]);
        rest = &rest[at..];
        // Comments hold what only Outlook reads, and tags of their own.
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let end = tag_end(rest);
        let tag = Tag::read(&rest[1..end]);
        rest = rest.get(end + 1..).unwrap_or("");
        // These hold no text for a reader.
        if matches!(tag.name.as_str(), "style" | "script" | "title") && !tag.closing {
            let close = format!("</{}", tag.name);
            rest = rest.find(&close).map_or("", |at| &rest[at..]);
            continue;
        }
        reader.tag(&tag);
    }
    reader.text(rest);
    reader.finish()
}

/// Where the tag that `html` begins with ends: its `>`, not one inside a quoted attribute.
fn tag_end(html: &str) -> usize {
    let mut quote = None;
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    html.len()
}

struct Tag<'a> {
    name: String,
    closing: bool,
    void: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    fn read(inside: &'a str) -> Self {
        let (closing, inside) = match inside.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, inside),
        };
        let end = inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len());
        let name = inside[..end].to_ascii_lowercase();
        let void = inside.ends_with('/')
            || matches!(name.as_str(), "br" | "img" | "hr" | "meta" | "link" | "col" | "input" | "!doctype");
        Self { name, closing, void, attributes: &inside[end..] }
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let at = self.attributes.find(&format!(" {name}=\""))? + name.len() + 3;
        let value = &self.attributes[at..];
        Some(decode(value.split_once('"').map_or(value, |(value, _)| value)))
    }

    fn is_hidden(&self) -> bool {
        self.attribute("style").is_some_and(|style| style.replace(' ', "").contains("display:none"))
            || self.attribute("aria-hidden").is_some_and(|hidden| hidden == "true")
    }
}

#[derive(Default)]
struct Reader {
    paragraphs: Vec<String>,
    line: String,
    /// Depth of open tags inside a hidden element, 0 outside.
    hidden: usize,
    links: Vec<(String, usize)>,
}

impl Reader {
    fn text(&mut self, raw: &str) {
        if self.hidden > 0 {
            return;
        }
        for c in decode(raw).chars() {
            // Zero-width fillers only pad the preview line.
            if matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{34f}') {
                continue;
            }
            if c.is_whitespace() && c != '\u{a0}' {
                self.space();
            } else {
                self.line.push(c);
            }
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with(' ') {
            self.line.push(' ');
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        if self.hidden > 0 || (!tag.closing && !tag.void && tag.is_hidden()) {
            match (tag.void, tag.closing) {
                (true, _) => {}
                (false, true) => self.hidden -= 1,
                (false, false) => self.hidden += 1,
            }
            return;
        }
        match (tag.name.as_str(), tag.closing) {
            ("a", false) => {
                if let Some(address) = tag.attribute("href") {
                    self.links.push((address, self.line.len()));
                }
            }
            ("a", true) => self.end_link(),
            ("img", _) => {
                if let Some(words) = tag.attribute("alt") {
                    self.line.push_str(&words);
                }
            }
            ("td" | "th", true) => {
                self.space();
                self.space_cells();
            }
            ("li", false) => {
                self.end_line();
                self.line.push_str("- ");
            }
            ("p" | "h1" | "h2" | "h3" | "h4" | "table" | "ul" | "ol", _) => {
                self.end_line();
                self.blank();
            }
            ("br" | "div" | "tr" | "hr" | "li", _) => self.end_line(),
            _ => {}
        }
    }

    /// Cells of one row stay on one line, two spaces apart.
    fn space_cells(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with("  ") {
            self.line.push(' ');
        }
    }

    fn end_link(&mut self) {
        let Some((address, from)) = self.links.pop() else { return };
        let shown = self.line.get(from..).unwrap_or("").trim();
        let bare = address.strip_prefix("mailto:").unwrap_or(&address);
        if shown.is_empty() {
            self.line.push_str(bare);
        } else if shown != bare {
            let spelt_out = format!(" ({bare})");
            self.line.push_str(&spelt_out);
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = line.trim();
        // The links of a line that is gone can no longer be measured from its start.
        self.links.iter_mut().for_each(|link| link.1 = 0);
        if !line.is_empty() {
            self.paragraphs.push(wrap(line));
        }
    }

    fn blank(&mut self) {
        if self.paragraphs.last().is_some_and(|last| !last.is_empty()) {
            self.paragraphs.push(String::new());
        }
    }

    fn finish(mut self) -> String {
        self.end_line();
        while self.paragraphs.last().is_some_and(String::is_empty) {
            self.paragraphs.pop();
        }
        let mut text = self.paragraphs.join("\n");
        text.push('\n');
        text
    }
}

/// Breaks a line at spaces so that it fits [`COLUMNS`]; a word that is longer stays whole, because it may be a link.
fn wrap(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut column = 0;
    for word in line.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > COLUMNS {
            out.push('\n');
            column = 0;
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out
}

/// The characters behind entities.
fn decode(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.split_once(';').filter(|(name, _)| name.len() <= 10);
        match entity.and_then(|(name, after)| Some((character(&name[1..])?, after))) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control());
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "zwnj" => '\u{200c}',
        "times" => '×',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "middot" => '·',
        "copy" => '©',
        "rarr" => '→',
        _ => return None,
    })
}
