//! Up to which record the receivers of a node's audit trail have taken it.

use crate::{Result, State};

/// What was sent on; see [`State::audit_sent`].
#[derive(Clone, Copy, Debug)]
pub struct AuditSent<'a>(pub(crate) &'a State);

impl AuditSent<'_> {
    /// Number and time (nanoseconds since 1970) of the last record of a node that a receiver took; none if nothing is
    /// known of this receiver.
    pub async fn last(&self, node: &str, receiver: &str) -> Result<Option<(i64, i64)>> {
        let row = sqlx::query_as("SELECT sequence, time FROM audit_sent WHERE node = $1 AND receiver = $2")
            .bind(node)
            .bind(receiver)
            .fetch_optional(self.0.pool())
            .await?;
        Ok(row)
    }

    /// Keeps it, in place of what was known.
    pub async fn keep(&self, node: &str, receiver: &str, (sequence, time): (i64, i64)) -> Result<()> {
        sqlx::query(
            "INSERT INTO audit_sent (node, receiver, sequence, time) VALUES ($1, $2, $3, $4)
             ON CONFLICT (node, receiver) DO UPDATE SET sequence = excluded.sequence, time = excluded.time",
        )
        .bind(node)
        .bind(receiver)
        .bind(sequence)
        .bind(time)
        .execute(self.0.pool())
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::each;

    #[tokio::test]
    async fn each_receiver_of_each_node_has_its_own_place() {
        each(async |state| {
            let sent = state.audit_sent();
            assert_eq!(sent.last("a", "x").await.unwrap(), None);
            for (node, receiver, place) in
                [("a", "x", (1, 10)), ("a", "y", (5, 50)), ("a", "x", (3, 30)), ("b", "x", (9, 90))]
            {
                sent.keep(node, receiver, place).await.unwrap();
            }
            for (node, receiver, place) in [("a", "x", (3, 30)), ("a", "y", (5, 50)), ("b", "x", (9, 90))] {
                assert_eq!(sent.last(node, receiver).await.unwrap(), Some(place));
            }
        })
        .await;
    }
}
