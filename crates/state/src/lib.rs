//! Opens SQLite or PostgreSQL: ordered migrations, typed repositories, leases.
