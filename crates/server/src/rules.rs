//! Wires the evaluator of rules to the rest of the server: whose rights, which tenants, where recorded series go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alert::eval::{Failure, Owners, Recorder};
use async_trait::async_trait;
use auth::{Access, AuditSink, Scope};
use ingest::Sink as _;
use logline::{Batch, Tenant};
use serde_json::Value;
use storage::{LOGS, Storage};

use crate::app::StorageSink;

/// Groups of rules, or one, as the audit trail has them: names and expressions. What cannot be read is only told so.
pub(crate) fn noted(text: &str) -> String {
    let Ok(written) = serde_yaml_ng::from_str::<Value>(text) else { return "rules that cannot be read".to_owned() };
    let groups = written["groups"].as_array().map_or(std::slice::from_ref(&written), Vec::as_slice);
    groups.iter().map(noted_group).collect::<Vec<_>>().join("; ")
}

fn noted_group(group: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rule = |rule: &Value| {
        let kind = if rule["alert"].is_null() { "record" } else { "alert" };
        format!(" {kind} {}: {}", word(&rule[kind]), word(&rule["expr"]))
    };
    let rules = group["rules"].as_array().map_or(&[][..], Vec::as_slice);
    format!("group {}:{}", word(&group["name"]), rules.iter().map(rule).collect::<Vec<_>>().join(","))
}

/// Rules run under the rights of whoever keeps them; those of files and the server's own see all of their tenant.
#[derive(Debug)]
pub(crate) struct RuleOwners {
    pub(crate) access: Arc<Access>,
    pub(crate) audit: Arc<dyn AuditSink>,
    pub(crate) storage: Arc<Storage>,
    /// The server's own scopes, each made and audited once.
    pub(crate) own: Mutex<HashMap<Tenant, Scope>>,
}

impl RuleOwners {
    fn own(&self, tenant: &Tenant) -> Scope {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Scope::system("rules of files and the server's own", tenant.clone(), &*self.audit);
        own.entry(tenant.clone()).or_insert_with(made).clone()
    }
}

#[async_trait]
impl Owners for RuleOwners {
    async fn scope(&self, owner: Option<&str>, tenant: &Tenant) -> Result<Scope, String> {
        match owner {
            None => Ok(self.own(tenant)),
            Some(owner) => self
                .access
                .scope_of(owner, std::slice::from_ref(tenant))
                .await
                .map_err(|denied| format!("the owner `{owner}` of the rule may not read: {denied}")),
        }
    }

    fn tenants(&self) -> Vec<Tenant> {
        self.storage.table(LOGS).map(|table| table.tenants()).unwrap_or_default()
    }
}

/// Recorded series are lines like any other.
#[derive(Debug)]
pub(crate) struct LineRecorder(pub(crate) Arc<StorageSink>);

#[async_trait]
impl Recorder for LineRecorder {
    async fn record(&self, batch: Batch) -> Result<(), Failure> {
        self.0
            .append(batch)
            .await
            .map_err(|error| Failure::Failed(format!("recorded series cannot be stored: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_ask_for_is_noted_without_the_words_around_it() {
        let group = "{name: g, rules: [{alert: A, expr: 'rate({a=\"b\"}[1m]) > 1', annotations: {x: long}}, {record: r, expr: 2}]}";
        let want = "group g: alert A: rate({a=\"b\"}[1m]) > 1, record r: 2";
        assert_eq!(noted(group), want);
        assert_eq!(noted(&format!("groups: [{group}, {{name: h}}]")), format!("{want}; group h:"));
        assert_eq!(noted("{"), "rules that cannot be read");
    }
}
