//! What looks wrong about an item that is kept all the same: counted, so that a sender with a broken clock is found.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFlag {
    /// The sender's clock went back meanwhile.
    EndBeforeStart,
    /// No time was sent: the item stands where it was observed, or where we saw it.
    TimeUnknown,
    /// More than a day ahead of our clock.
    FarAhead,
    /// Within the year 1970: seconds or milliseconds where nanoseconds belong.
    In1970,
}

impl ItemFlag {
    pub const ALL: [Self; 4] = [Self::EndBeforeStart, Self::TimeUnknown, Self::FarAhead, Self::In1970];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndBeforeStart => "end_before_start",
            Self::TimeUnknown => "time_unknown",
            Self::FarAhead => "far_ahead",
            Self::In1970 => "in_1970",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    counts: [u64; ItemFlag::ALL.len()],
    /// Of the times since it was last taken, the latest that can be true.
    latest: Option<i64>,
}

const DAY: i64 = 86_400 * 1_000_000_000;
/// Clocks differ; a sender that is further ahead says nothing about what has arrived.
const CREDIBLE: i64 = DAY / 24;

impl Flags {
    pub(super) fn add(&mut self, flag: ItemFlag) {
        self.counts[flag as usize] += 1;
    }

    /// Looks at the time that an item was sent with.
    #[inline]
    pub(super) fn look_at(&mut self, time: Option<i64>, now: i64) {
        match time {
            None => self.add(ItemFlag::TimeUnknown),
            Some(time) if time > now.saturating_add(DAY) => self.add(ItemFlag::FarAhead),
            Some(time) if time < 365 * DAY => self.add(ItemFlag::In1970),
            Some(_) => {}
        }
        let credible = time.filter(|time| *time <= now.saturating_add(CREDIBLE));
        self.latest = self.latest.max(credible);
    }

    pub(super) fn take_latest(&mut self) -> Option<i64> {
        self.latest.take()
    }

    pub(crate) fn by_flag(&self) -> impl Iterator<Item = (ItemFlag, u64)> + '_ {
        ItemFlag::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0)
    }
}
