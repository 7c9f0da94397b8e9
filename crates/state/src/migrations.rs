//! Brings a database up to date: numbered files, each applied once, in order, in one transaction.
//!
//! Numbers belong to domains: 1-99 access and what all share, 100-199 identity and audit, 200-299 rules, 300-399
//! notifications. A file that was applied somewhere never changes again: what was applied is kept and compared.

use std::collections::BTreeMap;

use sqlx::{Executor as _, Transaction, any::Any};

use crate::database::Dialect;
use crate::{Error, Kind, Result, State};

struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }),*]
    };
}

/// In order of their numbers.
const ALL: &[Migration] = migrations![
    1 "0001_access",
    2 "0002_shared",
    100 "0100_audit",
    101 "0101_audit_sent",
    200 "0200_alert_states",
    300 "0300_notices",
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number BIGINT NOT NULL PRIMARY KEY,
    name   TEXT   NOT NULL,
    sql    TEXT   NOT NULL
)";

/// Keeps two nodes from migrating at once; any number that nobody else uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7104119)";

/// Applies what is missing.
pub(crate) async fn run(state: &State) -> Result<()> {
    apply(state, ALL).await
}

async fn apply(state: &State, wanted: &[Migration]) -> Result<()> {
    let mut tx = state.begin().await?;
    if state.dialect() == Dialect::Postgres {
        tx.execute(sqlx::raw_sql(LOCK)).await?;
    }
    tx.execute(sqlx::raw_sql(TABLE)).await?;
    let applied: Vec<(i64, String)> = sqlx::query_as("SELECT number, sql FROM migrations").fetch_all(&mut *tx).await?;
    let mut applied: BTreeMap<i64, String> = applied.into_iter().collect();
    for migration in wanted {
        match applied.remove(&migration.number) {
            Some(sql) if sql == migration.sql => {}
            Some(_) => {
                let text =
                    format!("migration `{}` was applied with another text; use the version that did", migration.name);
                return Err(Error::new(Kind::Unusable, text));
            }
            None => step(&mut tx, migration).await?,
        }
    }
    if let Some(number) = applied.keys().next_back() {
        let text =
            format!("the state database is newer than this program (it has migration {number}); use a newer version");
        return Err(Error::new(Kind::Unusable, text));
    }
    tx.commit().await?;
    Ok(())
}

async fn step(tx: &mut Transaction<'static, Any>, migration: &Migration) -> Result<()> {
    tx.execute(sqlx::raw_sql(migration.sql))
        .await
        .map_err(|error| Error::new(Kind::Unusable, format!("migration `{}` failed: {error}", migration.name)))?;
    sqlx::query("INSERT INTO migrations (number, name, sql) VALUES ($1, $2, $3)")
        .bind(migration.number)
        .bind(migration.name)
        .bind(migration.sql)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::each;

    const fn made(number: i64, sql: &'static str) -> Migration {
        Migration { number, name: "made", sql }
    }

    #[test]
    fn numbers_rise_and_names_begin_with_them() {
        assert!(ALL.is_sorted_by(|a, b| a.number < b.number));
        for migration in ALL {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_applied_once_even_below_what_is_there() {
        each(async |state| {
            let extra = [
                made(900, "CREATE TABLE later (x BIGINT); CREATE TABLE second (x BIGINT)"),
                made(800, "CREATE TABLE earlier (x BIGINT)"),
            ];
            let all = |count: usize| {
                ALL.iter()
                    .map(|m| Migration { ..*m })
                    .chain(extra.iter().take(count).map(|m| Migration { ..*m }))
                    .collect::<Vec<_>>()
            };
            apply(&state, &all(1)).await.unwrap();
            apply(&state, &all(2)).await.unwrap();
            apply(&state, &all(2)).await.unwrap();
            sqlx::query("INSERT INTO second (x) VALUES (1)").execute(state.pool()).await.unwrap();
            let newer = apply(&state, ALL).await.unwrap_err();
            assert_eq!(newer.kind(), Kind::Unusable);
            assert!(newer.to_string().contains("900"), "{newer}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_failed_or_changed_migration_changes_nothing() {
        each(async |state| {
            let with = |extra| ALL.iter().map(|m| Migration { ..*m }).chain([extra]).collect::<Vec<_>>();
            let broken = with(made(900, "CREATE TABLE half (x BIGINT); CREATE TABL nonsense"));
            assert_eq!(apply(&state, &broken).await.unwrap_err().kind(), Kind::Unusable);
            apply(&state, &with(made(900, "CREATE TABLE half (x BIGINT)"))).await.unwrap();
            let changed = apply(&state, &with(made(900, "CREATE TABLE other (x BIGINT)"))).await.unwrap_err();
            assert!(changed.to_string().contains("another text"), "{changed}");
        })
        .await;
    }

    #[tokio::test]
    async fn nodes_that_start_together_migrate_once() {
        each(async |state| {
            let extra = || vec![made(900, "CREATE TABLE once (x BIGINT)")];
            let all = || ALL.iter().map(|m| Migration { ..*m }).chain(extra()).collect::<Vec<_>>();
            let (first, second) = (all(), all());
            let (one, two) = tokio::join!(apply(&state, &first), apply(&state, &second));
            one.unwrap();
            two.unwrap();
        })
        .await;
    }
}
