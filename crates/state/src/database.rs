//! The open database: a pool of connections of either kind, transactions, and the door to every repository.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::any::{Any, AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _, Transaction};

use crate::location::address;
use crate::{
    AlertStates, Anchors, AuditSent, Changes, Documents, Error, Kind, Leases, Location, Notices, Outbox, Result,
    Sessions, Tokens, Users, migrations,
};

/// Connections at once; SQLite has one writer anyway.
const CONNECTIONS: u32 = 8;

/// How long to wait for a free connection before saying that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every connection to a file begins with. WAL lets readers read while somebody writes.
const FILE_SETTINGS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000;";

/// What every connection to a server begins with: nothing there may take longer than this.
const SERVER_SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '10s';";

/// Everything the server remembers besides lines. Cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    pool: AnyPool,
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl State {
    /// Opens the database and brings it up to date; a file is made if it is missing, readable for its owner only.
    pub async fn open(location: &Location) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (dialect, address, settings) = match location {
            Location::File(path) => {
                let address = prepare(path).and_then(|()| address(path)).map_err(|error| {
                    Error::new(Kind::Unusable, format!("cannot open the state database `{}`: {error}", path.display()))
                })?;
                (Dialect::Sqlite, address, FILE_SETTINGS)
            }
            Location::Postgres(address) => (Dialect::Postgres, address.reveal().clone(), SERVER_SETTINGS),
        };
        let options: AnyConnectOptions = address.parse().map_err(Error::from)?;
        let options = options.disable_statement_logging();
        if let Location::File(path) = location {
            try_file(&options).await.map_err(|error| Error::from(error).of_file(path))?;
        }
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(sqlx::raw_sql(settings)).await.map(drop) })
            })
            .connect_with(options)
            .await?;
        let state = Self { pool, dialect };
        match (migrations::run(&state).await, location) {
            (Err(error), Location::File(path)) => Err(error.of_file(path)),
            (done, _) => done.map(|()| state),
        }
    }

    /// Waits for running statements and closes.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// People with a password of ours.
    pub const fn users(&self) -> Users<'_> {
        Users(self)
    }

    /// Who is logged in.
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }

    /// Tokens of programs.
    pub const fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }

    /// Named documents of one kind, such as `role`.
    pub const fn documents(&self, kind: &'static str) -> Documents<'_> {
        Documents { state: self, kind }
    }

    /// Counters that tell other nodes that something changed.
    pub const fn changes(&self) -> Changes<'_> {
        Changes(self)
    }

    /// The state of alerts.
    pub const fn alert_states(&self) -> AlertStates<'_> {
        AlertStates(self)
    }

    /// Ends of the chains of audit records.
    pub const fn anchors(&self) -> Anchors<'_> {
        Anchors(self)
    }

    /// What receivers of audit records have taken.
    pub const fn audit_sent(&self) -> AuditSent<'_> {
        AuditSent(self)
    }

    /// Duties that one node has at a time.
    pub const fn leases(&self) -> Leases<'_> {
        Leases(self)
    }

    /// What routing of alerts remembers.
    pub const fn notices(&self) -> Notices<'_> {
        Notices(self)
    }

    /// What is to be delivered, and what was.
    pub const fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }

    pub(crate) const fn pool(&self) -> &AnyPool {
        &self.pool
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A transaction that writes; without `commit` it undoes itself.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>> {
        // SQLite takes the writer's place at once: a reader that becomes a writer later could be refused it.
        let begin = match self.dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        Ok(self.pool.begin_with(begin).await?)
    }
}

/// Connects once: a pool would try a file that is no database again and again, and then say that it does not answer.
async fn try_file(options: &AnyConnectOptions) -> sqlx::Result<()> {
    let mut connection = options.connect().await?;
    connection.execute(sqlx::raw_sql(FILE_SETTINGS)).await?;
    connection.close().await
}

/// Makes the file before SQLite does, so that nobody else can ever read it. Its companions get the same rights.
fn prepare(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests;
