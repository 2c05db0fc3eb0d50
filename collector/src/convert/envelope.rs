//! What the three requests have in common: resources, scopes within them, items within those. It walks down to the items
//! and leaves them to their signal.

use super::Context;
use super::origin::{Origin, Resource, Scope};
use crate::refusal::Refusal;
use crate::wire::Fields;

/// A signal's columns, as the walk sees them.
pub(super) trait ItemRows<'a> {
    /// What the JSON form calls the lists of resources, scopes and items.
    const LISTS: [&'static str; 3];

    /// How many spans, records or points one element of the innermost list stands for.
    fn count(element: &'a [u8]) -> usize;

    /// Some items are about to come.
    fn reserve(&mut self, rows: usize);

    /// Writes the rows of one element, or counts why not.
    fn take(
        &mut self,
        element: &'a [u8],
        origin: &Origin<'_>,
        context: &mut Context<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), Refusal>;

    /// The rows since the last scope came from here.
    fn close_scope(&mut self, origin: &Origin<'_>);

    /// Values of which something was taken out.
    fn redacted_values(&self) -> u64;
}

pub(super) fn walk<'a, R: ItemRows<'a>>(
    body: &'a [u8],
    rows: &mut R,
    context: &mut Context<'_>,
) -> Result<(), Refusal> {
    let mut walk = Walk { resource: Resource::new(context.config), scope: Scope::new(context.config) };
    for (index, group) in elements(body, 1).enumerate() {
        let before = (context.converted.received, context.converted.rejections.counts());
        walk.group(group, index, rows, context)?;
        context.tally(&walk.resource, group.len(), before);
    }
    let origin = walk.resource.redacted_values() + walk.scope.redacted_values();
    context.converted.redacted_values += origin + rows.redacted_values();
    Ok(())
}

struct Walk<'a> {
    resource: Resource<'a>,
    scope: Scope<'a>,
}

impl<'a> Walk<'a> {
    fn group<R: ItemRows<'a>>(
        &mut self,
        group: &'a [u8],
        g: usize,
        rows: &mut R,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        if let Err(reason) = self.resource.read(group) {
            let count = elements(group, 2).map(count_in_scope::<R>).sum();
            context.converted.received += count;
            context.reject(reason, count, || format!("{}[{g}].resource", R::LISTS[0]));
            return Ok(());
        }
        for (s, scope) in elements(group, 2).enumerate() {
            let place = || format!("{}[{g}].{}[{s}]", R::LISTS[0], R::LISTS[1]);
            self.scope(scope, rows, context, place)?;
        }
        Ok(())
    }

    fn scope<R: ItemRows<'a>>(
        &mut self,
        scope: &'a [u8],
        rows: &mut R,
        context: &mut Context<'_>,
        place: impl Fn() -> String,
    ) -> Result<(), Refusal> {
        let count = count_in_scope::<R>(scope);
        context.converted.received += count;
        if let Err(reason) = self.scope.read(scope) {
            context.reject(reason, count, || place() + ".scope");
            return Ok(());
        }
        let origin = Origin { resource: &self.resource, scope: &self.scope };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        context.pay(count.saturating_mul(origin.row_bytes()))?;
        rows.reserve(count);
        for (i, element) in elements(scope, 2).enumerate() {
            rows.take(element, &origin, context, || format!("{}.{}[{i}]", place(), R::LISTS[2]))?;
        }
        rows.close_scope(&origin);
        Ok(())
    }
}

fn count_in_scope<'a, R: ItemRows<'a>>(scope: &'a [u8]) -> u64 {
    elements(scope, 2).map(|element| R::count(element) as u64).sum()
}

/// The elements of a list within a message.
pub(super) fn elements(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).filter(move |part| part.number == number).map(|part| part.bytes)
}
