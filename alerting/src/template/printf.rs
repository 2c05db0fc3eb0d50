//! `printf`: the verbs of Go's `fmt`, with its way to say that a verb doesn't fit a value.

use super::moment;
use super::print::{Style, exponential, general, plain, quoted, write, write_value};
use super::value::Value;

/// A wider field is a mistake.
const MAX_WIDTH: usize = 1000;

#[derive(Clone, Copy, Default)]
struct Spec {
    left: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `Err` for what Go can and we don't: `%#v`, `*` and explicit indexes.
pub(super) fn printf(format: &str, arguments: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut next = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let spec = spec(&mut chars)?;
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        if spec.sharp && !matches!(verb, 'x' | 'X' | 'o' | 'b') {
            return Err(format!("printf: %#{verb} is not supported"));
        }
        match next.next() {
            Some(value) => write_verb(&mut out, value, verb, &spec),
            None => write(&mut out, format_args!("%!{verb}(MISSING)")),
        }
    }
    let extra: Vec<String> =
        next.map(|value| format!("{}={}", value.type_name(), plain(value)).replace("nil=", "")).collect();
    if !extra.is_empty() {
        write(&mut out, format_args!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn spec(chars: &mut Chars<'_>) -> Result<Spec, String> {
    let mut spec = Spec::default();
    while let Some(flag) = chars.next_if(|c| "-+# 0".contains(*c)) {
        match flag {
            '-' => spec.left = true,
            '+' => spec.plus = true,
            '#' => spec.sharp = true,
            ' ' => spec.space = true,
            _ => spec.zero = true,
        }
    }
    spec.width = number(chars)?;
    if chars.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(chars)?.unwrap_or(0));
    }
    if let Some(c) = chars.peek().filter(|c| matches!(c, '*' | '[')) {
        return Err(format!("printf: `{c}` in a format is not supported: write the number"));
    }
    Ok(spec)
}

fn number(chars: &mut Chars<'_>) -> Result<Option<usize>, String> {
    let mut value: Option<usize> = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)) {
        let so_far = value.unwrap_or(0) * 10 + digit as usize;
        if so_far > MAX_WIDTH {
            return Err(format!("printf: a width or precision is larger than {MAX_WIDTH}"));
        }
        value = Some(so_far);
    }
    Ok(value)
}

fn write_verb(out: &mut String, value: &Value, verb: char, spec: &Spec) {
    match (value, verb) {
        (_, 'T') => out.push_str(&padded(value.type_name().replace("nil", "<nil>"), spec)),
        (Value::Nil, 'v') => out.push_str(&padded("<nil>".to_owned(), spec)),
        (Value::Nil, _) => write(out, format_args!("%!{verb}(<nil>)")),
        // Labels and pairs are texts to every verb for texts; so are times and durations.
        (Value::List(super::value::ListKind::Pairs, _) | Value::Map(super::value::MapKind::Kv, _), _)
            if "vsqxX".contains(verb) =>
        {
            out.push_str(&of_text(&plain(value), verb, spec));
        }
        (Value::List(_, values), _) if verb != 'v' => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                write_verb(out, value, verb, spec);
            }
            out.push(']');
        }
        (Value::List(..) | Value::Map(..) | Value::Record(_), 'v' | 's') => {
            let style = if spec.plus { Style::Named } else { Style::Plain };
            write_value(out, value, style);
        }
        _ => match of_one(value, verb, spec) {
            Some(text) => out.push_str(&text),
            None => write(out, format_args!("%!{verb}({}={})", value.type_name(), plain(value))),
        },
    }
}

