//! A message as its fields, borrowed from the body: nothing is copied and nothing is built. For bytes that have passed
//! [`super::check`], so there is nothing left that can be wrong with them; what were wrong would end the message early.

use super::protobuf::long_varint;

/// The fields of one message in the order in which they were sent. Of a field that is not repeated the last one rules.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// One field. Its type is known by its number: who asks for the other form gets zero or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) number: u64,
    /// Of a varint or a fixed number, its bits.
    pub(crate) value: u64,
    /// Of text, bytes, a message, or a packed list.
    pub(crate) bytes: &'a [u8],
    is_packed: bool,
}

/// The key and the text of an attribute that is what most are: a short key, then a short text, and nothing else.
#[inline]
pub(crate) fn text_entry(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: u8 = 0x0a;
    const VALUE: u8 = 0x12;
    const TEXT: u8 = 0x0a;
    let [KEY, key_length, rest @ ..] = entry else { return None };
    let (key, [VALUE, length, TEXT, text_length, text @ ..]) =
        rest.split_at_checked(usize::from(*key_length))?
    else {
        return None;
    };
    let is_short = (*key_length | *length | *text_length) < 0x80;
    let is_all = usize::from(*length) == text.len() + 2 && usize::from(*text_length) == text.len();
    (is_short && is_all).then_some((key, text))
}

impl<'a> Fields<'a> {
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn varint(&mut self) -> Option<u64> {
        if let [byte, after @ ..] = self.rest
            && *byte < 0x80
        {
            self.rest = after;
            return Some(u64::from(*byte));
        }
        long_varint(&mut self.rest)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, after) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = after;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let tag = self.varint()?;
        let (mut value, mut bytes, mut is_packed) = (0, [].as_slice(), false);
        match tag & 7 {
            0 => value = self.varint()?,
            1 => {
                let (eight, after) = self.rest.split_first_chunk::<8>()?;
                (value, self.rest) = (u64::from_le_bytes(*eight), after);
            }
            2 => {
                let length = self.varint()?;
                bytes = self.take(length)?;
                is_packed = true;
            }
            5 => {
                let (four, after) = self.rest.split_first_chunk::<4>()?;
                (value, self.rest) = (u32::from_le_bytes(*four).into(), after);
            }
            _ => return None,
        }
        Some(Part { number: tag >> 3, value, bytes, is_packed })
    }
}

impl Part<'_> {
    /// Of an `int32` or an enum: the lower half, as every decoder reads it.
    #[expect(clippy::cast_possible_truncation, reason = "protobuf cuts an int32 to its lower 32 bits")]
    pub(crate) const fn int32(&self) -> i32 {
        self.value as i32
    }

    #[expect(clippy::cast_possible_truncation, reason = "protobuf cuts a uint32 to its lower 32 bits")]
    pub(crate) const fn uint32(&self) -> u32 {
        self.value as u32
    }

    /// Zigzag: 0, -1, 1, -2, ...
    pub(crate) const fn sint32(&self) -> i32 {
        let bits = self.uint32();
        (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
    }

    pub(crate) const fn int64(&self) -> i64 {
        self.value.cast_signed()
    }

    pub(crate) const fn double(&self) -> f64 {
        f64::from_bits(self.value)
    }

    pub(crate) const fn bool(&self) -> bool {
        self.value != 0
    }

    /// Appends the eight-byte numbers of a list, which come packed or one by one.
    pub(crate) fn fixed64s<T>(&self, list: &mut Vec<T>, read: impl Fn(u64) -> T) {
        if !self.is_packed {
            return list.push(read(self.value));
        }
        let (eights, _) = self.bytes.as_chunks::<8>();
        list.extend(eights.iter().map(|eight| read(u64::from_le_bytes(*eight))));
    }

    /// As [`Self::fixed64s`], of varints; one beyond `i64` comes out negative.
    pub(crate) fn varints(&self, list: &mut Vec<i64>) {
        if !self.is_packed {
            return list.push(self.int64());
        }
        let mut packed = Fields::of(self.bytes);
        while !packed.rest.is_empty()
            && let Some(value) = packed.varint()
        {
            list.push(value.cast_signed());
        }
    }
}
