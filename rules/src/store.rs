//! What outlives a restart: closed slices in `sli_slices`, and the state of alerts in the decisions about them.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use plimsoll_lake::{Lake, LakeError};
use plimsoll_model::{Labels, SignalBatch, Table, Timestamp, batch_from_rows};
use plimsoll_query::{Param, QueryEngine, QueryOutput};
use serde::Serialize;

use crate::RulesError;
use crate::burn::Counts;
use crate::cells::Column;
use crate::files::CheckedObjective;
use crate::instance::Instance;
use crate::instances::Remembered;
use crate::objective::Objective;
use crate::slices::{Slice, SliceIndex};

/// Slices are restored in stretches of this length, so that no answer outgrows the engine's limits.
const STRETCH: std::time::Duration = std::time::Duration::from_secs(6 * 3_600);
/// Rows that came this little before the newest stored slice may have missed it.
const OVERLAP: std::time::Duration = std::time::Duration::from_secs(60);

#[derive(Serialize)]
struct SliceRow<'a> {
    time: i64,
    ingest_time: i64,
    slo: &'a str,
    generation: i64,
    groups: &'a Labels,
    slice_start: i64,
    good: u64,
    total: u64,
}

/// Appends slices; a later row for the same slice rules.
pub(crate) async fn save(
    lake: &Lake,
    slices: &[(&Objective, Vec<Slice>)],
    now: Timestamp,
) -> Result<(), LakeError> {
    let rows = slices.iter().flat_map(|(objective, slices)| {
        let generation = objective.generation();
        slices.iter().map(move |slice| SliceRow {
            time: slice.index.start().nanos(),
            ingest_time: now.nanos(),
            slo: &objective.name,
            generation,
            groups: &slice.groups,
            slice_start: slice.index.start().nanos(),
            good: slice.counts.good,
            total: slice.counts.total,
        })
    });
    let rows: Vec<SliceRow<'_>> = rows.collect();
    let table = Table::SliSlices;
    let batch =
        batch_from_rows(&table.schema(), &rows).map_err(|error| LakeError::Other(error.to_string()))?;
    lake.append(vec![SignalBatch { table, batch }]).await
}

/// The slices of an objective that the lake has, and from when on events must be read again.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) slices: Vec<Slice>,
    pub(crate) reread_from: Timestamp,
}

/// What can't be restored is measured again from the events themselves. `beginnings` remembers where tables begin.
pub(crate) async fn restore_slices(
    engine: &QueryEngine,
    checked: &CheckedObjective,
    beginnings: &mut Beginnings,
) -> Stored {
    try_restore(engine, checked, beginnings).await.unwrap_or_else(|error| {
        tracing::warn!(slo = %checked.objective.name, %error, "slices can't be restored, their events are read again");
        Stored { slices: Vec::new(), reread_from: Timestamp::MIN }
    })
}

/// The earliest event time of each table that was asked for: ten thousand new objectives ask once.
#[derive(Debug, Default)]
pub(crate) struct Beginnings(BTreeMap<Table, Timestamp>);

impl Beginnings {
    async fn of(&mut self, tables: &[Table], engine: &QueryEngine) -> Result<Timestamp, RulesError> {
        let mut earliest = Timestamp::MAX;
        for table in tables {
            let begins = match self.0.get(table) {
                Some(known) => *known,
                None => {
                    let output =
                        ask(engine, &format!("SELECT min(time) AS begins FROM {table}"), &[]).await?;
                    let [begins] = times(&output, ["begins"])?;
                    // Of an empty one nothing is to be read but what comes.
                    begins.unwrap_or(Timestamp::MAX)
                }
            };
            self.0.insert(*table, begins);
            earliest = earliest.min(begins);
        }
        Ok(earliest)
    }
}

async fn try_restore(
    engine: &QueryEngine,
    checked: &CheckedObjective,
    beginnings: &mut Beginnings,
) -> Result<Stored, RulesError> {
    let CheckedObjective { objective, tables, .. } = checked;
    let key = [Param::Text(objective.name.clone()), Param::Int(objective.generation())];
    let bounds = "SELECT min(time) AS oldest, max(time) AS newest, max(ingest_time) AS written FROM sli_slices \
                  WHERE slo = $1 AND generation = $2";
    let output = ask(engine, bounds, &key).await?;
    let [Some(oldest), Some(newest), Some(written)] = times(&output, ["oldest", "newest", "written"])? else {
        return Ok(Stored { slices: Vec::new(), reread_from: beginnings.of(tables, engine).await? });
    };
    let oldest = oldest.max(newest - objective.kept());
    let mut slices = Vec::new();
    let mut from = oldest;
    while from <= newest {
        slices.extend(stretch(engine, &key, from).await?);
        from = from + STRETCH;
    }
    let mut reread_from = newest;
    for table in tables {
        let sql = format!("SELECT min(time) AS late FROM {table} WHERE ingest_time >= $1");
        let output = ask(engine, &sql, &[Param::Time(written - OVERLAP)]).await?;
        let [late] = times(&output, ["late"])?;
        reread_from = reread_from.min(late.unwrap_or(newest));
    }
    Ok(Stored { slices, reread_from })
}

