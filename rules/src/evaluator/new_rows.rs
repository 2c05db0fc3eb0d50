//! Many objectives look at the same new rows: these are read once for all whose query looks at one row at a time. Rows are
//! dealt out by what most queries ask first, the event's name, so that ten thousand objectives cost ten thousand small
//! evaluations and no plan, no scan and no session.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::DataType;
use plimsoll_model::{Labels, Table, Timestamp};
use plimsoll_query::{QueryEngine, QueryError, RowWise};

use super::Context;
use super::objective_watch::ObjectiveWatch;
use crate::burn::Counts;
use crate::cells::Column;
use crate::files::CheckedObjective;
use crate::objective::Budgeting;
use crate::slices::{Slice, SliceIndex};

/// What can be read together with others: one row an event, and each event counted for itself.
pub(super) async fn question(checked: &CheckedObjective, engine: &QueryEngine) -> Option<RowWise> {
    let is_counted = checked.objective.budgeting == Budgeting::Occurrences && !checked.is_summed;
    if !is_counted {
        return None;
    }
    engine.row_wise(&checked.objective.query).await.ok().flatten()
}

/// Brings the slices of every objective up to date that reads nothing but new rows of one table. Who can't be served this
/// way, or is not because the reading fails, reads by itself.
pub(super) async fn read(objectives: &mut [ObjectiveWatch], context: &Context, now: Timestamp) {
    let tables: BTreeSet<Table> =
        objectives.iter().filter_map(|watch| Some(watch.question()?.table)).collect();
    for table in tables {
        let askers = objectives.iter().enumerate().filter_map(|(at, watch)| Asker::of(at, watch, table));
        let askers: Vec<Asker> = askers.collect();
        // One alone is served as well by a query that brings counts only.
        if askers.len() < 2 {
            continue;
        }
        match answers(askers, table, context, now).await {
            Ok((askers, end)) => {
                for asker in askers {
                    let slices: Vec<Slice> = asker.slices.into_values().collect();
                    objectives[asker.watch].was_read((asker.from, end), &slices);
                }
            }
            Err(error) => tracing::debug!(%table, %error, "new rows can't be read for all at once"),
        }
    }
}

async fn answers(
    mut askers: Vec<Asker>,
    table: Table,
    context: &Context,
    now: Timestamp,
) -> Result<(Vec<Asker>, SliceIndex), QueryError> {
    let (mut from, mut end) = (askers[0].from, askers[0].end);
    let mut columns = BTreeSet::new();
    for asker in &askers {
        (from, end) = (from.min(asker.from), end.max(asker.end));
        columns.extend(asker.question.columns.iter().cloned());
    }
    let columns: Vec<String> = columns.into_iter().collect();
    for asker in &mut askers {
        let position = |name: &String| columns.iter().position(|column| column == name);
        asker.columns = asker.question.columns.iter().filter_map(position).collect();
    }
    let range = (from.start(), end.start());
    let read =
        context.engine.fold_rows(table, &columns, range, now, Readers::new(askers), Readers::show).await?;
    Ok((read.askers, end))
}

/// One objective, and what it has been told so far.
#[derive(Debug)]
struct Asker {
    watch: usize,
    question: Arc<RowWise>,
    group_by: Vec<String>,
    from: SliceIndex,
    end: SliceIndex,
    /// Where its columns are among those that are read.
    columns: Vec<usize>,
    slices: BTreeMap<(SliceIndex, Labels), Slice>,
}

impl Asker {
    fn of(at: usize, watch: &ObjectiveWatch, table: Table) -> Option<Self> {
        let question = watch.question().filter(|question| question.table == table)?;
        let (from, end) = watch.live()?;
        Some(Self {
            watch: at,
            question: Arc::clone(question),
            group_by: watch.objective().group_by.clone(),
            from,
            end,
            columns: Vec::new(),
            slices: BTreeMap::new(),
        })
    }

    fn hear(&mut self, rows: &RecordBatch) -> Result<(), QueryError> {
        let wrong = |error: arrow::error::ArrowError| QueryError::Internal(error.to_string());
        let rows = rows.project(&self.columns).map_err(wrong)?;
        let answer = self.question.ask(&rows)?;
        self.count(&answer).map_err(QueryError::Internal)
    }

    /// As the engine counts them: what is not good is bad, also when nobody could say.
    fn count(&mut self, rows: &RecordBatch) -> Result<(), String> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let (times, goods) = (Column::of(rows, "time")?, Column::of(rows, "good")?);
        let groups =
            self.group_by.iter().map(|group| Column::of(rows, group)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..rows.num_rows() {
            let Some(time) = times.time(row) else { continue };
            let index = SliceIndex::holding(time);
            if index < self.from {
                continue;
            }
            let labels = self.group_by.iter().zip(&groups);
            let labels: Labels = labels.map(|(name, column)| (name.as_str(), column.text(row))).collect();
            let slice = self.slices.entry((index, labels)).or_insert_with_key(|(index, labels)| Slice {
                groups: labels.clone(),
                index: *index,
                counts: Counts::default(),
                last_event: Timestamp::MIN,
            });
            slice.counts.total += 1;
            slice.counts.good += u64::from(goods.is_true(row));
            slice.last_event = slice.last_event.max(time);
        }
        Ok(())
    }
}

/// Who is shown which rows.
#[derive(Debug)]
struct Readers {
    askers: Vec<Asker>,
    /// By the column and the text it must equal.
    tagged: BTreeMap<String, HashMap<String, Vec<usize>>>,
    /// Those that want to see every row.
    others: Vec<usize>,
}

impl Readers {
    fn new(askers: Vec<Asker>) -> Self {
        let (mut tagged, mut others) = (BTreeMap::<_, HashMap<_, Vec<usize>>>::new(), Vec::new());
        for (at, asker) in askers.iter().enumerate() {
            match asker.question.tag.clone() {
                Some((column, text)) => tagged.entry(column).or_default().entry(text).or_default().push(at),
                None => others.push(at),
            }
        }
        Self { askers, tagged, others }
    }

    fn show(&mut self, rows: RecordBatch) -> Result<(), QueryError> {
        for at in &self.others {
            self.askers[*at].hear(&rows)?;
        }
        for (column, wanted) in &self.tagged {
            for (text, positions) in dealt(&rows, column, wanted)? {
                let positions = UInt32Array::from(positions);
                let rows = take_record_batch(&rows, &positions)
                    .map_err(|error| QueryError::Internal(error.to_string()))?;
                for at in wanted.get(&text).into_iter().flatten() {
                    self.askers[*at].hear(&rows)?;
                }
            }
        }
        Ok(())
    }
}

/// The positions of the rows with each text that somebody wants.
fn dealt(
    rows: &RecordBatch,
    column: &str,
    wanted: &HashMap<String, Vec<usize>>,
) -> Result<HashMap<String, Vec<u32>>, QueryError> {
    let missing = || QueryError::Internal(format!("the rows have no column `{column}`"));
    let texts = cast(rows.column_by_name(column).ok_or_else(missing)?, &DataType::Utf8)
        .map_err(|error| QueryError::Internal(error.to_string()))?;
    let texts = texts.as_string::<i32>();
    let mut dealt: HashMap<String, Vec<u32>> = HashMap::new();
    for (row, position) in (0..rows.num_rows()).zip(0_u32..) {
        if texts.is_null(row) {
            continue;
        }
        let text = texts.value(row);
        if let Some(positions) = dealt.get_mut(text) {
            positions.push(position);
        } else if wanted.contains_key(text) {
            dealt.insert(text.to_owned(), vec![position]);
        }
    }
    Ok(dealt)
}
