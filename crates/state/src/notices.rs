//! What routing remembers: alerts that are known, what was told last about each group, incidents. All changes of one step
//! are one transaction, together with what it puts into the outbox.

use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Any, Transaction};

use crate::outbox::{NewParcel, enqueue};
use crate::time::millis;
use crate::{Result, State, changes, json};

/// What counts the steps; see [`Notices::number`].
const TOPIC: &str = "notices";

/// See [`State::notices`].
#[derive(Clone, Copy, Debug)]
pub struct Notices<'a>(pub(crate) &'a State);

/// One change of a step; `document` is JSON.
#[derive(Clone, Debug)]
pub enum NoticeChange {
    /// An alert is as the document says.
    PutAlert {
        /// Whose.
        tenant: String,
        /// Its name among those of the tenant.
        fingerprint: String,
        /// What it is.
        document: String,
    },
    /// An alert is known no more.
    RemoveAlert {
        /// Whose.
        tenant: String,
        /// Its name among those of the tenant.
        fingerprint: String,
    },
    /// What was told last about a group through an integration.
    PutNotice {
        /// The group.
        group: String,
        /// The integration.
        integration: String,
        /// What was told.
        document: String,
    },
    /// What was told about a group through an integration does not matter any more.
    RemoveNotice {
        /// The group.
        group: String,
        /// The integration.
        integration: String,
    },
    /// Something to be delivered.
    Enqueue(NewParcel),
    /// An incident is as the document says.
    PutIncident(IncidentRow),
}

/// An incident as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    /// Unique.
    pub id: String,
    /// Whose.
    pub tenant: String,
    /// Whether it goes on.
    pub open: bool,
    /// The first evidence of it.
    pub started: SystemTime,
    /// When it was over.
    pub ended: Option<SystemTime>,
    /// All of it, as JSON.
    pub document: String,
}

impl NoticeChange {
    /// A change that keeps an alert.
    pub fn put_alert<T: Serialize>(tenant: &str, fingerprint: &str, alert: &T) -> Result<Self> {
        let document = json::encode(alert)?;
        Ok(Self::PutAlert { tenant: tenant.to_owned(), fingerprint: fingerprint.to_owned(), document })
    }

    /// A change that keeps what was told.
    pub fn put_notice<T: Serialize>(group: &str, integration: &str, notice: &T) -> Result<Self> {
        let document = json::encode(notice)?;
        Ok(Self::PutNotice { group: group.to_owned(), integration: integration.to_owned(), document })
    }
}

