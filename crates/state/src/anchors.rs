//! Ends of the chains of audit records, kept apart from the records themselves.

use crate::{Result, State};

/// The anchors; see [`State::anchors`].
#[derive(Clone, Copy, Debug)]
pub struct Anchors<'a>(pub(crate) &'a State);

/// A record that was the newest of its node at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The node.
    pub node: String,
    /// The record's number.
    pub sequence: i64,
    /// Its time, in nanoseconds since 1970.
    pub time: i64,
    /// Its hash.
    pub hash: String,
}

impl Anchors<'_> {
    /// Keeps one. One that is there already stays as it is.
    pub async fn add(&self, anchor: &Anchor) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_anchors (node, sequence, time, hash) VALUES ($1, $2, $3, $4)
             ON CONFLICT (node, sequence) DO NOTHING",
        )
        .bind(&anchor.node)
        .bind(anchor.sequence)
        .bind(anchor.time)
        .bind(&anchor.hash)
        .execute(self.0.pool())
        .await?;
        Ok(())
    }

    /// All of all nodes, those of one node in their order.
    pub async fn all(&self) -> Result<Vec<Anchor>> {
        let rows: Vec<(String, i64, i64, String)> =
            sqlx::query_as("SELECT node, sequence, time, hash FROM audit_anchors ORDER BY node, sequence")
                .fetch_all(self.0.pool())
                .await?;
        Ok(rows.into_iter().map(|(node, sequence, time, hash)| Anchor { node, sequence, time, hash }).collect())
    }

    /// Forgets those of records that are older than a time: they are kept no longer either. Of each node the newest of
    /// these stays: its chain may go on there, and after a silence the oldest record that is kept follows it. Gives how
    /// many.
    pub async fn forget(&self, before: i64) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM audit_anchors WHERE time < $1 AND sequence <
             (SELECT MAX(newest.sequence) FROM audit_anchors AS newest
              WHERE newest.node = audit_anchors.node AND newest.time < $1)",
        )
        .bind(before)
        .execute(self.0.pool())
        .await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each;

    #[tokio::test]
    async fn an_anchor_stays_as_it_was_first_written() {
        each(async |state| {
            let anchor = |node: &str, sequence: i64, hash: &str| Anchor {
                node: node.to_owned(),
                sequence,
                time: sequence,
                hash: hash.to_owned(),
            };
            for one in [anchor("b", 1, "x"), anchor("a", 2, "y"), anchor("a", 1, "z"), anchor("a", 2, "forged")] {
                state.anchors().add(&one).await.unwrap();
            }
            let want = [anchor("a", 1, "z"), anchor("a", 2, "y"), anchor("b", 1, "x")];
            assert_eq!(state.anchors().all().await.unwrap(), want);
            assert_eq!(state.anchors().forget(9).await.unwrap(), 1);
            assert_eq!(state.anchors().all().await.unwrap(), [anchor("a", 2, "y"), anchor("b", 1, "x")]);
        })
        .await;
    }

    #[tokio::test]
    async fn the_anchor_before_a_long_silence_outlives_the_records_behind_it() {
        each(async |state| {
            let anchor = |sequence, time| Anchor { node: "a".to_owned(), sequence, time, hash: "x".to_owned() };
            for one in [anchor(1, 10), anchor(2, 20), anchor(3, 90)] {
                state.anchors().add(&one).await.unwrap();
            }
            assert_eq!(state.anchors().forget(50).await.unwrap(), 1);
            assert_eq!(state.anchors().all().await.unwrap(), [anchor(2, 20), anchor(3, 90)]);
        })
        .await;
    }
}
