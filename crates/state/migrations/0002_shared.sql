CREATE TABLE documents (
    kind     TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    document TEXT   NOT NULL,
    changed  BIGINT NOT NULL,
    author   TEXT   NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE TABLE changes (
    topic  TEXT   NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

CREATE TABLE leases (
    name    TEXT   NOT NULL PRIMARY KEY,
    holder  TEXT   NOT NULL,
    term    BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