/// `None` where the verb doesn't fit.
fn of_one(value: &Value, verb: char, spec: &Spec) -> Option<String> {
    match value {
        Value::Bool(_) => matches!(verb, 't' | 'v').then(|| padded(plain(value), spec)),
        Value::Text(text) | Value::Html(text) | Value::Url(text) => {
            "vsqxX".contains(verb).then(|| of_text(text, verb, spec))
        }
        Value::Time(_) => "vsq".contains(verb).then(|| of_text(&plain(value), verb, spec)),
        Value::Duration(nanos) if "vs".contains(verb) => Some(of_text(&moment::duration(*nanos), verb, spec)),
        Value::Named(_, name, _) if "vs".contains(verb) => Some(of_text(name, verb, spec)),
        Value::Int(number) | Value::Duration(number) | Value::Named(_, _, number) => {
            of_integer(*number, verb, spec)
        }
        Value::Float(number) => of_float(*number, verb, spec),
        _ => None,
    }
}

fn of_text(text: &str, verb: char, spec: &Spec) -> String {
    let cut: String = match spec.precision {
        Some(chars) if "vsq".contains(verb) => text.chars().take(chars).collect(),
        _ => text.to_owned(),
    };
    let hex = |upper: bool| {
        let bytes = cut.bytes().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") });
        bytes.collect::<String>()
    };
    let text = match verb {
        'q' => quoted(&cut),
        'x' => hex(false),
        'X' => hex(true),
        _ => cut,
    };
    padded(text, &Spec { zero: spec.zero && verb != 'q', ..*spec })
}

fn of_integer(number: i64, verb: char, spec: &Spec) -> Option<String> {
    let size = number.unsigned_abs();
    let digits = match verb {
        'd' | 'v' => size.to_string(),
        'b' => format!("{size:b}"),
        'o' | 'O' => format!("{size:o}"),
        'x' => format!("{size:x}"),
        'X' => format!("{size:X}"),
        'c' => return char_of(number).map(|c| padded(c.to_string(), spec)),
        'q' => return char_of(number).map(|c| padded(format!("'{c}'"), spec)),
        'U' => return Some(padded(format!("U+{size:04X}"), spec)),
        _ => return None,
    };
    let prefix = match verb {
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        'b' if spec.sharp => "0b",
        'o' if spec.sharp => "0",
        'O' => "0o",
        _ => "",
    };
    let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
    let text = format!("{prefix}{digits}");
    Some(padded(
        signed(number < 0, &text, spec),
        &Spec { zero: spec.zero && spec.precision.is_none(), ..*spec },
    ))
}

fn char_of(number: i64) -> Option<char> {
    u32::try_from(number).ok().and_then(char::from_u32)
}

fn of_float(number: f64, verb: char, spec: &Spec) -> Option<String> {
    let size = number.abs();
    let text = match (verb, spec.precision) {
        ('v' | 'g', None) => plain(&Value::Float(size)),
        ('v' | 'g', Some(precision)) => general(size, precision),
        ('f' | 'F', precision) if size.is_finite() => format!("{size:.*}", precision.unwrap_or(6)),
        ('e', precision) => exponential(size, precision.unwrap_or(6), 'e'),
        ('E', precision) => exponential(size, precision.unwrap_or(6), 'E'),
        ('f' | 'F', _) => plain(&Value::Float(size)),
        _ => return None,
    };
    let is_negative = number.is_sign_negative() && !number.is_nan();
    let text = text.trim_start_matches('+');
    let signed = if number == f64::INFINITY { format!("+{text}") } else { signed(is_negative, text, spec) };
    Some(padded(signed, &Spec { zero: spec.zero && number.is_finite(), ..*spec }))
}

fn signed(is_negative: bool, text: &str, spec: &Spec) -> String {
    let sign = match (is_negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    format!("{sign}{text}")
}

fn padded(text: String, spec: &Spec) -> String {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if spec.left {
        return text + &" ".repeat(missing);
    }
    if !spec.zero {
        return " ".repeat(missing) + &text;
    }
    match text.strip_prefix(['-', '+', ' ']) {
        Some(digits) if text.len() > 1 => {
            let sign: String = text.chars().take(1).collect();
            sign + &"0".repeat(missing) + digits
        }
        _ => "0".repeat(missing) + &text,
    }
}
