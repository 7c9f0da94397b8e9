//! What is to be delivered, what is being delivered and what was: kept from the decision to the log.

use std::time::SystemTime;

use sqlx::{Any, Transaction};

use crate::time::{millis, time};
use crate::{Result, State};

/// See [`State::outbox`].
#[derive(Clone, Copy, Debug)]
pub struct Outbox<'a>(pub(crate) &'a State);

/// Something to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewParcel {
    /// Names the delivery; the same key is taken in once.
    pub key: String,
    /// Whose.
    pub tenant: String,
    /// Who is told.
    pub receiver: String,
    /// Where it goes; parcels of one destination keep their order.
    pub destination: String,
    /// What belongs together at the destination.
    pub thread: String,
    /// What is told, as JSON.
    pub document: String,
    /// Its place among those made at the same time.
    pub place: u32,
    /// When trying ends.
    pub deadline: SystemTime,
}

/// How far a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParcelStatus {
    /// It is tried when it is due.
    Waiting,
    /// It is on its way; after a crash nobody knows whether it arrived.
    Sending,
    /// It arrived.
    Sent,
    /// It was given up.
    Failed,
}

/// A parcel and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Names the delivery.
    pub key: String,
    /// Whose.
    pub tenant: String,
    /// Who is told.
    pub receiver: String,
    /// Where it goes.
    pub destination: String,
    /// What belongs together at the destination.
    pub thread: String,
    /// What is told, as JSON; empty in lists.
    pub document: String,
    /// How far it is.
    pub status: ParcelStatus,
    /// When it was put in.
    pub created: SystemTime,
    /// When it is tried next.
    pub due: SystemTime,
    /// When trying ends.
    pub deadline: SystemTime,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub reason: String,
    /// When it arrived or was given up.
    pub ended: Option<SystemTime>,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParcelEnd {
    /// It arrived.
    Sent,
    /// It is tried again then.
    Again {
        /// When.
        due: SystemTime,
        /// Why it did not arrive.
        reason: String,
    },
    /// It is given up.
    Failed {
        /// Why.
        reason: String,
    },
}

