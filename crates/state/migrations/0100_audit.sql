-- Ends of the chains of audit records, so that the trail cannot be replaced as a whole. Rows are only ever added.
CREATE TABLE audit_anchors (
    node     TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    -- Nanoseconds since 1970, as in the records.
    time     BIGINT NOT NULL,
    hash     TEXT   NOT NULL,
    PRIMARY KEY (node, sequence)
);
