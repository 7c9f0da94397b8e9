CREATE TABLE users (
    name         TEXT   NOT NULL PRIMARY KEY,
    display      TEXT   NOT NULL,
    password     TEXT,
    must_change  BIGINT NOT NULL,
    disabled     BIGINT NOT NULL,
    roles        TEXT   NOT NULL,
    groups       TEXT   NOT NULL,
    created      BIGINT NOT NULL,
    failures     BIGINT NOT NULL,
    locked_until BIGINT
);

CREATE TABLE sessions (
    id          TEXT   NOT NULL PRIMARY KEY,
    provider    TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    groups      TEXT   NOT NULL,
    must_change BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    seen        BIGINT NOT NULL,
    expires     BIGINT NOT NULL
);
CREATE INDEX sessions_of ON sessions (provider, subject);

CREATE TABLE tokens (
    name        TEXT   NOT NULL PRIMARY KEY,
    hash        TEXT   NOT NULL UNIQUE,
    owner       TEXT   NOT NULL,
    roles       TEXT   NOT NULL,
    permissions TEXT   NOT NULL,
    services    TEXT   NOT NULL,
    tenants     TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    expires     BIGINT,
    last_used   BIGINT
);
