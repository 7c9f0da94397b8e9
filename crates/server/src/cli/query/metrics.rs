//! Prints series and numbers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lines::{braces, quoted};
use super::output::{Output, Shape};
use crate::cli::{Failure, time};

/// The result of a metric query, in the shape that is wanted.
pub(super) fn shown(data: &Value, output: &Output) -> Result<String, Failure> {
    let zone = time::zone(output.zone())?;
    let result = data["result"].as_array().cloned().unwrap_or_default();
    if data["resultType"] == "scalar" {
        return Ok(format!("{}\n", text(&data["result"][1])));
    }
    match output.shape() {
        Shape::Json => {
            return serde_json::to_string_pretty(&result)
                .map(|text| text + "\n")
                .map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")));
        }
        Shape::Jsonl => return Ok(result.iter().map(|series| format!("{series}\n")).collect()),
        Shape::Default | Shape::Table | Shape::Raw | Shape::Csv => {}
    }
    let csv = output.shape() == Shape::Csv;
    let mut out = if csv { "labels,timestamp,value\n".to_owned() } else { String::new() };
    for series in &result {
        let labels: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone()).unwrap_or_default();
        let labels = braces(&labels);
        let points = match &series["values"] {
            Value::Array(points) => points.clone(),
            _ => vec![series["value"].clone()],
        };
        for (index, point) in points.iter().enumerate() {
            let (at, value) = (time::shown(nanos(&point[0]), &zone), text(&point[1]));
            if csv {
                out += &format!("{},{at},{value}\n", quoted(&labels));
            } else if points.len() == 1 {
                out += &format!("{labels} {value}\n");
            } else {
                let heading = if index == 0 { format!("{labels}\n") } else { String::new() };
                out += &format!("{heading}  {at} {value}\n");
            }
        }
    }
    Ok(out)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Seconds with a fraction as nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 saturates")]
pub(crate) fn nanos(seconds: &Value) -> i64 {
    (seconds.as_f64().unwrap_or(0.0) * 1e3).round() as i64 * 1_000_000
}
