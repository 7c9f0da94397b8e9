//! People with a password of ours: names, roles, groups, failures at the door.

use std::time::SystemTime;

use stdx::Secret;

use crate::time::{millis, time};
use crate::{Error, Kind, Result, State, changes, json};

/// The users; see [`State::users`]. Every change counts on the counter [`Users::TOPIC`].
#[derive(Clone, Copy, Debug)]
pub struct Users<'a>(pub(crate) &'a State);

/// A person known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they log in with; unique, lower case.
    pub name: String,
    /// How they are called.
    pub display: String,
    /// The hash of their password in PHC form; without one they cannot log in here.
    pub password: Option<Secret<String>>,
    /// They must choose a new password before anything else.
    pub must_change: bool,
    /// They may not come in.
    pub disabled: bool,
    /// Names of their roles.
    pub roles: Vec<String>,
    /// Names of their groups.
    pub groups: Vec<String>,
    /// Since when they are known.
    pub created: SystemTime,
    /// Wrong passwords in a row.
    pub failures: u32,
    /// Until when no password is looked at.
    pub locked_until: Option<SystemTime>,
}

type Row = (String, String, Option<String>, i64, i64, String, String, i64, i64, Option<i64>);

impl Users<'_> {
    /// The topic of their changes.
    pub const TOPIC: &'static str = "user";

    /// All of them, by name.
    pub async fn all(&self) -> Result<Vec<User>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, display, password, must_change, disabled, roles, groups, created, failures, locked_until
             FROM users ORDER BY name",
        )
        .fetch_all(self.0.pool())
        .await?;
        rows.into_iter().map(read).collect()
    }

    /// The one with this name.
    pub async fn get(&self, name: &str) -> Result<Option<User>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, display, password, must_change, disabled, roles, groups, created, failures, locked_until
             FROM users WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(self.0.pool())
        .await?;
        row.map(read).transpose()
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64> {
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM users").fetch_one(self.0.pool()).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Adds one; its name must be free.
    pub async fn add(&self, user: &User) -> Result<()> {
        self.add_all(std::slice::from_ref(user)).await
    }

    /// Adds many, or none of them.
    pub async fn add_all(&self, users: &[User]) -> Result<()> {
        let mut tx = self.0.begin().await?;
        for user in users {
            sqlx::query(
                "INSERT INTO users
                 (name, display, password, must_change, disabled, roles, groups, created, failures, locked_until)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, NULL)",
            )
            .bind(&user.name)
            .bind(&user.display)
            .bind(user.password.as_ref().map(|hash| hash.reveal().clone()))
            .bind(i64::from(user.must_change))
            .bind(i64::from(user.disabled))
            .bind(json::encode(&user.roles)?)
            .bind(json::encode(&user.groups)?)
            .bind(millis(user.created))
            .execute(&mut *tx)
            .await?;
        }
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Adds one if there is nobody at all; of several nodes that try, one succeeds.
    pub async fn add_first(&self, user: &User) -> Result<bool> {
        if self.count().await? > 0 {
            return Ok(false);
        }
        match self.add(user).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Kind::Taken => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Changes who somebody is: display name, roles, groups, whether they may come in.
    pub async fn change(&self, user: &User) -> Result<()> {
        let mut tx = self.0.begin().await?;
        let done = sqlx::query("UPDATE users SET display = $2, disabled = $3, roles = $4, groups = $5 WHERE name = $1")
            .bind(&user.name)
            .bind(&user.display)
            .bind(i64::from(user.disabled))
            .bind(json::encode(&user.roles)?)
            .bind(json::encode(&user.groups)?)
            .execute(&mut *tx)
            .await?;
        found(done.rows_affected(), &user.name)?;
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives somebody another password (PHC form) and forgets their failures.
    pub async fn set_password(&self, name: &str, hash: &Secret<String>, must_change: bool) -> Result<()> {
        let mut tx = self.0.begin().await?;
        let done = sqlx::query(
            "UPDATE users SET password = $2, must_change = $3, failures = 0, locked_until = NULL WHERE name = $1",
        )
        .bind(name)
        .bind(hash.reveal().as_str())
        .bind(i64::from(must_change))
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected(), name)?;
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Counts a wrong password; gives how many there were in a row.
    pub async fn fail(&self, name: &str) -> Result<u32> {
        let row: Option<(i64,)> =
            sqlx::query_as("UPDATE users SET failures = failures + 1 WHERE name = $1 RETURNING failures")
                .bind(name)
                .fetch_optional(self.0.pool())
                .await?;
        Ok(row.map_or(0, |(failures,)| u32::try_from(failures).unwrap_or(u32::MAX)))
    }

    /// Looks at no password of theirs until then.
    pub async fn lock(&self, name: &str, until: SystemTime) -> Result<()> {
        sqlx::query("UPDATE users SET locked_until = $2 WHERE name = $1")
            .bind(name)
            .bind(millis(until))
            .execute(self.0.pool())
            .await?;
        Ok(())
    }

    /// Forgets their failures.
    pub async fn unlock(&self, name: &str) -> Result<()> {
        let done = sqlx::query("UPDATE users SET failures = 0, locked_until = NULL WHERE name = $1")
            .bind(name)
            .execute(self.0.pool())
            .await?;
        found(done.rows_affected(), name)
    }

    /// Removes somebody, and their sessions.
    pub async fn remove(&self, name: &str) -> Result<()> {
        let mut tx = self.0.begin().await?;
        let done = sqlx::query("DELETE FROM users WHERE name = $1").bind(name).execute(&mut *tx).await?;
        found(done.rows_affected(), name)?;
        sqlx::query("DELETE FROM sessions WHERE provider = 'local' AND subject = $1")
            .bind(name)
            .execute(&mut *tx)
            .await?;
        changes::bump(&mut tx, Self::TOPIC).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn found(rows: u64, name: &str) -> Result<()> {
    if rows > 0 { Ok(()) } else { Err(Error::new(Kind::NotFound, format!("there is no user `{name}`"))) }
}

fn read(row: Row) -> Result<User> {
    let (name, display, password, must_change, disabled, roles, groups, created, failures, locked_until) = row;
    Ok(User {
        name,
        display,
        password: password.map(Secret::new),
        must_change: must_change != 0,
        disabled: disabled != 0,
        roles: json::decode("users.roles", &roles)?,
        groups: json::decode("users.groups", &groups)?,
        created: time(created),
        failures: u32::try_from(failures).unwrap_or_default(),
        locked_until: locked_until.map(time),
    })
}

#[cfg(test)]
mod tests;
