//! Pictures of graphs: nothing is left out, nothing lies on something else.

use super::*;
use crate::fixture::at;
use crate::live::Trails;
use crate::{Basis, Graphs, Select};

fn picture() -> Picture {
    let (graphs, select, trails) = (Graphs::default(), Select::default(), Trails::default());
    let lens = crate::analysis::Lens::new((&trails, &graphs), &select, "order", at("2026-03-16T06:00:00Z"));
    let mut picture = crate::analysis::picture::picture(&lens, None, false);
    for (index, edge) in picture.edges.iter_mut().enumerate() {
        (edge.count, edge.median_ms) = (1_234 >> index, (index != 3).then_some(3_600_000));
    }
    picture.edges.push(PictureEdge {
        from: "CREATED".to_owned(),
        to: "SHIPPED".to_owned(),
        known: false,
        count: 3,
        median_ms: None,
    });
    picture
}

/// Boxes as left, top, right, bottom.
fn boxes(svg: &str) -> Vec<[f64; 4]> {
    let number = |row: &str, name: &str| -> f64 {
        let rest = row.split(&format!(" {name}=\"")).nth(1).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    let rows = svg.lines().filter(|row| row.starts_with("<rect x="));
    rows.map(|row| {
        let (x, y) = (number(row, "x"), number(row, "y"));
        [x, y, x + number(row, "width"), y + number(row, "height")]
    })
    .collect()
}

#[test]
fn dot_has_every_status_and_way() {
    let dot = dot(&picture(), Language::English);
    assert_eq!(dot.matches(" -> ").count(), 13);
    assert!(dot.contains("\"CREATED\" -> \"SUBMITTED\" [label=\"1,234\\n1 h\", penwidth=5.0];"), "{dot}");
    assert!(dot.contains("\"CREATED\" -> \"SHIPPED\" [label=\"3\", color=\"#b42318\", style=dashed];"));
}

#[test]
fn nothing_in_the_picture_lies_on_something_else() {
    let svg = svg(&picture(), Language::Russian);
    let boxes = boxes(&svg);
    // Ten statuses and thirteen labels.
    assert_eq!(boxes.len(), 23);
    for (index, one) in boxes.iter().enumerate() {
        for other in boxes.iter().skip(index + 1) {
            let apart = one[2] <= other[0] || other[2] <= one[0] || one[3] <= other[1] || other[3] <= one[1];
            assert!(apart, "{one:?} lies on {other:?}");
        }
        assert!(0.0 <= one[0] && 0.0 <= one[1]);
    }
    assert!(svg.contains("сейчас") && svg.contains("Граф статусов"));
}

#[test]
fn an_empty_picture_is_one_too() {
    let basis = Basis {
        as_of: at("2026-03-16T06:00:00Z"),
        loading: false,
        object: "model".to_owned(),
        objects: 0,
        open: 0,
        complete_since: None,
    };
    let empty = Picture { basis, discovered: false, statuses: Vec::new(), edges: Vec::new(), document: String::new() };
    assert!(svg(&empty, Language::English).ends_with("</svg>\n"));
    assert!(dot(&empty, Language::English).ends_with("}\n"));
}
