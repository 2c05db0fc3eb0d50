//! Everything that an SLO may name, from all files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::alerting::{ConditionSpec, Defined, PolicySpec, TargetSpec};
use super::indicator::SliSpec;
use super::object::{Metadata, Object, check_description};
use super::{Slo, SloSpec};
use crate::files::documents::Document;
use crate::finding::{Finding, Place};

/// What SLOs refer to by name, from all files.
#[derive(Debug, Default)]
pub(crate) struct Library {
    pub(super) indicators: BTreeMap<String, Defined<SliSpec>>,
    /// Name to type.
    pub(super) data_sources: BTreeMap<String, String>,
    pub(super) policies: BTreeMap<String, Defined<PolicySpec>>,
    pub(super) conditions: BTreeMap<String, Defined<ConditionSpec>>,
    pub(super) targets: BTreeMap<String, Defined<TargetSpec>>,
    services: BTreeMap<String, ()>,
}

impl Library {
    /// Takes in a document; an SLO comes back, to be resolved once every document is known.
    pub(crate) fn read(
        &mut self,
        kind: &str,
        document: &Document,
        file: &Path,
    ) -> Result<Option<Slo>, Finding> {
        match kind {
            "SLO" => {
                let slo: Object<SloSpec> = document.parse(file)?;
                slo.metadata.check(file)?;
                check_description(slo.spec.description.as_ref(), file)?;
                return Ok(Some(Slo(slo)));
            }
            "Service" => {
                let Object { metadata, spec, .. } = document.parse::<Object<ServiceSpec>>(file)?;
                check_description(spec.description.as_ref(), file)?;
                define(&mut self.services, "Service", metadata, (), file)?;
            }
            "DataSource" => {
                let Object { metadata, spec, .. } = document.parse::<Object<DataSourceSpec>>(file)?;
                check_description(spec.description.as_ref(), file)?;
                define(&mut self.data_sources, "DataSource", metadata, spec.r#type.value, file)?;
            }
            "SLI" => {
                let Object { metadata, spec, .. } = document.parse::<Object<SliSpec>>(file)?;
                spec.check(file)?;
                let defined = Defined::new(&metadata, spec, file);
                define(&mut self.indicators, "SLI", metadata, defined, file)?;
            }
            "AlertPolicy" => {
                let Object { metadata, spec, .. } = document.parse::<Object<PolicySpec>>(file)?;
                spec.check(file)?;
                let defined = Defined::new(&metadata, spec, file);
                define(&mut self.policies, "AlertPolicy", metadata, defined, file)?;
            }
            "AlertCondition" => {
                let Object { metadata, spec, .. } = document.parse::<Object<ConditionSpec>>(file)?;
                spec.check(file)?;
                let defined = Defined::new(&metadata, spec, file);
                define(&mut self.conditions, "AlertCondition", metadata, defined, file)?;
            }
            "AlertNotificationTarget" => {
                let Object { metadata, spec, .. } = document.parse::<Object<TargetSpec>>(file)?;
                spec.check(file)?;
                let defined = Defined::new(&metadata, spec, file);
                define(&mut self.targets, "AlertNotificationTarget", metadata, defined, file)?;
            }
            "BudgetAdjustment" => {
                let message = "BudgetAdjustment is not read: write the time that must not count as an exclusion in \
                               calendars.yml";
                return Err(document.place(file).error(message));
            }
            other => {
                let message = format!(
                    "`{other}` is not a kind we read: use SLO, SLI, Service, DataSource, AlertPolicy, AlertCondition \
                     or AlertNotificationTarget"
                );
                return Err(document.place(file).error(message));
            }
        }
        Ok(None)
    }
}

impl<Spec> Defined<Spec> {
    fn new(metadata: &Metadata, spec: Spec, file: &Path) -> Self {
        Self { name: metadata.name.value.clone(), file: file.to_owned(), spec }
    }
}

fn define<T>(
    names: &mut BTreeMap<String, T>,
    kind: &str,
    metadata: Metadata,
    defined: T,
    file: &Path,
) -> Result<(), Finding> {
    metadata.check(file)?;
    let name = metadata.name;
    if names.insert(name.value.clone(), defined).is_some() {
        let message = format!("the {kind} `{}` is defined twice: rename one", name.value);
        return Err(Place::of(file, &name).error(message));
    }
    Ok(())
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceSpec {
    description: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DataSourceSpec {
    description: Option<Spanned<String>>,
    r#type: Spanned<String>,
    #[serde(rename = "connectionDetails")]
    _connection_details: Option<IgnoredAny>,
}
