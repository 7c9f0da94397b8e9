//! Wires the evaluator of rules to the rest of the server: whose rights, which tenants, where recorded series go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alert::eval::{Failure, Owners, Recorder};
use async_trait::async_trait;
use auth::{Access, AuditSink, Scope};
use ingest::Sink as _;
use logline::{Batch, Tenant};
use storage::{LOGS, Storage};

use crate::app::StorageSink;

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
        self.0.append(batch).await.map_err(|error| Failure(format!("recorded series cannot be stored: {error}")))
    }
}
