//! LogQL to a DataFusion plan to a Loki answer, always under a Scope.
