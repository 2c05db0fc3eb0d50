//! The attributes of one item at a time, borrowed: sorted by key, each key once. Items of one kind carry the same keys
//! in the same order, so what follows from the keys alone is worked out once per set of keys and then only looked up.

use std::hash::{Hash, Hasher};

use super::columns::TextBlock;
use super::rejections::ItemReason;
use super::spellings::{self, Share};
use super::values::{Text, key_value};
use crate::config::Config;
use crate::redact::Redactor;

/// A column that is filled from the attribute of a key.
pub(super) type Typed = (&'static str, &'static str);

#[derive(Debug)]
pub(super) struct Attributes<'a> {
    typed: &'static [Typed],
    max_attributes: usize,
    max_bytes: usize,
    redactor: Redactor,
    /// Values of which something was taken out, of all items.
    redacted: u64,
    /// As they were sent.
    entries: Vec<(&'a [u8], Text<'a>)>,
    sent: usize,
    is_too_long: bool,
    rendered: Vec<u8>,
    key_sets: KeySets<'a>,
    /// Of the present item.
    key_set: usize,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(typed: &'static [Typed], config: &Config) -> Self {
        Self {
            typed,
            max_attributes: config.max_attributes,
            max_bytes: config.max_attribute_bytes,
            redactor: config.redactor.clone(),
            redacted: 0,
            entries: Vec::new(),
            sent: 0,
            is_too_long: false,
            rendered: Vec::new(),
            key_sets: KeySets::default(),
            key_set: 0,
        }
    }

    /// Begins the next item.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.sent = 0;
        self.is_too_long = false;
        self.rendered.clear();
        self.key_set = KeySets::EMPTY;
    }

    /// Takes a `KeyValue`.
    pub(super) fn add(&mut self, entry: &'a [u8]) {
        self.sent += 1;
        if self.sent > self.max_attributes {
            return;
        }
        let (key, value) = key_value(entry);
        if key == spellings::NEVER_STORED {
            return;
        }
        let text = value.text(&mut self.rendered);
        self.is_too_long |= key.len().max(text.len()) > self.max_bytes;
        let text = self.redacted(key, text);
        self.entries.push((key, text));
    }

    /// The text as it may be kept.
    #[inline]
    fn redacted(&mut self, key: &[u8], text: Text<'a>) -> Text<'a> {
        let kept = text.get(&self.rendered).and_then(|value| self.redactor.attribute(key, value));
        let Some(kept) = kept else { return text };
        self.redacted += 1;
        Text::rendered(&kept, &mut self.rendered)
    }

    pub(super) fn redacted_values(&self) -> u64 {
        self.redacted
    }

    /// Ends the item: from here on its attributes can be asked for.
    pub(super) fn close(&mut self) -> Result<(), ItemReason> {
        if self.sent > self.max_attributes {
            return Err(ItemReason::TooManyAttributes);
        }
        if self.is_too_long {
            return Err(ItemReason::AttributeTooLong);
        }
        self.key_set = self.key_sets.of(&self.entries, self.typed);
        Ok(())
    }

    /// The text for the typed column at `column`.
    #[inline]
    pub(super) fn typed(&self, column: usize) -> Option<&[u8]> {
        self.text_of(&self.keys().kept[*self.keys().typed.get(column)?.as_ref()?])
    }

    /// Every key, sorted.
    pub(super) fn key_block(&self) -> &TextBlock {
        &self.keys().sorted
    }

    /// In the order of the keys.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.keys().kept.iter().map(|kept| self.text_of(kept))
    }

    /// The same for the same keys and values, in whatever order they came.
    pub(super) fn identify(&self, hasher: &mut impl Hasher) {
        self.key_block().hash(hasher);
        self.values().for_each(|value| value.hash(hasher));
    }

    /// How many came under a key that came again; the last one rules.
    pub(super) fn duplicate_keys(&self) -> u64 {
        self.keys().duplicates
    }

    #[inline]
    fn text_of(&self, kept: &Kept<'a>) -> Option<&[u8]> {
        let text = self.entries[kept.position].1.get(&self.rendered)?;
        kept.share.of(text)
    }

    fn keys(&self) -> &KeySet<'a> {
        &self.key_sets.known[self.key_set]
    }
}

