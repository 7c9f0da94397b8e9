//! Tokens of programs. A token is found by its hash; the secret itself is kept nowhere.

use std::time::SystemTime;

use crate::time::{millis, time};
use crate::{Error, Kind, Result, State, changes, json};

/// The tokens; see [`State::tokens`]. Every change but their use counts on the counter [`Tokens::TOPIC`].
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a>(pub(crate) &'a State);

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Unique.
    pub name: String,
    /// Hash of the secret.
    pub hash: String,
    /// Who made it.
    pub owner: String,
    /// Names of its roles.
    pub roles: Vec<String>,
    /// Permissions of its own, by name.
    pub permissions: Vec<String>,
    /// Services it may read, besides what its roles may.
    pub services: Vec<String>,
    /// Tenants it may choose, the default first.
    pub tenants: Vec<String>,
    /// When it was made.
    pub created: SystemTime,
    /// When it ends.
    pub expires: Option<SystemTime>,
    /// When it was used last (not to the second).
    pub last_used: Option<SystemTime>,
}

type Row = (String, String, String, String, String, String, String, i64, Option<i64>, Option<i64>);

impl Tokens<'_> {
    /// The topic of their changes.
    pub const TOPIC: &'static str = "token";

    /// All of them, by name.
    pub async fn all(&self) -> Result<Vec<Token>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, hash, owner, roles, permissions, services, tenants, created, expires, last_used
             FROM tokens ORDER BY name",
        )
        .fetch_all(self.0.pool())
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// Adds one; its name must be free.
    pub async fn add(&self, token: &Token) -> Result<()> {
        let mut tx = self.0.begin().await?;
        sqlx::query(
            "INSERT INTO tokens
             (name, hash, owner, roles, permissions, services, tenants, created, expires, last_used)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)",
        )
        .bind(&token.name)
        .bind(&token.hash)
        .bind(&token.owner)
        .bind(json::encode(&token.roles)?)
        .bind(json::encode(&token.permissions)?)
        .bind(json::encode(&token.services)?)
        .bind(json::encode(&token.tenants)?)
        .bind(millis(token.created))
        .bind(token.expires.map(millis))
        .execute(&mut *tx)
        .await?;
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes when tokens were used last, by hash; many at once.
    pub async fn used(&self, uses: &[(String, SystemTime)]) -> Result<()> {
        let mut tx = self.0.begin().await?;
        for (hash, when) in uses {
            sqlx::query("UPDATE tokens SET last_used = $2 WHERE hash = $1 AND (last_used IS NULL OR last_used < $2)")
                .bind(hash)
                .bind(millis(*when))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes one.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let mut tx = self.0.begin().await?;
        let done = sqlx::query("DELETE FROM tokens WHERE name = $1").bind(name).execute(&mut *tx).await?;
        if done.rows_affected() == 0 {
            return Err(Error::new(Kind::NotFound, format!("there is no token `{name}`")));
        }
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn read(row: Row) -> Result<Token> {
    let (name, hash, owner, roles, permissions, services, tenants, created, expires, last_used) = row;
    Ok(Token {
        name,
        hash,
        owner,
        roles: json::decode("tokens.roles", &roles)?,
        permissions: json::decode("tokens.permissions", &permissions)?,
        services: json::decode("tokens.services", &services)?,
        tenants: json::decode("tokens.tenants", &tenants)?,
        created: time(created),
        expires: expires.map(time),
        last_used: last_used.map(time),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::testing::each;

    #[tokio::test]
    async fn tokens_are_added_used_and_removed() {
        each(async |state| {
            let at = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
            let token = Token {
                name: "grafana".to_owned(),
                hash: "abc".to_owned(),
                owner: "admin".to_owned(),
                roles: vec!["developer".to_owned()],
                permissions: vec!["read".to_owned()],
                services: vec!["shop-api".to_owned()],
                tenants: vec!["fake".to_owned()],
                created: at(5),
                expires: Some(at(500)),
                last_used: None,
            };
            let tokens = state.tokens();
            tokens.add(&token).await.unwrap();
            assert_eq!(tokens.add(&token).await.unwrap_err().kind(), Kind::Taken);
            let twin = Token { name: "twin".to_owned(), ..token.clone() };
            assert_eq!(tokens.add(&twin).await.unwrap_err().kind(), Kind::Taken, "a secret is used once");
            tokens
                .used(&[("abc".to_owned(), at(9)), ("abc".to_owned(), at(7)), ("gone".to_owned(), at(9))])
                .await
                .unwrap();
            assert_eq!(tokens.all().await.unwrap(), [Token { last_used: Some(at(9)), ..token }]);
            assert_eq!(state.changes().number(Tokens::TOPIC).await.unwrap(), 1);
            tokens.remove("grafana").await.unwrap();
            assert_eq!(tokens.remove("grafana").await.unwrap_err().kind(), Kind::NotFound);
        })
        .await;
    }
}
