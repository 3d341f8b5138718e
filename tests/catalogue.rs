//! The list of backbones that the site offers says what is in them.

mod common;

use common::{backbone, project};
use serde_json::Value;
use std::fs;

#[test]
fn the_list_of_backbones_is_true() {
    let folder = project("www/public/backbones");
    let text = fs::read_to_string(folder.join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&text).unwrap();
    let listed = index["backbones"].as_array().unwrap();
    assert!(listed.iter().any(|entry| entry["folder"] == index["default"]), "the default is one of them");
    for entry in listed {
        let name = entry["folder"].as_str().unwrap();
        let report = backbone(&folder.join(name)).report();
        let again = "is stale: run ./build.sh backbone --index";
        assert_eq!(entry["architecture"], report.architecture, "{name} {again}");
        assert_eq!(entry["label"], report.label, "{name} {again}");
        assert_eq!(entry["inputSize"], report.input_size, "{name} {again}");
        assert_eq!(entry["features"], report.features, "{name} {again}");
        assert_eq!(entry["parameters"], report.parameters, "{name} {again}");
        assert_eq!(entry["license"], report.license, "{name} {again}");
        assert_eq!(entry["source"], report.source, "{name} {again}");
    }
}