/// The sets of keys seen lately. A place is taken over by who comes later.
#[derive(Debug)]
struct KeySets<'a> {
    known: Vec<KeySet<'a>>,
}

/// What follows from an item's keys, whatever stands under them.
#[derive(Debug, Default)]
struct KeySet<'a> {
    /// As they were sent.
    sent: Vec<&'a [u8]>,
    /// Sorted by key.
    kept: Vec<Kept<'a>>,
    sorted: TextBlock,
    /// By typed column: where among `kept` its value is.
    typed: Vec<Option<usize>>,
    duplicates: u64,
}

#[derive(Clone, Copy, Debug)]
struct Kept<'a> {
    key: &'a [u8],
    /// Among the attributes as they were sent.
    position: usize,
    share: Share,
}

impl Default for KeySets<'_> {
    fn default() -> Self {
        // The empty set; the other places come with the first attribute.
        Self { known: vec![KeySet::default()] }
    }
}

impl<'a> KeySets<'a> {
    const PLACES: usize = 64;
    const EMPTY: usize = 0;

    /// The place of the set.
    fn of(&mut self, entries: &[(&'a [u8], Text<'a>)], typed: &[Typed]) -> usize {
        if entries.is_empty() {
            return Self::EMPTY;
        }
        self.known.resize_with(Self::PLACES, KeySet::default);
        let place = Self::place(entries);
        let known = &self.known[place].sent;
        let is_known =
            known.len() == entries.len() && known.iter().zip(entries).all(|(key, entry)| *key == entry.0);
        if !is_known {
            self.known[place] = KeySet::new(entries.iter().map(|(key, _)| *key).collect(), typed);
        }
        place
    }

    /// From a little of each key: a clash costs time, never truth.
    fn place(entries: &[(&[u8], Text<'_>)]) -> usize {
        let mut hash = 0_usize;
        for (key, _) in entries {
            let ends = key.first().zip(key.last()).map_or(0, |(first, last)| usize::from(*first ^ last) << 4);
            hash = (hash.rotate_left(7) ^ key.len() ^ ends).wrapping_mul(0x9e37_79b9);
        }
        1 + (hash >> 16) % (Self::PLACES - 1)
    }
}

impl<'a> KeySet<'a> {
    fn new(sent: Vec<&'a [u8]>, typed: &[Typed]) -> Self {
        let whole = |(position, key): (usize, &&'a [u8])| Kept { key, position, share: Share::Whole };
        let mut kept: Vec<_> = sent.iter().enumerate().map(whole).collect();
        // The last of each key stands before its namesakes, and stays.
        kept.sort_by(|left, right| left.key.cmp(right.key).then(right.position.cmp(&left.position)));
        kept.dedup_by(|earlier, last| earlier.key == last.key);
        let duplicates = (sent.len() - kept.len()) as u64;
        add_current_spellings(&mut kept);
        let mut sorted = TextBlock::default();
        kept.iter().for_each(|kept| sorted.push(Some(kept.key)));
        let typed = typed.iter().map(|(_, key)| place_of(key.as_bytes(), &kept).ok()).collect();
        Self { sent, kept, sorted, typed, duplicates }
    }
}

/// What came under an old spelling can be found under the current one as well, unless that came too.
fn add_current_spellings(kept: &mut Vec<Kept<'_>>) {
    for (old, current, share) in spellings::RENAMED {
        if let Ok(place) = place_of(old.as_bytes(), kept)
            && let Err(free) = place_of(current.as_bytes(), kept)
        {
            let position = kept[place].position;
            kept.insert(free, Kept { key: current.as_bytes(), position, share: *share });
        }
    }
}

/// Where it is, or where it belongs.
fn place_of(key: &[u8], kept: &[Kept<'_>]) -> Result<usize, usize> {
    kept.binary_search_by(|kept| kept.key.cmp(key))
}
