-- Up to which record of a node's audit trail a receiver has taken all.
CREATE TABLE audit_sent (
    node     TEXT   NOT NULL,
    -- A hash of the receiver's address, which may hold a secret.
    receiver TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    -- Of that record, nanoseconds since 1970.
    time     BIGINT NOT NULL,
    PRIMARY KEY (node, receiver)
);