impl Notices<'_> {
    /// All alerts.
    pub async fn alerts<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM alerts").fetch_all(self.0.pool()).await?;
        rows.iter().map(|(document,)| json::decode("alerts", document)).collect()
    }

    /// What was told last: group, integration, and what.
    pub async fn log<T: DeserializeOwned>(&self) -> Result<Vec<(String, String, T)>> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("SELECT group_id, integration, document FROM notices").fetch_all(self.0.pool()).await?;
        let read = |(group, integration, document): (String, String, String)| {
            Ok((group, integration, json::decode("notices", &document)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// Does all of it or nothing; gives the number of the step.
    pub async fn apply(&self, changes: &[NoticeChange], now: SystemTime) -> Result<i64> {
        let mut tx = self.0.begin().await?;
        for change in changes {
            one(&mut tx, change, now).await?;
        }
        let number = changes::bump(&mut tx, TOPIC).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// The number of the last step, whichever node made it.
    pub async fn number(&self) -> Result<i64> {
        self.0.changes().number(TOPIC).await
    }

    /// Forgets what was told last about groups that were not told about since, and incidents that were over by then.
    pub async fn purge(&self, before: SystemTime) -> Result<()> {
        for old in ["DELETE FROM notices WHERE changed < $1", "DELETE FROM incidents WHERE is_open = 0 AND ended < $1"]
        {
            sqlx::query(old).bind(millis(before)).execute(self.0.pool()).await?;
        }
        Ok(())
    }

    /// The incidents that go on or were over no earlier than `ended`, of all tenants.
    pub async fn recent_incidents<T: DeserializeOwned>(&self, ended: SystemTime) -> Result<Vec<T>> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT document FROM incidents WHERE is_open = 1 OR ended >= $1 ORDER BY id")
                .bind(millis(ended))
                .fetch_all(self.0.pool())
                .await?;
        rows.iter().map(|(document,)| json::decode("incidents", document)).collect()
    }

    /// One incident.
    pub async fn incident<T: DeserializeOwned>(&self, tenant: &str, id: &str) -> Result<Option<T>> {
        let row: Option<(String,)> = sqlx::query_as("SELECT document FROM incidents WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(self.0.pool())
            .await?;
        row.map(|(document,)| json::decode("incidents", &document)).transpose()
    }

    /// The incidents of a tenant that started in a stretch of time, the youngest first.
    pub async fn incidents<T: DeserializeOwned>(
        &self,
        tenant: &str,
        from: SystemTime,
        to: SystemTime,
        limit: u32,
    ) -> Result<Vec<T>> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT document FROM incidents WHERE tenant = $1 AND started >= $2 AND started < $3
             ORDER BY started DESC LIMIT $4",
        )
        .bind(tenant)
        .bind(millis(from))
        .bind(millis(to))
        .bind(i64::from(limit))
        .fetch_all(self.0.pool())
        .await?;
        rows.iter().map(|(document,)| json::decode("incidents", document)).collect()
    }
}

async fn one(tx: &mut Transaction<'static, Any>, change: &NoticeChange, now: SystemTime) -> Result<()> {
    let query = match change {
        NoticeChange::PutAlert { tenant, fingerprint, document } => sqlx::query(
            "INSERT INTO alerts (tenant, fingerprint, document) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, fingerprint) DO UPDATE SET document = excluded.document",
        )
        .bind(tenant)
        .bind(fingerprint)
        .bind(document),
        NoticeChange::RemoveAlert { tenant, fingerprint } => {
            sqlx::query("DELETE FROM alerts WHERE tenant = $1 AND fingerprint = $2").bind(tenant).bind(fingerprint)
        }
        NoticeChange::PutNotice { group, integration, document } => sqlx::query(
            "INSERT INTO notices (group_id, integration, document, changed) VALUES ($1, $2, $3, $4)
             ON CONFLICT (group_id, integration) DO UPDATE
             SET document = excluded.document, changed = excluded.changed",
        )
        .bind(group)
        .bind(integration)
        .bind(document)
        .bind(millis(now)),
        NoticeChange::RemoveNotice { group, integration } => {
            sqlx::query("DELETE FROM notices WHERE group_id = $1 AND integration = $2").bind(group).bind(integration)
        }
        NoticeChange::PutIncident(row) => sqlx::query(
            "INSERT INTO incidents (id, tenant, is_open, started, ended, document) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET is_open = excluded.is_open, started = excluded.started,
             ended = excluded.ended, document = excluded.document",
        )
        .bind(&row.id)
        .bind(&row.tenant)
        .bind(i64::from(row.open))
        .bind(millis(row.started))
        .bind(row.ended.map(millis))
        .bind(&row.document),
        NoticeChange::Enqueue(parcel) => return enqueue(tx, parcel, now).await,
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::testing::each;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[tokio::test]
    async fn a_step_is_kept_as_a_whole_and_read_back() {
        each(async |state| {
            let notices = state.notices();
            let incident = |id: &str, ended: Option<u64>, started| {
                NoticeChange::PutIncident(IncidentRow {
                    id: id.to_owned(),
                    tenant: "t".to_owned(),
                    open: ended.is_none(),
                    started: at(started),
                    ended: ended.map(at),
                    document: format!("\"{id}\""),
                })
            };
            let steps = [
                NoticeChange::put_alert("t", "f1", &"first").unwrap(),
                NoticeChange::put_alert("t", "f2", &"second").unwrap(),
                NoticeChange::put_alert("t", "f1", &"newer").unwrap(),
                NoticeChange::RemoveAlert { tenant: "t".to_owned(), fingerprint: "f2".to_owned() },
                NoticeChange::put_notice("g", "i", &1).unwrap(),
                NoticeChange::put_notice("g", "i", &2).unwrap(),
                NoticeChange::put_notice("g", "j", &3).unwrap(),
                NoticeChange::RemoveNotice { group: "g".to_owned(), integration: "j".to_owned() },
                incident("a", None, 5),
                incident("b", Some(8), 6),
                incident("c", Some(9), 7),
            ];
            assert_eq!(notices.number().await.unwrap(), 0);
            assert_eq!(notices.apply(&steps, at(9)).await.unwrap(), 1);
            assert_eq!(notices.apply(&[], at(9)).await.unwrap(), 2);
            assert_eq!(notices.number().await.unwrap(), 2);
            assert_eq!(notices.alerts::<String>().await.unwrap(), ["newer"]);
            assert_eq!(notices.log::<u32>().await.unwrap(), [("g".to_owned(), "i".to_owned(), 2)]);
            assert_eq!(notices.recent_incidents::<String>(at(10)).await.unwrap(), ["a"]);
            assert_eq!(notices.recent_incidents::<String>(at(9)).await.unwrap(), ["a", "c"]);
            assert_eq!(notices.incidents::<String>("t", at(5), at(7), 10).await.unwrap(), ["b", "a"]);
            assert_eq!(notices.incident::<String>("t", "c").await.unwrap().as_deref(), Some("c"));
            assert_eq!(notices.incident::<String>("other", "c").await.unwrap(), None);
            notices.purge(at(9)).await.unwrap();
            assert_eq!(notices.log::<u32>().await.unwrap().len(), 1);
            assert_eq!(notices.incidents::<String>("t", at(5), at(8), 10).await.unwrap(), ["c", "a"]);
            notices.purge(at(10)).await.unwrap();
            assert_eq!(notices.log::<u32>().await.unwrap(), []);
            assert_eq!(notices.incidents::<String>("t", at(5), at(8), 10).await.unwrap(), ["a"]);
        })
        .await;
    }
}
