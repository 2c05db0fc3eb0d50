//! Bodies of OTLP requests, made from templates: request N of a run is the same bytes whenever it is made, but for the
//! moment it is made for.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use plimsoll_model::Timestamp;
use prost::Message;
use prost::encoding::encode_varint;

use super::ids::{Run, index, mix};
use super::payload;
use super::signal::Signal;
use super::template::{Item, Template};

/// Between the starts of two items of a request.
const STEP_NANOS: u64 = 1_000;
const ENVELOPE_BYTES: usize = 512;
const SHORTEST_NANOS: u64 = 1_000;
const SECOND_NANOS: u64 = 1_000_000_000;

/// What requests hold, and in which turn.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    pub(super) run: Run,
    /// Requests take these in turn; one that stands twice comes twice as often.
    pub(super) signals: Vec<Signal>,
    pub(super) items_per_request: u64,
    pub(super) spans_per_trace: u64,
}

#[derive(Debug)]
pub(super) struct Bodies {
    contents: Contents,
    templates: [Vec<Template>; 4],
    longest: usize,
    resources: Vec<Vec<u8>>,
}

/// A request before it is compressed.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) signal: Signal,
    pub(super) bytes: Bytes,
    /// Event times of the first and the last item.
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
}

impl Contents {
    pub(super) fn signal_of(&self, request: u64) -> Signal {
        self.signals[self.turn(request)]
    }

    /// How many items of its signal were in earlier requests.
    fn first_item(&self, request: u64) -> u64 {
        let (turn, signal) = (self.turn(request), self.signal_of(request));
        let same = |signals: &[Signal]| signals.iter().filter(|&&other| other == signal).count() as u64;
        let rounds = request / self.signals.len() as u64;
        (rounds * same(&self.signals) + same(&self.signals[..turn])) * self.items_per_request
    }

    fn turn(&self, request: u64) -> usize {
        index(request % self.signals.len() as u64)
    }

    /// Other signals follow the traces that spans make, so that a join over the whole run finds both sides.
    fn trace_of(&self, signal: Signal, item: u64) -> u64 {
        if signal == Signal::Spans {
            return item / self.spans_per_trace;
        }
        let turns = |wanted| self.signals.iter().filter(|&&signal| signal == wanted).count() as u64;
        item * (turns(Signal::Spans) / turns(signal)).max(1) / self.spans_per_trace
    }
}

impl Bodies {
    pub(super) fn new(contents: Contents) -> Self {
        let templates = Signal::ALL.map(|signal| match signal {
            Signal::Spans => payload::spans(),
            Signal::Logs => payload::logs(),
            Signal::Metrics => payload::metrics(),
            Signal::Events => payload::events(contents.run),
        });
        let longest = templates.iter().flatten().map(Template::len).max().unwrap_or_default();
        let resources = (0..payload::HOSTS).map(|host| payload::resource(host).encode_to_vec()).collect();
        Self { contents, templates, longest, resources }
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Request number `request`, as of `now`.
    pub(super) fn make(&self, request: u64, now: Timestamp) -> Body {
        let signal = self.contents.signal_of(request);
        let (first, count) = (self.contents.first_item(request), self.contents.items_per_request);
        let start = now.nanos().unsigned_abs();
        let mut bytes = Vec::with_capacity(ENVELOPE_BYTES + self.longest * index(count));
        bytes.resize(ENVELOPE_BYTES, 0);
        let templates = &self.templates[signal as usize];
        for place in 0..count {
            let item = self.item(signal, first + place, start + place * STEP_NANOS);
            // The low half of the dice; the other one fills the holes.
            let variant = ((item.dice & 0xffff_ffff) * templates.len() as u64) >> 32;
            templates[index(variant)].write(&item, &mut bytes);
        }
        let latest = now + std::time::Duration::from_nanos(count.saturating_sub(1) * STEP_NANOS);
        Body { signal, bytes: self.enveloped(request, bytes), earliest: now, latest }
    }

    fn item(&self, signal: Signal, number: u64, start: u64) -> Item {
        let Contents { run, spans_per_trace, .. } = self.contents;
        let trace = self.contents.trace_of(signal, number);
        let dice = run.dice(number);
        let root = trace * spans_per_trace;
        let parent_span_id = match number == root {
            // A trace of one span: a fragment of a trace whose other spans went elsewhere.
            true if spans_per_trace == 1 => run.foreign_span_id(number),
            true => [0; 8],
            false => run.span_id(root),
        };
        Item {
            number,
            trace_id: run.trace_id(trace),
            span_id: run.span_id(number),
            parent_span_id,
            start,
            end: start + SHORTEST_NANOS + mix(dice) % SECOND_NANOS,
            dice,
        }
    }

    /// Puts what stands around the items before them, into the room that was left.
    fn enveloped(&self, request: u64, mut bytes: Vec<u8>) -> Bytes {
        let resource = &self.resources[index(request % payload::HOSTS)];
        let scope = InstrumentationScope {
            name: self.contents.run.scope_name(),
            version: request.to_string(),
            ..InstrumentationScope::default()
        };
        let items = bytes.len() - ENVELOPE_BYTES;
        let scope = field(1, &scope.encode_to_vec());
        let scoped = [length_prefix(2, scope.len() + items), scope].concat();
        let resource = field(1, resource);
        let envelope = [length_prefix(1, resource.len() + scoped.len() + items), resource, scoped].concat();
        let start = ENVELOPE_BYTES - envelope.len();
        bytes[start..ENVELOPE_BYTES].copy_from_slice(&envelope);
        Bytes::from(bytes).slice(start..)
    }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = length_prefix(number, bytes.len());
    field.extend_from_slice(bytes);
    field
}

fn length_prefix(number: u8, length: usize) -> Vec<u8> {
    let mut prefix = vec![number << 3 | 2];
    encode_varint(length as u64, &mut prefix);
    prefix
}

#[cfg(test)]
mod tests;
