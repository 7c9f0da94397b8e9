CREATE TABLE alerts (
    tenant      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    document    TEXT NOT NULL,
    PRIMARY KEY (tenant, fingerprint)
);
CREATE TABLE notices (
    group_id    TEXT   NOT NULL,
    integration TEXT   NOT NULL,
    document    TEXT   NOT NULL,
    changed     BIGINT NOT NULL,
    PRIMARY KEY (group_id, integration)
);
CREATE TABLE outbox (
    key         TEXT   NOT NULL PRIMARY KEY,
    tenant      TEXT   NOT NULL,
    receiver    TEXT   NOT NULL,
    destination TEXT   NOT NULL,
    thread      TEXT   NOT NULL,
    document    TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    created     BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    deadline    BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    reason      TEXT   NOT NULL,
    ended       BIGINT
);
CREATE INDEX outbox_open ON outbox (status, created, place);
CREATE INDEX outbox_log ON outbox (tenant, created);
CREATE TABLE threads (
    destination TEXT   NOT NULL,
    thread      TEXT   NOT NULL,
    document    TEXT   NOT NULL,
    changed     BIGINT NOT NULL,
    PRIMARY KEY (destination, thread)
);
CREATE TABLE incidents (
    id       TEXT   NOT NULL PRIMARY KEY,
    tenant   TEXT   NOT NULL,
    is_open  BIGINT NOT NULL,
    started  BIGINT NOT NULL,
    ended    BIGINT,
    document TEXT   NOT NULL
);
CREATE INDEX incidents_open ON incidents (is_open);
CREATE INDEX incidents_time ON incidents (tenant, started);
