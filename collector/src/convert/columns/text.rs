//! Text columns: one buffer of text and where each one ends in it.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullBufferBuilder, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::Items;

/// Texts, each of which may be null. They come as bytes that the structural check has found to be UTF-8; Arrow looks
/// once more, at the whole column.
#[derive(Debug)]
pub(in crate::convert) struct TextColumn {
    bytes: Vec<u8>,
    /// One more than there are texts; the first is zero.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

/// A few texts that are appended together again and again: the keys of an item, a resource.
#[derive(Clone, Debug, Default, Hash)]
pub(in crate::convert) struct TextBlock {
    bytes: Vec<u8>,
    /// Where each one ends, and whether it is there.
    ends: Vec<(i32, bool)>,
    has_nulls: bool,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl TextColumn {
    #[inline]
    pub(in crate::convert) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(end_of(&self.bytes));
        self.nulls.append_non_null();
    }

    #[inline]
    pub(in crate::convert) fn push_option(&mut self, text: Option<&[u8]>) {
        match text {
            Some(text) => self.push(text),
            None => {
                self.ends.push(end_of(&self.bytes));
                self.nulls.append_null();
            }
        }
    }

    /// Null when empty: proto3 cannot tell an empty text from none.
    #[inline]
    pub(in crate::convert) fn push_non_empty(&mut self, text: &[u8]) {
        self.push_option(Some(text).filter(|text| !text.is_empty()));
    }

    /// In lower-case hex.
    #[inline]
    pub(in crate::convert) fn push_hex<const LENGTH: usize>(&mut self, id: Option<&[u8; LENGTH]>) {
        let Some(id) = id else { return self.push_option(None) };
        let mut digits = [[0; 2]; LENGTH];
        for (two, byte) in digits.iter_mut().zip(id) {
            *two = HEX[usize::from(*byte)];
        }
        self.push(digits.as_flattened());
    }

    #[inline]
    pub(in crate::convert) fn push_block(&mut self, block: &TextBlock) {
        let end = end_of(&self.bytes);
        self.bytes.extend_from_slice(&block.bytes);
        // Where the whole block ends, its parts do not overflow either.
        let start = end_of(&self.bytes).min(end);
        self.ends.extend(block.ends.iter().map(|(end, _)| start + end));
        if block.has_nulls {
            block.ends.iter().for_each(|(_, is_there)| self.nulls.append(*is_there));
        } else {
            self.nulls.append_n_non_nulls(block.ends.len());
        }
    }

    pub(in crate::convert) fn repeat(&mut self, text: Option<&[u8]>, times: usize) {
        self.reserve(times);
        self.bytes.reserve(text.map_or(0, <[u8]>::len) * times);
        (0..times).for_each(|_| self.push_option(text));
    }

    pub(in crate::convert) fn reserve(&mut self, rows: usize) {
        self.ends.reserve(rows);
    }

    pub(in crate::convert) fn reserve_blocks(&mut self, block: &TextBlock, times: usize) {
        self.bytes.reserve(block.bytes.len() * times);
        self.ends.reserve(block.ends.len() * times);
    }

    pub(in crate::convert) fn array(mut self) -> StringArray {
        let ends = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        let text = StringArray::try_new(ends, Buffer::from_vec(self.bytes), self.nulls.finish());
        text.expect("the structural check lets only UTF-8 through")
    }
}

impl Items for TextColumn {
    fn len(&self) -> usize {
        self.ends.len() - 1
    }

    fn truncate(&mut self, len: usize) {
        self.ends.truncate(len + 1);
        let bytes = self.ends.last().and_then(|end| usize::try_from(*end).ok());
        self.bytes.truncate(bytes.unwrap_or(0));
        self.nulls.truncate(len);
    }

    fn finish(self) -> ArrayRef {
        Arc::new(self.array())
    }
}

impl TextBlock {
    pub(in crate::convert) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.has_nulls = false;
    }

    pub(in crate::convert) fn push(&mut self, text: Option<&[u8]>) {
        self.bytes.extend_from_slice(text.unwrap_or_default());
        self.ends.push((end_of(&self.bytes), text.is_some()));
        self.has_nulls |= text.is_none();
    }

    /// How many texts.
    pub(in crate::convert) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(in crate::convert) fn text_bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[inline]
fn end_of(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("the memory of all requests together is less than 2 GiB")
}

const HEX: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};
