//! Loki's rule routes as far as clients ask them before there are rules: none are there.

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::HttpError;

/// Groups of rules in Prometheus's shape.
pub(crate) async fn groups() -> Json<Value> {
    Json(json!({"status": "success", "data": {"groups": []}, "errorType": "", "error": ""}))
}

/// Alerts that fire or wait.
pub(crate) async fn alerts() -> Json<Value> {
    Json(json!({"status": "success", "data": {"alerts": []}, "errorType": "", "error": ""}))
}

/// The stored rules; Loki has no word for an empty list but this one.
pub(crate) async fn list() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "no rule groups found")
}
