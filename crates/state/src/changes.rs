//! Counters by topic: whoever changes something counts on, and other nodes see that they must look again.

use std::collections::BTreeMap;

use sqlx::{Transaction, any::Any};

use crate::{Result, State};

/// The counters; see [`State::changes`].
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a>(pub(crate) &'a State);

const BUMP: &str = "INSERT INTO changes (topic, number) VALUES ($1, 1)
    ON CONFLICT (topic) DO UPDATE SET number = changes.number + 1 RETURNING number";

impl Changes<'_> {
    /// How often this topic changed.
    pub async fn number(&self, topic: &str) -> Result<i64> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT number FROM changes WHERE topic = $1")
            .bind(topic)
            .fetch_optional(self.0.pool())
            .await?;
        Ok(row.map_or(0, |(number,)| number))
    }

    /// How often each topic changed that ever did.
    pub async fn all(&self) -> Result<BTreeMap<String, i64>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT topic, number FROM changes").fetch_all(self.0.pool()).await?;
        Ok(rows.into_iter().collect())
    }

    /// Says that this topic changed.
    pub async fn bump(&self, topic: &str) -> Result<()> {
        sqlx::query(BUMP).bind(topic).execute(self.0.pool()).await?;
        Ok(())
    }
}

/// Says that a topic changed, together with the change; gives the number it has now.
pub(crate) async fn bump(tx: &mut Transaction<'static, Any>, topic: &str) -> Result<i64> {
    let (number,): (i64,) = sqlx::query_as(BUMP).bind(topic).fetch_one(&mut **tx).await?;
    Ok(number)
}
