//! Columns that do not depend on the rows.

use super::*;

const TIME: &str = "2026-11-22T10:00:00Z";

fn page_of(items: &serde_json::Value) -> Page {
    let page = serde_json::json!({"as_of": TIME, "loading": false, "items": items, "total": 1, "next": null});
    serde_json::from_value(page).unwrap()
}

#[test]
fn a_page_has_the_same_columns_with_and_without_rows() {
    let plain = serde_json::json!({"type": "order", "id": "a,b", "status": "CREATED", "since": TIME, "waits_ms": 5, "owner": "shop-api",
        "deadline_ms": null, "stuck": null, "last_event": TIME, "last_error": null});
    let bad = serde_json::json!({"type": "order", "id": "2", "status": "CREATED", "since": TIME, "waits_ms": 5, "owner": "shop-api",
        "deadline_ms": 3, "stuck": {"reason": "deadline", "due": TIME, "overdue_ms": 2}, "last_event": TIME,
        "last_error": {"time": TIME, "service": "shop-api", "endpoint": "GET /x", "http_status": 500, "error": "say \"hi\"", "hidden": false, "trace_id": "t"}});
    let (none, one, both) = (
        page_of(&serde_json::json!([])),
        page_of(&serde_json::json!([plain])),
        page_of(&serde_json::json!([plain, bad])),
    );
    let heading = page(&none);
    assert!(page(&one).starts_with(&heading) && page(&both).starts_with(&heading));
    let rows = page(&both);
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows[0], format!("order,\"a,b\",CREATED,{TIME},5,shop-api,,,,,{TIME},,,,,,"));
    let error = format!("{TIME},shop-api,GET /x,500,\"say \"\"hi\"\"\",t");
    assert_eq!(rows[1], format!("order,2,CREATED,{TIME},5,shop-api,3,deadline,{TIME},2,{TIME},{error}"));
}

#[test]
fn a_summary_has_one_row_a_status() {
    let status = |name: &str| serde_json::json!({"status": name, "owner": null, "open": 2, "stuck": 1, "deadline_ms": 9, "longest_ms": null});
    let types = serde_json::json!([{"type": "order", "open": 4, "stuck": 2, "statuses": [status("A"), status("B")]}]);
    let summary: Summary =
        serde_json::from_value(serde_json::json!({"as_of": TIME, "loading": false, "dropped": 0, "types": types}))
            .unwrap();
    let want = "type,status,owner,open,stuck,deadline_ms,longest_ms\norder,A,,2,1,9,\norder,B,,2,1,9,\n";
    assert_eq!(super::summary(&summary), want);
}
