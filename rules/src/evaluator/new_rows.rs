//! Many objectives look at the same new rows: these are read once for all whose query looks at one row at a time. What
//! differs in its tag only (the event's name, mostly) is one family: its expressions are computed once over the rows that
//! any of it wants, and the answers are dealt out by their tags. Ten thousand objectives of a kind cost little more than
//! their rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use plimsoll_model::{Labels, Table, Timestamp};
use plimsoll_query::{QueryEngine, QueryError, RowForm, RowWise};

use super::Context;
use super::objective_watch::ObjectiveWatch;
use crate::burn::Counts;
use crate::cells::Column;
use crate::files::CheckedObjective;
use crate::objective::Budgeting;
use crate::slices::{Slice, SliceIndex};

/// A longer stretch is read by each objective for itself, and counted in the engine, unless many have one to read.
const SHARED_STRETCH: u32 = 30;
const MANY: usize = 8;

/// What can be read together with others: one row an event, and each event counted for itself.
pub(super) async fn question(checked: &CheckedObjective, engine: &QueryEngine) -> Option<Question> {
    let objective = &checked.objective;
    let is_counted = objective.budgeting == Budgeting::Occurrences && !checked.is_summed;
    if !is_counted {
        return None;
    }
    let asked = engine.row_wise(&objective.query).await.ok().flatten()?;
    Some(Question { asked, group_by: objective.group_by.clone() })
}

/// What an objective asks of each row, and how it groups the answers.
#[derive(Debug)]
pub(super) struct Question {
    asked: RowWise,
    group_by: Vec<String>,
}

/// Who asks what of one table's new rows. Watches are named by their place.
#[derive(Debug)]
pub(super) struct Audience {
    table: Table,
    /// What is read.
    columns: Vec<String>,
    members: Vec<usize>,
    families: Vec<Family>,
    /// By the column and the text it must equal: which families want the row, and for which seat.
    tagged: BTreeMap<String, HashMap<String, Vec<Place>>>,
    /// Those that want every row, all for their first seat.
    others: Vec<usize>,
}

/// Questions of one form, grouped alike.
#[derive(Debug)]
struct Family {
    form: RowForm,
    group_by: Vec<String>,
    /// Where its columns are among those that are read.
    columns: Vec<usize>,
    /// The watches that asked for the same tag.
    seats: Vec<Vec<usize>>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    family: usize,
    seat: usize,
}

impl Audience {
    /// One for each table; `questions` stand in the order of the watches.
    pub(super) fn of(questions: Vec<Option<Question>>) -> Vec<Arc<Self>> {
        let mut by_table: BTreeMap<Table, Vec<(usize, Question)>> = BTreeMap::new();
        for (watch, question) in questions.into_iter().enumerate() {
            if let Some(question) = question {
                by_table.entry(question.asked.table).or_default().push((watch, question));
            }
        }
        by_table.into_iter().map(|(table, questions)| Arc::new(Self::new(table, questions))).collect()
    }

    fn new(table: Table, questions: Vec<(usize, Question)>) -> Self {
        let columns = questions.iter().flat_map(|(_, question)| question.asked.form.columns.iter().cloned());
        let columns: Vec<String> = columns.collect::<BTreeSet<_>>().into_iter().collect();
        let members = questions.iter().map(|(watch, _)| *watch).collect();
        let (families, tagged, others) = Default::default();
        let mut audience = Self { table, columns, members, families, tagged, others };
        let mut kin: HashMap<_, Vec<(usize, Option<String>)>> = HashMap::new();
        for (watch, Question { asked, group_by }) in questions {
            let (column, text) = asked.tag.unzip();
            kin.entry((asked.form, group_by, column)).or_default().push((watch, text));
        }
        for ((form, group_by, column), relatives) in kin {
            audience.add(form, group_by, column, relatives);
        }
        audience
    }

    fn add(
        &mut self,
        form: RowForm,
        group_by: Vec<String>,
        tag: Option<String>,
        relatives: Vec<(usize, Option<String>)>,
    ) {
        let mut seats: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
        for (watch, text) in relatives {
            seats.entry(text).or_default().push(watch);
        }
        let family = self.families.len();
        match tag {
            Some(column) => {
                let wanted = self.tagged.entry(column).or_default();
                for (seat, text) in seats.keys().flatten().enumerate() {
                    wanted.entry(text.clone()).or_default().push(Place { family, seat });
                }
            }
            None => self.others.push(family),
        }
        let position = |name: &String| self.columns.iter().position(|column| column == name);
        let columns = form.columns.iter().filter_map(position).collect();
        self.families.push(Family { form, group_by, columns, seats: seats.into_values().collect() });
    }

    /// Which rows each family is shown, and for which seat.
    fn deal(&self, rows: &RecordBatch) -> Result<BTreeMap<usize, Vec<(u32, usize)>>, QueryError> {
        let all = u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
        let mut dealt: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
        for family in &self.others {
            dealt.insert(*family, (0..all).map(|row| (row, 0)).collect());
        }
        for (column, wanted) in &self.tagged {
            let missing = || QueryError::Internal(format!("the rows have no column `{column}`"));
            let texts = rows.column_by_name(column).ok_or_else(missing)?;
            let texts = cast(texts, &DataType::Utf8).map_err(wrong)?;
            for (row, text) in (0..all).zip(texts.as_string::<i32>()) {
                for place in text.and_then(|text| wanted.get(text)).into_iter().flatten() {
                    dealt.entry(place.family).or_default().push((row, place.seat));
                }
            }
        }
        Ok(dealt)
    }
}