/// In the order they were written, so that a correction comes after what it corrects.
async fn stretch(engine: &QueryEngine, key: &[Param; 2], from: Timestamp) -> Result<Vec<Slice>, RulesError> {
    let sql = "SELECT slice_start, groups, good, total FROM sli_slices \
               WHERE slo = $1 AND generation = $2 AND time >= $3 AND time < $4 ORDER BY ingest_time";
    let [slo, generation] = key.clone();
    let output = ask(engine, sql, &[slo, generation, Param::Time(from), Param::Time(from + STRETCH)]).await?;
    let mut slices = Vec::new();
    for batch in &output.batches {
        let column = |name| Column::of(batch, name).map_err(RulesError);
        let (starts, goods, totals) = (column("slice_start")?, column("good")?, column("total")?);
        let groups = maps(batch, "groups")?;
        for (row, groups) in groups.into_iter().enumerate() {
            let Some(start) = starts.time(row) else { continue };
            let counts = Counts { good: goods.count(row), total: totals.count(row) };
            slices.push(Slice { groups, index: SliceIndex::holding(start), counts, last_event: start });
        }
    }
    Ok(slices)
}

fn maps(batch: &RecordBatch, name: &str) -> Result<Vec<Labels>, RulesError> {
    let wrong = || RulesError(format!("`{name}` of sli_slices is not a map of texts"));
    let map = batch.column_by_name(name).and_then(|column| column.as_map_opt()).ok_or_else(wrong)?;
    let text = |array| cast(array, &DataType::Utf8).map_err(|error| RulesError(error.to_string()));
    let (keys, values) = (text(map.keys())?, text(map.values())?);
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let labels = map.value_offsets().windows(2).map(|bounds| {
        let entries = bounds.iter().map(|offset| usize::try_from(*offset).unwrap_or_default());
        let (Some(start), Some(end)) = (entries.clone().next(), entries.clone().nth(1)) else {
            return Labels::default();
        };
        (start..end).filter(|at| values.is_valid(*at)).map(|at| (keys.value(at), values.value(at))).collect()
    });
    Ok(labels.collect())
}

/// What was pending, firing or just resolved when the last decision fell: rule, generator URL, instance.
pub(crate) async fn restore_instances(
    engine: &QueryEngine,
) -> Result<Vec<(String, String, Instance)>, RulesError> {
    let sql = "SELECT d.outcome, d.details FROM decisions d JOIN \
               (SELECT fingerprint, max(time) AS latest FROM decisions WHERE stage = 'rule' \
                AND outcome NOT IN ('waiting', 'still pending', 'still firing') GROUP BY fingerprint) l \
               ON d.fingerprint = l.fingerprint AND d.time = l.latest \
               WHERE d.stage = 'rule' AND d.outcome IN ('pending', 'firing', 'resolved')";
    let output = ask(engine, sql, &[]).await?;
    let mut instances = Vec::new();
    for batch in &output.batches {
        let column = |name| Column::of(batch, name).map_err(RulesError);
        let (outcomes, details) = (column("outcome")?, column("details")?);
        for row in 0..batch.num_rows() {
            match serde_json::from_str::<Remembered>(&details.text(row)) {
                Ok(remembered) => instances.extend(remembered.instance(&outcomes.text(row))),
                Err(error) => tracing::warn!(%error, "a decision can't be read back, its alert begins anew"),
            }
        }
    }
    Ok(instances)
}

/// None of these statements calls `now()`.
async fn ask(engine: &QueryEngine, sql: &str, params: &[Param]) -> Result<QueryOutput, RulesError> {
    let output = engine.evaluate(sql, params, Timestamp::default()).await;
    output.map_err(|error| RulesError(format!("what was stored can't be read: {error}")))
}

fn times<const N: usize>(
    output: &QueryOutput,
    names: [&str; N],
) -> Result<[Option<Timestamp>; N], RulesError> {
    let mut found = [None; N];
    if let Some(batch) = output.batches.iter().find(|batch| batch.num_rows() > 0) {
        for (name, slot) in names.iter().zip(&mut found) {
            *slot = Column::of(batch, name).map_err(RulesError)?.time(0);
        }
    }
    Ok(found)
}
