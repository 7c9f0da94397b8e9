//! Follows an order through its statuses: events, path, dwell, stuck.