/// Brings the slices of every member up to date that has nothing to read but new rows. Who can't be served this way, or is
/// not because the reading fails, reads by itself.
pub(super) async fn read(
    audience: &Arc<Audience>,
    objectives: &mut [ObjectiveWatch],
    context: &Context,
    now: Timestamp,
) {
    let unread = |watch: &usize| Some((*watch, objectives.get(*watch)?.unread(now)?));
    let mut live: HashMap<usize, (SliceIndex, SliceIndex)> =
        audience.members.iter().filter_map(unread).collect();
    let is_short = |(from, end): (SliceIndex, SliceIndex)| from >= end.back(SHARED_STRETCH);
    if live.values().filter(|stretch| !is_short(**stretch)).count() < MANY {
        live.retain(|_, stretch| is_short(*stretch));
    }
    // One alone is served as well by a query that brings counts only.
    if live.len() < 2 {
        return;
    }
    match Reading::of(Arc::clone(audience), live, context, now).await {
        Ok(mut reading) => {
            for (watch, stretch) in reading.live {
                let slices = reading.counted.remove(&watch).unwrap_or_default();
                let slices: Vec<Slice> = slices.into_values().flat_map(BTreeMap::into_values).collect();
                objectives[watch].was_read(stretch, &slices, now);
            }
        }
        Err(error) => {
            tracing::debug!(table = %audience.table, %error, "new rows can't be read for all at once")
        }
    }
}

/// One reading of an audience's rows, and what was counted so far.
#[derive(Debug)]
struct Reading {
    audience: Arc<Audience>,
    /// [from, end) of each watch that reads along.
    live: HashMap<usize, (SliceIndex, SliceIndex)>,
    counted: HashMap<usize, BTreeMap<SliceIndex, BTreeMap<Labels, Slice>>>,
}

impl Reading {
    async fn of(
        audience: Arc<Audience>,
        live: HashMap<usize, (SliceIndex, SliceIndex)>,
        context: &Context,
        now: Timestamp,
    ) -> Result<Self, QueryError> {
        let from = live.values().map(|(from, _)| *from).min().unwrap_or_default();
        let end = live.values().map(|(_, end)| *end).max().unwrap_or_default();
        let (table, columns, range) = (audience.table, audience.columns.clone(), (from.start(), end.start()));
        let reading = Self { audience, live, counted: HashMap::new() };
        context.engine.fold_rows(table, &columns, range, now, reading, Self::show).await
    }

    fn show(&mut self, rows: RecordBatch) -> Result<(), QueryError> {
        let audience = Arc::clone(&self.audience);
        for (family, shown) in audience.deal(&rows)? {
            self.hear(&audience.families[family], &rows, &shown)?;
        }
        Ok(())
    }

    fn hear(
        &mut self,
        family: &Family,
        rows: &RecordBatch,
        shown: &[(u32, usize)],
    ) -> Result<(), QueryError> {
        let mut rows = rows.project(&family.columns).map_err(wrong)?;
        if shown.len() < rows.num_rows() {
            let positions = UInt32Array::from_iter_values(shown.iter().map(|(row, _)| *row));
            rows = take_record_batch(&rows, &positions).map_err(wrong)?;
        }
        let (answer, positions) = family.form.ask(&rows)?;
        let seats: Vec<usize> = positions.values().iter().map(|row| shown[*row as usize].1).collect();
        self.count(family, &answer, &seats).map_err(QueryError::Internal)
    }

    /// As the engine counts them: what is not good is bad, also when nobody could say.
    fn count(&mut self, family: &Family, rows: &RecordBatch, seats: &[usize]) -> Result<(), String> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let (times, goods) = (Column::of(rows, "time")?, Column::of(rows, "good")?);
        let groups = family.group_by.iter().map(|group| Column::of(rows, group));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        for (row, seat) in seats.iter().enumerate() {
            let Some(time) = times.time(row) else { continue };
            let index = SliceIndex::holding(time);
            let labels = family.group_by.iter().zip(&groups);
            let labels: Labels = labels.map(|(name, column)| (name.as_str(), column.text(row))).collect();
            for watch in &family.seats[*seat] {
                if self.live.get(watch).is_none_or(|(from, _)| index < *from) {
                    continue;
                }
                let slice = slice_of(self.counted.entry(*watch).or_default(), index, &labels);
                slice.counts.total += 1;
                slice.counts.good += u64::from(goods.is_true(row));
                slice.last_event = slice.last_event.max(time);
            }
        }
        Ok(())
    }
}

fn slice_of<'a>(
    counted: &'a mut BTreeMap<SliceIndex, BTreeMap<Labels, Slice>>,
    index: SliceIndex,
    labels: &Labels,
) -> &'a mut Slice {
    let groups = counted.entry(index).or_default();
    if !groups.contains_key(labels) {
        let (groups_of_slice, counts) = (labels.clone(), Counts::default());
        let slice = Slice { groups: groups_of_slice, index, counts, last_event: Timestamp::MIN };
        groups.insert(labels.clone(), slice);
    }
    groups.get_mut(labels).expect("it was put there")
}

fn wrong(error: ArrowError) -> QueryError {
    QueryError::Internal(error.to_string())
}
