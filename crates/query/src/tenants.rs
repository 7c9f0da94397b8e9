//! Reads over several tenants: their streams carry the label `__tenant_id__`, and selectors may choose by it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::record_batch::RecordBatch;
use logline::{Labels, Tenant};
use regex_automata::meta::Regex;
use storage::{Predicate, TextMatch, logs};

use crate::error::Error;
use crate::exec::{TextDictionary, column};

/// Names the tenant of a stream.
const TENANT: &str = "__tenant_id__";
/// Where a label of that name goes.
const ORIGINAL: &str = "original___tenant_id__";

/// A condition as it is for one of several tenants: what it says of `__tenant_id__` is decided.
pub(crate) fn decided(predicate: &Predicate, tenant: &Tenant) -> Result<Predicate, Error> {
    let all = |parts: &[Predicate]| parts.iter().map(|part| decided(part, tenant)).collect::<Result<Vec<_>, _>>();
    Ok(match predicate {
        Predicate::Label { name, text } if name == TENANT => {
            if accepts(text, tenant.as_str())? {
                Predicate::True
            } else {
                Predicate::False
            }
        }
        Predicate::Label { name, text } if name == ORIGINAL => {
            Predicate::Label { name: TENANT.to_owned(), text: text.clone() }
        }
        Predicate::And(parts) => Predicate::And(all(parts)?),
        Predicate::Or(parts) => Predicate::Or(all(parts)?),
        Predicate::Not(part) => Predicate::Not(Box::new(decided(part, tenant)?)),
        Predicate::True
        | Predicate::False
        | Predicate::Label { .. }
        | Predicate::Metadata { .. }
        | Predicate::Within(_)
        | Predicate::Column { .. } => predicate.clone(),
    })
}

fn accepts(text: &TextMatch, tenant: &str) -> Result<bool, Error> {
    Ok(match text {
        TextMatch::Equals(want) => want == tenant,
        TextMatch::OneOf(all) => all.iter().any(|want| want == tenant),
        TextMatch::Contains(part) => tenant.contains(part.as_str()),
        TextMatch::Regex(regex) => Regex::new(regex).map_err(Error::internal)?.is_match(tenant),
    })
}

/// Writes the tenant into the streams of batches, whose dictionaries mostly stay the same.
#[derive(Debug)]
pub(crate) struct Named {
    tenant: Tenant,
    /// The last dictionary and the same with the tenant.
    last: Option<(ArrayRef, ArrayRef)>,
}

impl Named {
    pub(crate) const fn new(tenant: Tenant) -> Self {
        Self { tenant, last: None }
    }

    /// The batch with the tenant in each of its streams, if it has a column of streams.
    pub(crate) fn batch(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let Ok(index) = batch.schema().index_of(logs::STREAM) else { return Ok(batch.clone()) };
        let streams: &TextDictionary = column(batch, logs::STREAM)?;
        let texts = self.texts(streams.values())?;
        let mut columns = batch.columns().to_vec();
        if let Some(column) = columns.get_mut(index) {
            *column = Arc::new(TextDictionary::try_new(streams.keys().clone(), texts).map_err(Error::internal)?);
        }
        RecordBatch::try_new(batch.schema(), columns).map_err(Error::internal)
    }

    fn texts(&mut self, values: &ArrayRef) -> Result<ArrayRef, Error> {
        if let Some((known, named)) = &self.last
            && known.to_data().ptr_eq(&values.to_data())
        {
            return Ok(Arc::clone(named));
        }
        let texts = values.as_string::<i32>().iter().map(|text| self.text(text.unwrap_or_default()));
        let named: ArrayRef = Arc::new(texts.collect::<Result<StringArray, _>>()?);
        self.last = Some((Arc::clone(values), Arc::clone(&named)));
        Ok(named)
    }

    fn text(&self, stream: &str) -> Result<Option<String>, Error> {
        let mut labels = Labels::parse(stream).map_err(Error::internal)?;
        if let Some(own) = labels.get(TENANT).map(str::to_owned) {
            labels.set(ORIGINAL, &own);
        }
        labels.set(TENANT, self.tenant.as_str());
        Ok(Some(labels.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matchers::predicate;

    fn check(selector: &str, tenant: &str, want: &str) {
        let predicate = predicate(&logql::parse_selector(selector).unwrap());
        let found = decided(&predicate, &Tenant::new(tenant).unwrap()).unwrap();
        assert_eq!(format!("{found:?}"), want);
    }

    #[test]
    fn a_selector_chooses_tenants_and_leaves_other_labels_alone() {
        check(r#"{__tenant_id__="a"}"#, "a", "True");
        check(r#"{__tenant_id__="a"}"#, "b", "False");
        check(r#"{__tenant_id__!="a"}"#, "b", "Not(False)");
        check(r#"{__tenant_id__=~"a|b.*"}"#, "bb", "True");
        let kept = r#"Label { name: "app", text: Equals("x") }"#;
        check(r#"{app="x"}"#, "a", kept);
        check(r#"{original___tenant_id__="x"}"#, "a", &kept.replace("app", "__tenant_id__"));
    }

    #[test]
    fn a_stream_carries_its_tenant_and_keeps_a_label_of_that_name() {
        let named = Named::new(Tenant::new("east").unwrap());
        let text = |stream: &str| named.text(stream).unwrap().unwrap();
        assert_eq!(text(r#"{app="x"}"#), r#"{__tenant_id__="east", app="x"}"#);
        assert_eq!(text(r#"{__tenant_id__="y"}"#), r#"{__tenant_id__="east", original___tenant_id__="y"}"#);
    }
}
