//! Named documents of one kind: roles, policies and whatever else is edited as a whole and kept as JSON.

use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::time::{millis, time};
use crate::{Error, Kind, Result, State, changes, json};

/// Documents of one kind; see [`State::documents`]. Every change counts on the kind's counter in
/// [`State::changes`].
#[derive(Clone, Copy, Debug)]
pub struct Documents<'a> {
    pub(crate) state: &'a State,
    pub(crate) kind: &'static str,
}

/// A document with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<T> {
    /// Unique among its kind.
    pub name: String,
    /// What it says.
    pub value: T,
    /// When it was written last.
    pub changed: SystemTime,
    /// Who wrote it last.
    pub author: String,
}

type Row = (String, String, i64, String);

impl Documents<'_> {
    /// All of this kind, by name.
    pub async fn all<T: DeserializeOwned>(&self) -> Result<Vec<Document<T>>> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT name, document, changed, author FROM documents WHERE kind = $1 ORDER BY name")
                .bind(self.kind)
                .fetch_all(self.state.pool())
                .await?;
        rows.into_iter().map(|row| self.read(row)).collect()
    }

    /// The one with this name.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<Document<T>>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT name, document, changed, author FROM documents WHERE kind = $1 AND name = $2")
                .bind(self.kind)
                .bind(name)
                .fetch_optional(self.state.pool())
                .await?;
        row.map(|row| self.read(row)).transpose()
    }

    /// Writes one, in place of what has its name.
    pub async fn put<T: Serialize>(&self, name: &str, value: &T, author: &str, now: SystemTime) -> Result<()> {
        let mut tx = self.state.begin().await?;
        sqlx::query(
            "INSERT INTO documents (kind, name, document, changed, author) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (kind, name) DO UPDATE
             SET document = excluded.document, changed = excluded.changed, author = excluded.author",
        )
        .bind(self.kind)
        .bind(name)
        .bind(json::encode(value)?)
        .bind(millis(now))
        .bind(author)
        .execute(&mut *tx)
        .await?;
        changes::bump(&mut tx, self.kind).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes one.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let mut tx = self.state.begin().await?;
        let done = sqlx::query("DELETE FROM documents WHERE kind = $1 AND name = $2")
            .bind(self.kind)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            return Err(Error::new(Kind::NotFound, format!("there is no {} `{name}`", self.kind)));
        }
        changes::bump(&mut tx, self.kind).await?;
        tx.commit().await?;
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, (name, document, changed, author): Row) -> Result<Document<T>> {
        let value = json::decode(self.kind, &document)?;
        Ok(Document { name, value, changed: time(changed), author })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::testing::each;

    #[tokio::test]
    async fn documents_of_one_kind_are_written_replaced_and_removed() {
        each(async |state| {
            let at = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
            let (fruit, stone) = (state.documents("fruit"), state.documents("stone"));
            fruit.put("b", &vec![1, 2], "anna", at(1)).await.unwrap();
            fruit.put("a", &vec![3], "anna", at(1)).await.unwrap();
            fruit.put("b", &vec![4], "boris", at(2)).await.unwrap();
            let all: Vec<Document<Vec<u8>>> = fruit.all().await.unwrap();
            assert_eq!(all.iter().map(|document| document.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            let b: Document<Vec<u8>> = fruit.get("b").await.unwrap().unwrap();
            assert_eq!((b.value, b.author.as_str(), b.changed), (vec![4], "boris", at(2)));
            assert!(stone.all::<Vec<u8>>().await.unwrap().is_empty());
            assert_eq!(stone.remove("b").await.unwrap_err().kind(), Kind::NotFound);
            fruit.remove("b").await.unwrap();
            assert!(fruit.get::<Vec<u8>>("b").await.unwrap().is_none());
            assert_eq!(state.changes().number("fruit").await.unwrap(), 4);
            assert_eq!(state.changes().number("stone").await.unwrap(), 0);
            let unreadable = fruit.get::<String>("a").await.unwrap_err();
            assert_eq!(unreadable.kind(), Kind::Unusable);
        })
        .await;
    }
}
