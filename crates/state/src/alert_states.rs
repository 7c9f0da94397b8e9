//! The state of alerts, a document for each group of rules.

use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::time::millis;
use crate::{Result, State, json};

/// The state of alerts; see [`State::alert_states`].
#[derive(Clone, Copy, Debug)]
pub struct AlertStates<'a>(pub(crate) &'a State);

/// The state of one group's alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertState<T> {
    /// Whose data it is about.
    pub tenant: String,
    /// The namespace of the group.
    pub namespace: String,
    /// The name of the group.
    pub group: String,
    /// The state.
    pub value: T,
}

impl AlertStates<'_> {
    /// All groups.
    pub async fn all<T: DeserializeOwned>(&self) -> Result<Vec<AlertState<T>>> {
        let rows: Vec<(String, String, String, String)> =
            sqlx::query_as("SELECT tenant, namespace, name, state FROM alert_states").fetch_all(self.0.pool()).await?;
        let read = |(tenant, namespace, group, state): (String, String, String, String)| {
            Ok(AlertState { tenant, namespace, group, value: json::decode("alert state", &state)? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Writes the state of a group in place of what it was.
    pub async fn put<T: Serialize>(
        &self,
        tenant: &str,
        namespace: &str,
        group: &str,
        value: &T,
        now: SystemTime,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO alert_states (tenant, namespace, name, state, changed) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, namespace, name) DO UPDATE
             SET state = excluded.state, changed = excluded.changed",
        )
        .bind(tenant)
        .bind(namespace)
        .bind(group)
        .bind(json::encode(value)?)
        .bind(millis(now))
        .execute(self.0.pool())
        .await?;
        Ok(())
    }

    /// Forgets a group; one that is not there is no error.
    pub async fn remove(&self, tenant: &str, namespace: &str, group: &str) -> Result<()> {
        sqlx::query("DELETE FROM alert_states WHERE tenant = $1 AND namespace = $2 AND name = $3")
            .bind(tenant)
            .bind(namespace)
            .bind(group)
            .execute(self.0.pool())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use crate::testing::each;

    #[tokio::test]
    async fn a_state_is_written_replaced_and_removed() {
        each(async |state| {
            let at = |second| UNIX_EPOCH + Duration::from_secs(second);
            let states = state.alert_states();
            states.put("fake", "shop.yaml", "a", &1, at(1)).await.unwrap();
            states.put("fake", "shop.yaml", "b", &2, at(1)).await.unwrap();
            states.put("fake", "shop.yaml", "a", &3, at(2)).await.unwrap();
            let mut all: Vec<(String, i32)> =
                states.all().await.unwrap().into_iter().map(|one| (one.group, one.value)).collect();
            all.sort();
            assert_eq!(all, [("a".to_owned(), 3), ("b".to_owned(), 2)]);
            states.remove("fake", "shop.yaml", "a").await.unwrap();
            states.remove("fake", "shop.yaml", "a").await.unwrap();
            assert_eq!(states.all::<i32>().await.unwrap().len(), 1);
        })
        .await;
    }
}
