//! What a statement selects besides its keys: each column becomes one attribute, or none where it is NULL.

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::schema::{Join, Schema};
use crate::otlp::{flag, integer, number, text};
use crate::postgres::{Row, Trouble};

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    Text,
    Number,
    Integer,
    Flag,
    /// A time of Odoo's (UTC without saying so), as RFC 3339.
    Moment,
    /// A partner's number, as a pseudonym that only the database can resolve: `partner-42`. The module says the same.
    Partner,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    key: &'static str,
    kind: As,
    sql: String,
}

/// A select list under construction, with the joins that its columns need.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    schema: &'a Schema,
    fields: Vec<Field>,
    joins: String,
}

impl<'a> Fields<'a> {
    pub(crate) const fn of(schema: &'a Schema) -> Self {
        Self { schema, fields: Vec::new(), joins: String::new() }
    }

    pub(crate) fn raw(mut self, key: &'static str, kind: As, sql: impl Into<String>) -> Self {
        self.fields.push(Field { key, kind, sql: sql.into() });
        self
    }

    /// A column of the table itself; left out when it isn't there or isn't ours to read.
    pub(crate) fn own(self, key: &'static str, kind: As, alias: &str, table: &str, column: &str) -> Self {
        if self.schema.has(table, column) {
            let sql = format!("{alias}.{column}");
            return self.raw(key, kind, sql);
        }
        self
    }

    /// A name of another table's row.
    pub(crate) fn named(mut self, key: &'static str, join: Join<'_>) -> Self {
        let (joined, sql) = self.schema.joined(join);
        if joined.is_empty() {
            return self;
        }
        self.joins.push_str(&joined);
        self.raw(key, As::Text, sql)
    }

    /// The company by its name and the currency by its code, which most documents have.
    pub(crate) fn company(self, alias: &'a str, table: &'a str) -> Self {
        self.named(
            "business.company",
            Join {
                from: alias,
                from_table: table,
                key: "company_id",
                table: "res_company",
                alias: "co",
                column: "name",
            },
        )
    }

    pub(crate) fn currency(self, alias: &'a str, table: &'a str) -> Self {
        self.named(
            "business.currency",
            Join {
                from: alias,
                from_table: table,
                key: "currency_id",
                table: "res_currency",
                alias: "cu",
                column: "name",
            },
        )
    }

    /// Joins that a raw column needs.
    pub(crate) fn join(mut self, sql: &str) -> Self {
        self.joins.push_str(sql);
        self
    }

    pub(crate) fn joins(&self) -> &str {
        &self.joins
    }

    /// `, a::text, b::float8`
    pub(crate) fn list(&self) -> String {
        self.fields.iter().map(|field| format!(", {}", field.select())).collect()
    }

    pub(crate) fn finish(self) -> Vec<Field> {
        self.fields
    }
}

impl Field {
    fn select(&self) -> String {
        let sql = &self.sql;
        match self.kind {
            As::Text => format!("({sql})::text"),
            As::Number => format!("({sql})::float8"),
            As::Integer | As::Partner => format!("({sql})::int8"),
            As::Flag => format!("({sql})::bool"),
            As::Moment => micros(sql),
        }
    }

    fn attribute(&self, row: &Row, column: usize) -> Result<Option<KeyValue>, Trouble> {
        Ok(match self.kind {
            As::Text => {
                let value: Option<String> = row.get(column)?;
                value.filter(|value| !value.is_empty()).map(|value| text(self.key, value))
            }
            As::Number => row.get::<Option<f64>>(column)?.map(|value| number(self.key, value)),
            As::Integer => row.get::<Option<i64>>(column)?.map(|value| integer(self.key, value)),
            As::Flag => row.get::<Option<bool>>(column)?.map(|value| flag(self.key, value)),
            As::Moment => row.time(column)?.map(|value| text(self.key, value.to_rfc3339())),
            As::Partner => {
                row.get::<Option<i64>>(column)?.map(|value| text(self.key, format!("partner-{value}")))
            }
        })
    }
}

/// The attributes of a row whose fields begin at column `first`.
pub(crate) fn attributes(row: &Row, first: usize, fields: &[Field]) -> Result<Vec<KeyValue>, Trouble> {
    let mut attributes = Vec::with_capacity(fields.len());
    for (i, field) in fields.iter().enumerate() {
        attributes.extend(field.attribute(row, first + i)?);
    }
    Ok(attributes)
}

/// Microseconds since 1970 of a timestamp of Odoo's, which is UTC without saying so.
pub(crate) fn micros(sql: &str) -> String {
    format!("round(extract(epoch FROM {sql}) * 1000000)::int8")
}

/// Which step of the flow a transfer is, by its type `t` and the type's warehouse `w`.
pub(crate) fn picking_step(schema: &Schema) -> String {
    let step = |column: &str, step: &str| {
        if schema.has("stock_warehouse", column) {
            format!(" WHEN t.id = w.{column} THEN '{step}'")
        } else {
            String::new()
        }
    };
    format!(
        "CASE WHEN t.code = 'incoming' THEN 'receive' WHEN t.code = 'outgoing' THEN 'ship' \
         WHEN t.code = 'dropship' THEN 'dropship'{}{} ELSE 'internal' END",
        step("pick_type_id", "pick"),
        step("pack_type_id", "pack")
    )
}
