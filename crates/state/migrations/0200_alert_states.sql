CREATE TABLE alert_states (
    tenant    TEXT   NOT NULL,
    namespace TEXT   NOT NULL,
    name      TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    changed   BIGINT NOT NULL,
    PRIMARY KEY (tenant, namespace, name)
);
