//! As much of MIME (RFC 2045 to 2047) as it takes to show a mail's subject and its plain text.

/// A message, or one part of it.
#[derive(Debug)]
pub(super) struct Part<'a> {
    headers: Vec<(String, String)>,
    body: &'a str,
}

impl<'a> Part<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            match headers.last_mut() {
                Some((_, value)) if line.starts_with([' ', '\t']) => value.push_str(line),
                _ => headers.extend(header(line)),
            }
        }
        Self { headers, body }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first `text/plain` in it, decoded, with plain line ends.
    pub(super) fn plain_text(&self) -> String {
        self.find_text(4).unwrap_or_default()
    }

    fn find_text(&self, depth: usize) -> Option<String> {
        let kind = self.header("content-type").unwrap_or("text/plain");
        if kind.to_ascii_lowercase().starts_with("multipart/") && depth > 0 {
            let boundary = format!("--{}", parameter(kind, "boundary")?);
            let parts = self.body.split(boundary.as_str()).skip(1);
            return parts
                .map(|part| part.trim_start_matches("\r\n"))
                .find_map(|part| Part::parse(part).find_text(depth - 1));
        }
        kind.to_ascii_lowercase().starts_with("text/plain").then(|| self.decoded())
    }

    fn decoded(&self) -> String {
        let encoding = self.header("content-transfer-encoding").unwrap_or("7bit").trim().to_ascii_lowercase();
        let bytes = match encoding.as_str() {
            "base64" => base64(self.body),
            "quoted-printable" => quoted_printable(&self.body.replace("=\r\n", "")),
            _ => self.body.as_bytes().to_vec(),
        };
        String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
    }
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_ascii_lowercase(), value.trim().to_owned()))
}

fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

/// `=?utf-8?b?...?=` and `=?utf-8?q?...?=` in a header; blanks between two such words do not count.
pub(super) fn decode_words(header: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("=?") {
        let Some((word, left)) = encoded_word(after) else {
            decoded.extend_from_slice(before.as_bytes());
            decoded.extend_from_slice(b"=?");
            rest = after;
            continue;
        };
        if decoded.is_empty() || !before.trim().is_empty() {
            decoded.extend_from_slice(before.as_bytes());
        }
        decoded.extend(word);
        rest = left;
    }
    decoded.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&decoded).into_owned()
}

/// `charset?encoding?text?=` and what follows it. The charset is taken for UTF-8, which is all that we send.
fn encoded_word(text: &str) -> Option<(Vec<u8>, &str)> {
    let (_charset, rest) = text.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (word, rest) = rest.split_once("?=")?;
    match encoding {
        "b" | "B" => Some((base64(word), rest)),
        "q" | "Q" => Some((quoted_printable(&word.replace('_', " ")), rest)),
        _ => None,
    }
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex_digit));
        if let [Some(high), Some(low)] = digits {
            decoded.push(high << 4 | low);
        }
    }
    decoded
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn base64(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for value in text.bytes().filter_map(base64_digit) {
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            let [_, _, _, byte] = (bits >> held).to_be_bytes();
            decoded.push(byte);
        }
    }
    decoded
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_decoded_word_by_word() {
        assert_eq!(decode_words("plain"), "plain");
        assert_eq!(
            decode_words("a =?utf-8?b?R2RhxYRzaw==?= =?utf-8?q?_is_late_=E2=82=AC?="),
            "a Gdańsk is late €"
        );
        assert_eq!(decode_words("broken =?utf-8?"), "broken =?utf-8?");
    }

    #[test]
    fn the_plain_alternative_is_found_and_its_soft_line_breaks_are_joined() {
        let mail = "Content-Type: multipart/alternative;\r\n boundary=\"b\"\r\n\r\n\
                    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\
                    \r\nDrei Auftr=C3=A4ge sind =\r\nzu sp=C3=A4t.\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--b--";
        assert_eq!(Part::parse(mail).plain_text(), "Drei Aufträge sind zu spät.\n");
    }

    #[test]
    fn garbage_gives_some_text_and_no_panic() {
        for garbage in ["", "=?=?=?", "Content-Type: multipart/mixed\r\n\r\n--", "a\r\n\r\n=\r\n=4", "::::"] {
            Part::parse(garbage).plain_text();
            decode_words(garbage);
        }
    }
}
