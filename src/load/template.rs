//! An item that was encoded once, with holes for what differs from item to item. Filling it is a copy and a few writes,
//! which is what keeps the sender from being the bottleneck. The standard's own encoder makes the bytes; the holes are
//! found by the marks that were encoded in their place.

use prost::Message;

/// What an item of a request is filled in with. Times in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Counted from zero over the run, within its signal.
    pub(super) number: u64,
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    /// Zeros: no parent.
    pub(super) parent_span_id: [u8; 8],
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) dice: u64,
}

#[derive(Clone, Copy, Debug)]
enum Hole {
    TraceId,
    SpanId,
    ParentSpanId,
    Start,
    End,
    /// The item's number as a double, so that a point can be told from every other.
    Value,
    /// Seconds from start to end.
    Duration,
    /// An amount of money.
    Amount,
    /// Twelve decimal digits: the item's number.
    Number,
    /// Three and four digits that vary.
    Page,
    User,
}

/// Marks have the width of what comes in their place, and occur nowhere else in an item.
pub(super) const TRACE_ID: [u8; 16] = [0xe1; 16];
pub(super) const SPAN_ID: [u8; 8] = [0xe2; 8];
pub(super) const PARENT_SPAN_ID: [u8; 8] = [0xe3; 8];
pub(super) const START: u64 = u64::from_le_bytes([0xe4; 8]);
pub(super) const END: u64 = u64::from_le_bytes([0xe5; 8]);
pub(super) const NUMBER: &str = "\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}";
pub(super) const PAGE: &str = "\u{2}\u{2}\u{2}";
pub(super) const USER: &str = "\u{3}\u{3}\u{3}\u{3}";

pub(super) const fn value() -> f64 {
    f64::from_le_bytes([0xe6; 8])
}

pub(super) const fn duration() -> f64 {
    f64::from_le_bytes([0xe7; 8])
}

pub(super) const fn amount() -> f64 {
    f64::from_le_bytes([0xe8; 8])
}

#[derive(Debug)]
pub(super) struct Template {
    bytes: Vec<u8>,
    holes: Vec<(usize, Hole)>,
}

impl Template {
    /// `item` as an element of the repeated field 2, which it is in the scopes of all three signals.
    pub(super) fn of(item: &impl Message) -> Self {
        let mut bytes = vec![0x12];
        item.encode_length_delimited(&mut bytes).expect("a vector grows");
        let marks: [(&[u8], Hole); 11] = [
            (&TRACE_ID, Hole::TraceId),
            (&SPAN_ID, Hole::SpanId),
            (&PARENT_SPAN_ID, Hole::ParentSpanId),
            (&START.to_le_bytes(), Hole::Start),
            (&END.to_le_bytes(), Hole::End),
            (&value().to_le_bytes(), Hole::Value),
            (&duration().to_le_bytes(), Hole::Duration),
            (&amount().to_le_bytes(), Hole::Amount),
            (NUMBER.as_bytes(), Hole::Number),
            (PAGE.as_bytes(), Hole::Page),
            (USER.as_bytes(), Hole::User),
        ];
        let mut holes = Vec::new();
        for (mark, hole) in marks {
            let found = bytes.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
            holes.extend(found.map(|(at, _)| (at, hole)));
        }
        Self { bytes, holes }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn write(&self, item: &Item, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let written = &mut out[start..];
        for &(at, hole) in &self.holes {
            let place = &mut written[at..];
            match hole {
                Hole::TraceId => place[..16].copy_from_slice(&item.trace_id),
                Hole::SpanId => place[..8].copy_from_slice(&item.span_id),
                Hole::ParentSpanId => place[..8].copy_from_slice(&item.parent_span_id),
                Hole::Start => place[..8].copy_from_slice(&item.start.to_le_bytes()),
                Hole::End => place[..8].copy_from_slice(&item.end.to_le_bytes()),
                Hole::Value => place[..8].copy_from_slice(&(item.number as f64).to_le_bytes()),
                Hole::Duration => place[..8].copy_from_slice(&seconds(item).to_le_bytes()),
                Hole::Amount => place[..8].copy_from_slice(&euros(item.dice).to_le_bytes()),
                Hole::Number => digits(&mut place[..12], item.number),
                Hole::Page => digits(&mut place[..3], item.dice >> 40),
                Hole::User => digits(&mut place[..4], item.dice >> 50),
            }
        }
    }
}

fn seconds(item: &Item) -> f64 {
    (item.end - item.start) as f64 / 1e9
}

fn euros(dice: u64) -> f64 {
    (dice >> 32 & 0xf_ffff) as f64 / 100.0
}

/// The last digits of `number`, as many as there is room for.
fn digits(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;

    #[test]
    fn what_is_filled_in_is_what_the_standards_decoder_reads() {
        let template = Template::of(&Span {
            trace_id: TRACE_ID.to_vec(),
            span_id: SPAN_ID.to_vec(),
            parent_span_id: PARENT_SPAN_ID.to_vec(),
            start_time_unix_nano: START,
            end_time_unix_nano: END,
            name: format!("/shop/{PAGE}/{NUMBER}"),
            ..Span::default()
        });
        let item = Item {
            number: 42,
            trace_id: [1; 16],
            span_id: [2; 8],
            parent_span_id: [3; 8],
            start: 1_000,
            end: 2_500,
            dice: 1_234 << 40,
        };
        let mut bytes = Vec::new();
        template.write(&item, &mut bytes);

        let span = Span::decode_length_delimited(&bytes[1..]).expect("a span");
        assert_eq!((bytes[0], bytes.len()), (0x12, template.len()));
        assert_eq!((span.trace_id, span.span_id, span.parent_span_id), (vec![1; 16], vec![2; 8], vec![3; 8]));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000, 2_500));
        assert_eq!(span.name, "/shop/234/000000000042");
    }
}
