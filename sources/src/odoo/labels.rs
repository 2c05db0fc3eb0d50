//! From the labels that Odoo's tracking keeps, in the language of whoever wrote, to the codes of states.

use std::collections::HashMap;

use tokio_postgres::types::Type;

use super::documents::MODELS;
use super::schema::Need;
use crate::postgres::{Reading, Trouble};

pub(crate) const NEEDS: &[Need] = &[
    ("ir_model_fields", &["id", "name", "model"]),
    ("ir_model_fields_selection", &["field_id", "value", "name"]),
];

const LABELS: &str = "SELECT f.id::int4, f.model::text, s.value::text, l.value::text \
     FROM ir_model_fields f LEFT JOIN ir_model_fields_selection s ON s.field_id = f.id \
     LEFT JOIN LATERAL jsonb_each_text(s.name) l ON true WHERE f.name = 'state' AND f.model = ANY($1)";

/// The `state` fields of the models that are read, by the field's id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    fields: HashMap<i32, Field>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Field {
    model: String,
    /// `None` where two states have the same label in some language.
    codes: HashMap<String, Option<String>>,
}

impl Labels {
    pub(crate) async fn read(reading: &Reading<'_>) -> Result<Self, Trouble> {
        let models: Vec<&str> = MODELS.iter().map(|(model, _, _)| *model).collect();
        let mut labels = Self::default();
        for row in reading.ask(LABELS, &[(&models, Type::TEXT_ARRAY)]).await? {
            let model: String = row.get(1)?;
            labels.add(row.get(0)?, model, row.get(2)?, row.get(3)?);
        }
        Ok(labels)
    }

    fn add(&mut self, field: i32, model: String, code: Option<String>, label: Option<String>) {
        let field = self.fields.entry(field).or_default();
        field.model = model;
        let (Some(code), Some(label)) = (code, label) else { return };
        let known = field.codes.entry(label).or_insert_with(|| Some(code.clone()));
        if known.as_ref() != Some(&code) {
            *known = None;
        }
    }

    pub(crate) fn field_ids(&self) -> Vec<i32> {
        self.fields.keys().copied().collect()
    }

    /// The state that a label stands for; `None` when it is nobody's or two states'.
    pub(crate) fn code(&self, field: i32, label: &str) -> Option<&str> {
        self.fields.get(&field)?.codes.get(label)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_any_language_is_its_code_and_an_ambiguous_one_is_none() {
        let mut labels = Labels::default();
        for (code, label) in
            [("sale", "Sales Order"), ("sale", "Auftrag"), ("done", "Gesperrt"), ("cancel", "Gesperrt")]
        {
            labels.add(7, "sale.order".into(), Some(code.into()), Some(label.into()));
        }
        assert_eq!(labels.code(7, "Auftrag"), Some("sale"));
        assert_eq!(labels.code(7, "Sales Order"), Some("sale"));
        assert_eq!(labels.code(7, "Gesperrt"), None);
        assert_eq!(labels.code(8, "Auftrag"), None);
        assert_eq!(labels.field_ids(), [7]);
    }
}
