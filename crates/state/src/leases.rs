//! Duties that one node has at a time: who evaluates rules, who delivers. The repository to copy from.

use std::time::{Duration, SystemTime};

use crate::time::{millis, time};
use crate::{Result, State};

/// The leases; see [`State::leases`].
#[derive(Clone, Copy, Debug)]
pub struct Leases<'a>(pub(crate) &'a State);

/// A duty held until it expires. Holders renew well before that, and stop when they cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: String,
    /// Counts on whenever it changes hands, so that what a former holder still writes can be told.
    pub term: i64,
    /// Until when.
    pub expires: SystemTime,
}

impl Leases<'_> {
    /// Takes a free or expired lease, or renews the own one, until `now + length`. `None` when somebody else holds it.
    pub async fn take(&self, name: &str, holder: &str, now: SystemTime, length: Duration) -> Result<Option<Lease>> {
        let row: Option<(String, i64, i64)> = sqlx::query_as(
            "INSERT INTO leases (name, holder, term, expires) VALUES ($1, $2, 1, $3)
             ON CONFLICT (name) DO UPDATE SET
                 term = CASE WHEN leases.holder = excluded.holder THEN leases.term ELSE leases.term + 1 END,
                 holder = excluded.holder,
                 expires = excluded.expires
             WHERE leases.holder = excluded.holder OR leases.expires <= $4
             RETURNING holder, term, expires",
        )
        .bind(name)
        .bind(holder)
        .bind(millis(now + length))
        .bind(millis(now))
        .fetch_optional(self.0.pool())
        .await?;
        Ok(row.map(lease))
    }

    /// Gives the own lease back, so that another node need not wait for its end.
    pub async fn release(&self, name: &str, holder: &str) -> Result<()> {
        sqlx::query("UPDATE leases SET expires = 0 WHERE name = $1 AND holder = $2")
            .bind(name)
            .bind(holder)
            .execute(self.0.pool())
            .await?;
        Ok(())
    }

    /// Who holds it, or held it last.
    pub async fn get(&self, name: &str) -> Result<Option<Lease>> {
        let row = sqlx::query_as("SELECT holder, term, expires FROM leases WHERE name = $1")
            .bind(name)
            .fetch_optional(self.0.pool())
            .await?;
        Ok(row.map(lease))
    }
}

fn lease((holder, term, expires): (String, i64, i64)) -> Lease {
    Lease { holder, term, expires: time(expires) }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::testing::each;

    const LENGTH: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn one_holds_it_until_it_expires_or_is_given_back() {
        each(async |state| {
            let at = |second: u64| UNIX_EPOCH + Duration::from_secs(1_000 + second);
            let leases = state.leases();
            let first = leases.take("rules", "one", at(0), LENGTH).await.unwrap().unwrap();
            assert_eq!((first.term, first.expires), (1, at(10)));
            assert_eq!(leases.take("rules", "two", at(9), LENGTH).await.unwrap(), None);
            assert_eq!(leases.take("rules", "one", at(9), LENGTH).await.unwrap().unwrap().term, 1);
            let second = leases.take("rules", "two", at(19), LENGTH).await.unwrap().unwrap();
            assert_eq!((second.holder.as_str(), second.term), ("two", 2));
            leases.release("rules", "one").await.unwrap();
            assert_eq!(leases.take("rules", "one", at(20), LENGTH).await.unwrap(), None);
            leases.release("rules", "two").await.unwrap();
            assert_eq!(leases.take("rules", "one", at(20), LENGTH).await.unwrap().unwrap().term, 3);
            assert_eq!(leases.get("rules").await.unwrap().unwrap().holder, "one");
            assert_eq!(leases.get("other").await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn of_many_who_ask_at_once_one_gets_it() {
        each(async |state| {
            let now = UNIX_EPOCH + Duration::from_secs(1_000);
            let mut set = tokio::task::JoinSet::new();
            for node in 0..12 {
                let state = state.clone();
                set.spawn(
                    async move { state.leases().take("duty", &format!("node-{node}"), now, LENGTH).await.unwrap() },
                );
            }
            assert_eq!(set.join_all().await.into_iter().flatten().count(), 1);
        })
        .await;
    }
}
