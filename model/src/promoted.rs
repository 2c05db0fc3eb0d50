//! Attributes that have a text column of their own.

use crate::Table;

/// Under its current name an attribute, and the column that holds the same text for rows that came through the
/// collector. The column may know older names as well, and is null in rows that are older than it: whoever uses it in
/// place of the map has to allow for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// `attributes` or `resource`.
    pub map: &'static str,
    pub key: &'static str,
    pub column: &'static str,
}

impl Promoted {
    /// Those of a table.
    pub fn of(table: Table) -> impl Iterator<Item = Self> {
        let (attributes, has_resource) = match table {
            Table::Spans => (SPANS, true),
            Table::Logs => (LOGS, true),
            Table::Metrics => (&[][..], true),
            Table::BusinessEvents => (BUSINESS_EVENTS, true),
            Table::ChangeRecords => (CHANGES, true),
            Table::SliSlices | Table::Decisions | Table::IngestLedger => (&[][..], false),
        };
        let resource = if has_resource { RESOURCE } else { &[][..] };
        let named = |map| move |&(key, column)| Self { map, key, column };
        attributes.iter().map(named("attributes")).chain(resource.iter().map(named("resource")))
    }
}

type Columns = &'static [(&'static str, &'static str)];

const RESOURCE: Columns = &[("service.name", "service_name"), ("service.version", "service_version")];

const SPANS: Columns = &[
    ("http.request.method", "http_request_method"),
    ("http.route", "http_route"),
    ("db.system.name", "db_system_name"),
    ("db.namespace", "db_namespace"),
    ("db.collection.name", "db_collection_name"),
    ("db.operation.name", "db_operation_name"),
    ("error.type", "error_type"),
];

const LOGS: Columns = &[("error.type", "error_type")];

const CHANGES: Columns = &[
    ("change.kind", "kind"),
    ("change.entity", "entity"),
    ("change.version", "version"),
    ("change.summary", "summary"),
    ("change.url", "url"),
    ("change.author", "author"),
    ("business.outcome", "outcome"),
    ("odoo.db", "odoo_db"),
];

const BUSINESS_EVENTS: Columns = &[
    ("event.id", "event_id"),
    ("business.outcome", "outcome"),
    ("business.process_id", "process_id"),
    ("business.company", "company"),
    ("business.warehouse", "warehouse"),
    ("business.channel", "channel"),
    ("business.carrier", "carrier"),
    ("business.product", "product"),
    ("business.user_group", "user_group"),
    ("business.customer", "customer"),
    ("business.currency", "currency"),
    ("business.workload", "workload"),
    ("error.type", "error_type"),
    ("odoo.model", "odoo_model"),
    ("odoo.method", "odoo_method"),
    ("odoo.db", "odoo_db"),
];

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn every_promoted_column_is_text_of_its_table_and_so_is_its_map() {
        for table in Table::ALL {
            let schema = table.schema();
            for Promoted { map, key, column } in Promoted::of(table) {
                let column = schema.field_with_name(column).expect("a column of the table");
                assert_eq!(column.data_type(), &DataType::Utf8, "{table} {key}");
                assert!(column.is_nullable(), "{table} {key}: older rows have none");
                let map = schema.field_with_name(map).expect("a map of the table");
                assert!(matches!(map.data_type(), DataType::Map(..)), "{table} {key}");
            }
        }
    }
}