impl ParcelStatus {
    const ALL: [Self; 4] = [Self::Waiting, Self::Sending, Self::Sent, Self::Failed];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

type Row = (String, String, String, String, String, String, String, i64, i64, i64, i64, String, Option<i64>);

impl Outbox<'_> {
    /// What comes next at each destination, without documents: of what is not delivered yet the one that was put in first.
    pub async fn heads(&self) -> Result<Vec<Parcel>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT key, tenant, receiver, destination, thread, '', status, created, due, deadline, attempts, reason, ended
             FROM (SELECT outbox.*, ROW_NUMBER() OVER (PARTITION BY destination ORDER BY created, place) AS turn
                   FROM outbox WHERE status = 'waiting' OR status = 'sending') AS open
             WHERE turn = 1 ORDER BY created, place",
        )
        .fetch_all(self.0.pool())
        .await?;
        Ok(rows.into_iter().map(parcel).collect())
    }

    /// What was and is delivered for a tenant, without documents, the youngest first.
    pub async fn list(&self, tenant: &str, limit: u32) -> Result<Vec<Parcel>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT key, tenant, receiver, destination, thread, '', status, created, due, deadline, attempts, reason, ended
             FROM outbox WHERE tenant = $1 ORDER BY created DESC, place DESC LIMIT $2",
        )
        .bind(tenant)
        .bind(i64::from(limit))
        .fetch_all(self.0.pool())
        .await?;
        Ok(rows.into_iter().map(parcel).collect())
    }

    /// Notes that a parcel goes on its way, and gives it. `None` when it is not open any more.
    pub async fn begin(&self, key: &str) -> Result<Option<Parcel>> {
        let row: Option<Row> = sqlx::query_as(
            "UPDATE outbox SET status = 'sending', attempts = attempts + 1
             WHERE key = $1 AND (status = 'waiting' OR status = 'sending')
             RETURNING key, tenant, receiver, destination, thread, document, status, created, due, deadline, attempts,
                       reason, ended",
        )
        .bind(key)
        .fetch_optional(self.0.pool())
        .await?;
        Ok(row.map(parcel))
    }

    /// Notes how a try ended, and what the destination's thread has to remember.
    pub async fn end(&self, parcel: &Parcel, end: &ParcelEnd, memory: &str, now: SystemTime) -> Result<()> {
        let mut tx = self.0.begin().await?;
        let (status, due, reason, ended) = match end {
            ParcelEnd::Sent => (ParcelStatus::Sent, parcel.due, "", Some(now)),
            ParcelEnd::Again { due, reason } => (ParcelStatus::Waiting, *due, reason.as_str(), None),
            ParcelEnd::Failed { reason } => (ParcelStatus::Failed, parcel.due, reason.as_str(), Some(now)),
        };
        sqlx::query("UPDATE outbox SET status = $2, due = $3, reason = $4, ended = $5 WHERE key = $1")
            .bind(&parcel.key)
            .bind(status.name())
            .bind(millis(due))
            .bind(reason)
            .bind(ended.map(millis))
            .execute(&mut *tx)
            .await?;
        remember(&mut tx, &parcel.destination, &parcel.thread, memory, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps what a thread has to remember while its parcel is still on its way.
    pub async fn remember(&self, destination: &str, thread: &str, memory: &str, now: SystemTime) -> Result<()> {
        let mut tx = self.0.begin().await?;
        remember(&mut tx, destination, thread, memory, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What a thread at a destination remembers, as JSON.
    pub async fn memory(&self, destination: &str, thread: &str) -> Result<Option<String>> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT document FROM threads WHERE destination = $1 AND thread = $2")
                .bind(destination)
                .bind(thread)
                .fetch_optional(self.0.pool())
                .await?;
        Ok(row.map(|(document,)| document))
    }

    /// Forgets deliveries that ended, and threads that nothing was said in, before that time.
    pub async fn purge(&self, before: SystemTime) -> Result<u64> {
        let mut tx = self.0.begin().await?;
        let done = sqlx::query("DELETE FROM outbox WHERE ended < $1").bind(millis(before)).execute(&mut *tx).await?;
        // What a destination as a whole remembers has no thread and stays.
        sqlx::query("DELETE FROM threads WHERE changed < $1 AND thread <> ''")
            .bind(millis(before))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

/// Puts a parcel in, unless its key was put in before.
pub(crate) async fn enqueue(tx: &mut Transaction<'static, Any>, parcel: &NewParcel, now: SystemTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox
         (key, tenant, receiver, destination, thread, document, status, created, place, due, deadline, attempts, reason)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $7, $9, 0, '') ON CONFLICT (key) DO NOTHING",
    )
    .bind(&parcel.key)
    .bind(&parcel.tenant)
    .bind(&parcel.receiver)
    .bind(&parcel.destination)
    .bind(&parcel.thread)
    .bind(&parcel.document)
    .bind(millis(now))
    .bind(i64::from(parcel.place))
    .bind(millis(parcel.deadline))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn remember(
    tx: &mut Transaction<'static, Any>,
    destination: &str,
    thread: &str,
    memory: &str,
    now: SystemTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO threads (destination, thread, document, changed) VALUES ($1, $2, $3, $4)
         ON CONFLICT (destination, thread) DO UPDATE SET document = excluded.document, changed = excluded.changed",
    )
    .bind(destination)
    .bind(thread)
    .bind(memory)
    .bind(millis(now))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn parcel(row: Row) -> Parcel {
    let (key, tenant, receiver, destination, thread, document, status, created, due, deadline, attempts, reason, ended) =
        row;
    let known = ParcelStatus::ALL.into_iter().find(|known| known.name() == status);
    Parcel {
        key,
        tenant,
        receiver,
        destination,
        thread,
        document,
        status: known.unwrap_or(ParcelStatus::Failed),
        created: time(created),
        due: time(due),
        deadline: time(deadline),
        attempts,
        reason,
        ended: ended.map(time),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::NoticeChange;
    use crate::testing::each;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn new(key: &str, place: u32) -> NoticeChange {
        to("chat", key, place)
    }

    fn to(destination: &str, key: &str, place: u32) -> NoticeChange {
        NoticeChange::Enqueue(NewParcel {
            key: key.to_owned(),
            tenant: "t".to_owned(),
            receiver: "ops".to_owned(),
            destination: destination.to_owned(),
            thread: "g".to_owned(),
            document: format!("\"{key}\""),
            place,
            deadline: at(100),
        })
    }

    #[tokio::test]
    async fn each_destination_has_its_own_first_parcel() {
        each(async |state| {
            let outbox = state.outbox();
            let heads = async || {
                let heads = outbox.heads().await.unwrap();
                heads.into_iter().map(|parcel| parcel.key).collect::<Vec<_>>()
            };
            let first = [new("a", 0), new("b", 1), to("mail", "c", 2)];
            state.notices().apply(&first, at(1)).await.unwrap();
            state.notices().apply(&[to("mail", "d", 0)], at(2)).await.unwrap();
            assert_eq!(heads().await, ["a", "c"]);
            let parcel = outbox.begin("a").await.unwrap().unwrap();
            assert_eq!(heads().await, ["a", "c"], "what is on its way is not over");
            outbox.end(&parcel, &ParcelEnd::Sent, "{}", at(3)).await.unwrap();
            assert_eq!(heads().await, ["b", "c"]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_parcel_is_taken_in_once_tried_and_kept_as_a_log() {
        each(async |state| {
            let outbox = state.outbox();
            state.notices().apply(&[new("b", 0), new("a", 1), new("b", 2)], at(1)).await.unwrap();
            let open = async || outbox.heads().await.unwrap().remove(0);
            assert_eq!(open().await.key, "b");
            let parcel = outbox.begin("b").await.unwrap().unwrap();
            assert_eq!((parcel.status, parcel.attempts, parcel.document.as_str()), (ParcelStatus::Sending, 1, "\"b\""));
            let again = ParcelEnd::Again { due: at(7), reason: "busy".to_owned() };
            outbox.end(&parcel, &again, "{}", at(2)).await.unwrap();
            let waits = open().await;
            assert_eq!((waits.status, waits.due, waits.reason.as_str()), (ParcelStatus::Waiting, at(7), "busy"));
            outbox.begin("b").await.unwrap().unwrap();
            outbox.end(&parcel, &ParcelEnd::Sent, r#"{"message":"5"}"#, at(8)).await.unwrap();
            assert_eq!(outbox.begin("b").await.unwrap(), None);
            assert_eq!(outbox.memory("chat", "g").await.unwrap().as_deref(), Some(r#"{"message":"5"}"#));
            assert_eq!(open().await.key, "a");
            // Once sent, the same key is not put in again.
            state.notices().apply(&[new("b", 0)], at(9)).await.unwrap();
            assert_eq!(open().await.key, "a");
            let log = outbox.list("t", 10).await.unwrap();
            assert_eq!(log.len(), 2);
            assert_eq!(outbox.purge(at(8)).await.unwrap(), 0);
            assert_eq!(outbox.purge(at(9)).await.unwrap(), 1);
            assert_eq!(outbox.memory("chat", "g").await.unwrap(), None);
            assert!(outbox.list("other", 10).await.unwrap().is_empty());
        })
        .await;
    }
}
