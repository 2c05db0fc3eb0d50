//! The moments that an indicator's query may speak of: `$from` and `$until`, which bound what is read, and `$now`, the
//! moment of the evaluation. OpenSLO's examples spell the first two `:date_from` and `:date_to`. They are bound as
//! parameters, never pasted, but for the statement that an alert gives people to paste themselves.

use plimsoll_model::Timestamp;
use plimsoll_query::Param;

/// How each name is bound: `$1`, `$2`, `$3`.
const NAMES: [(&str, Bound); 5] = [
    ("$from", Bound::From),
    ("$until", Bound::Until),
    ("$now", Bound::Now),
    (":date_from", Bound::From),
    (":date_to", Bound::Until),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    From,
    Until,
    Now,
}

/// [from, until) is read, at `now`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) now: Timestamp,
}

impl Bounds {
    /// In the order in which [`parameters`] numbers them; a statement may add its own from `$4` on.
    pub(crate) fn params(self) -> Vec<Param> {
        [self.from, self.until, self.now].map(Param::Time).to_vec()
    }

    /// The query with the moments themselves in it, for people.
    pub(crate) fn literal(self, sql: &str) -> String {
        replace(sql, |bound| {
            let moment = match bound {
                Bound::From => self.from,
                Bound::Until => self.until,
                Bound::Now => self.now,
            };
            format!("TIMESTAMP '{moment}'")
        })
    }
}

/// The query with numbered parameters, whose type the planner needs to know before it has their values.
pub(crate) fn parameters(sql: &str) -> String {
    replace(sql, |bound| {
        let number = match bound {
            Bound::From => 1,
            Bound::Until => 2,
            Bound::Now => 3,
        };
        format!("CAST(${number} AS TIMESTAMP WITH TIME ZONE)")
    })
}

/// Whether its answer changes by time passing, though nothing arrives.
pub(crate) fn speaks_of_now(sql: &str) -> bool {
    let mut found = false;
    replace(sql, |bound| {
        found |= bound == Bound::Now;
        String::new()
    });
    found
}

/// What stands in quotes or comments is left alone.
fn replace(sql: &str, mut with: impl FnMut(Bound) -> String) -> String {
    let mut replaced = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' | '"' => quoted(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '$' | ':' => match name_at(rest) {
                Some((length, bound)) => {
                    replaced.push_str(&with(bound));
                    rest = rest.split_at(length).1;
                    continue;
                }
                // Of `::` neither half begins a name.
                None if rest.starts_with("::") => 2,
                None => 1,
            },
            other => other.len_utf8(),
        };
        let (plain, after) = rest.split_at(taken);
        replaced.push_str(plain);
        rest = after;
    }
    replaced
}

/// How long the quoted text is with which this begins.
fn quoted(text: &str, quote: char) -> usize {
    let mut inside = text.char_indices().skip(1);
    inside.find(|(_, letter)| *letter == quote).map_or(text.len(), |(end, _)| end + 1)
}

fn name_at(text: &str) -> Option<(usize, Bound)> {
    let word =
        text.chars().skip(1).take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').count();
    let name = text.get(..=word)?;
    let (known, bound) = NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some((known.len(), bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bound_wherever_they_are_not_text() {
        let sql = "SELECT '$from :date_to', \"$now\", a::text -- $until\n/* $now */ FROM t WHERE time >= $from AND \
                   time < :date_to AND x < $NOW AND y = $fromage";
        let bound = parameters(sql);
        assert!(
            bound.starts_with("SELECT '$from :date_to', \"$now\", a::text -- $until\n/* $now */ FROM t"),
            "{bound}"
        );
        let moment = |number: u8| format!("CAST(${number} AS TIMESTAMP WITH TIME ZONE)");
        let tail =
            format!("time >= {} AND time < {} AND x < {} AND y = $fromage", moment(1), moment(2), moment(3));
        assert!(bound.ends_with(&tail), "{bound}");
        assert!(speaks_of_now(sql));
        assert!(!speaks_of_now("SELECT '$now' -- $now"));
    }

    #[test]
    fn an_unclosed_quote_is_left_to_the_parser() {
        for sql in ["SELECT 'it''s $now", "SELECT /* $now", "a $", "::$now", "é$nöw"] {
            let kept = replace(sql, |_| "!".to_owned());
            assert_eq!(kept, sql.replacen("::$now", "::!", 1), "{sql}");
        }
    }
}
