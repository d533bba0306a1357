//! What a `ce-` header says, decoded as the CloudEvents HTTP binding asks (1.0.2, §3.1.3.2).

/// The attribute's text: quoted strings unescaped, as older versions of the binding wrote them, then percent-decoded
/// once.
///
/// # Errors
/// A phrase that follows the header's name.
pub fn decode(value: &[u8]) -> Result<String, &'static str> {
    let unquoted = unquote(value)?;
    String::from_utf8(percent_decode(&unquoted)?).map_err(|_| "must be UTF-8 when it is percent-decoded")
}

fn unquote(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut text = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    let mut quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => text.push(bytes.next().ok_or("has a quotation that does not end")?),
            _ => text.push(byte),
        }
    }
    if quoted { Err("has a quotation that does not end") } else { Ok(text) }
}

fn percent_decode(text: &[u8]) -> Result<Vec<u8>, &'static str> {
    // Which encoding a bare byte beyond ASCII is in, nobody could say.
    if !text.is_ascii() {
        return Err("must be ASCII, with every other character percent-encoded");
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if *first != b'%' {
            decoded.push(*first);
            rest = after;
            continue;
        }
        let (Some(high), Some(low)) = (digit(after, 0), digit(after, 1)) else {
            return Err("has a % that begins no percent-encoding; a percent sign itself is written %25");
        };
        decoded.push(high * 16 + low);
        rest = &after[2..];
    }
    Ok(decoded)
}

fn digit(text: &[u8], index: usize) -> Option<u8> {
    let digit = char::from(*text.get(index)?).to_digit(16)?;
    u8::try_from(digit).ok()
}
