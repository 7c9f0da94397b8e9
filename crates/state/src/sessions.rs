//! Who is logged in. A session is found by the hash of its secret id, so that a stolen database opens no door.

use std::time::SystemTime;

use crate::time::{millis, time};
use crate::{Result, State, json};

/// The sessions; see [`State::sessions`].
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a>(pub(crate) &'a State);

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Hash of the secret id.
    pub id: String,
    /// Who vouched for them: `local`, or the name of a directory or provider.
    pub provider: String,
    /// Who they are there.
    pub subject: String,
    /// How they are called here.
    pub name: String,
    /// The groups they had at the time.
    pub groups: Vec<String>,
    /// They must choose a new password before anything else.
    pub must_change: bool,
    /// When they logged in.
    pub created: SystemTime,
    /// When they were seen last (not to the second).
    pub seen: SystemTime,
    /// When it ends in any case.
    pub expires: SystemTime,
}

type Row = (String, String, String, String, String, i64, i64, i64, i64);

impl Sessions<'_> {
    /// Begins one.
    pub async fn add(&self, session: &Session) -> Result<()> {
        sqlx::query(
            "INSERT INTO sessions (id, provider, subject, name, groups, must_change, created, seen, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&session.id)
        .bind(&session.provider)
        .bind(&session.subject)
        .bind(&session.name)
        .bind(json::encode(&session.groups)?)
        .bind(i64::from(session.must_change))
        .bind(millis(session.created))
        .bind(millis(session.seen))
        .bind(millis(session.expires))
        .execute(self.0.pool())
        .await?;
        Ok(())
    }

    /// The one with this hash.
    pub async fn get(&self, id: &str) -> Result<Option<Session>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, provider, subject, name, groups, must_change, created, seen, expires
             FROM sessions WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(self.0.pool())
        .await?;
        row.map(read).transpose()
    }

    /// Those of one person, the youngest first.
    pub async fn of(&self, provider: &str, subject: &str) -> Result<Vec<Session>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, provider, subject, name, groups, must_change, created, seen, expires
             FROM sessions WHERE provider = $1 AND subject = $2 ORDER BY created DESC",
        )
        .bind(provider)
        .bind(subject)
        .fetch_all(self.0.pool())
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// Notes that somebody was seen.
    pub async fn seen(&self, id: &str, now: SystemTime) -> Result<()> {
        sqlx::query("UPDATE sessions SET seen = $2 WHERE id = $1 AND seen < $2")
            .bind(id)
            .bind(millis(now))
            .execute(self.0.pool())
            .await?;
        Ok(())
    }

    /// Ends one.
    pub async fn remove(&self, id: &str) -> Result<()> {
        sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id).execute(self.0.pool()).await?;
        Ok(())
    }

    /// Ends all of one person; gives how many.
    pub async fn remove_of(&self, provider: &str, subject: &str) -> Result<u64> {
        let done = sqlx::query("DELETE FROM sessions WHERE provider = $1 AND subject = $2")
            .bind(provider)
            .bind(subject)
            .execute(self.0.pool())
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets those that ended before `now` or were last seen before `idle_since`.
    pub async fn purge(&self, now: SystemTime, idle_since: SystemTime) -> Result<u64> {
        let done = sqlx::query("DELETE FROM sessions WHERE expires <= $1 OR seen < $2")
            .bind(millis(now))
            .bind(millis(idle_since))
            .execute(self.0.pool())
            .await?;
        Ok(done.rows_affected())
    }
}

fn read(row: Row) -> Result<Session> {
    let (id, provider, subject, name, groups, must_change, created, seen, expires) = row;
    Ok(Session {
        id,
        provider,
        subject,
        name,
        groups: json::decode("sessions.groups", &groups)?,
        must_change: must_change != 0,
        created: time(created),
        seen: time(seen),
        expires: time(expires),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::testing::each;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn session(id: &str, subject: &str, second: u64) -> Session {
        Session {
            id: id.to_owned(),
            provider: "local".to_owned(),
            subject: subject.to_owned(),
            name: subject.to_owned(),
            groups: vec!["g".to_owned()],
            must_change: false,
            created: at(second),
            seen: at(second),
            expires: at(second + 100),
        }
    }

    #[tokio::test]
    async fn sessions_begin_are_seen_and_end() {
        each(async |state| {
            let sessions = state.sessions();
            for (id, subject, second) in [("a", "anna", 10), ("b", "anna", 20), ("c", "boris", 30), ("d", "boris", 90)]
            {
                sessions.add(&session(id, subject, second)).await.unwrap();
            }
            assert_eq!(sessions.get("a").await.unwrap(), Some(session("a", "anna", 10)));
            assert_eq!(
                sessions.of("local", "anna").await.unwrap().iter().map(|s| s.id.as_str()).collect::<Vec<_>>(),
                ["b", "a"]
            );
            sessions.seen("a", at(60)).await.unwrap();
            sessions.seen("a", at(50)).await.unwrap();
            assert_eq!(sessions.get("a").await.unwrap().unwrap().seen, at(60));
            assert_eq!(sessions.purge(at(115), at(25)).await.unwrap(), 2, "a has ended, b was idle");
            assert!(sessions.of("local", "anna").await.unwrap().is_empty());
            sessions.remove("c").await.unwrap();
            assert_eq!(sessions.remove_of("local", "boris").await.unwrap(), 1);
            assert_eq!(sessions.get("d").await.unwrap(), None);
        })
        .await;
    }
}
