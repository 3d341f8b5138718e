//! The shape of the code: modules of the library import each other one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The library's modules with those that each names: `crate::NAME` anywhere in its code.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files(&src).into_iter().filter(|file| !file.starts_with(src.join("bin")) && !file.ends_with("lib.rs")) {
        let first = file.strip_prefix(&src).unwrap().components().next().unwrap();
        let module = Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_string();
        let of = imports.entry(module).or_default();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        // `use crate::{engine::…, nn::…};` over several lines too.
        for part in code.split("crate::").skip(1) {
            let names = match part.strip_prefix('{') {
                Some(list) => list.split("};").next().unwrap().replace(['{', '}'], ","),
                None => part.to_string(),
            };
            let first_of = |item: &str| {
                let item = item.trim();
                item[..item.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(item.len())].to_string()
            };
            if part.starts_with('{') {
                of.extend(names.split(',').map(first_of));
            } else {
                of.insert(first_of(&names));
            }
        }
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for (module, of) in &mut imports {
        of.retain(|name| modules.contains(name) && name != module);
    }
    imports
}

/// A circle that begins with `path`, where there is one.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>, path: &[String]) -> Option<Vec<String>> {
    imports[path.last()?].iter().find_map(|next| {
        let mut longer = path.to_vec();
        longer.push(next.clone());
        if *next == path[0] {
            return Some(longer);
        }
        // A circle without the beginning is found from another one.
        if path.contains(next) { None } else { circle(imports, &longer) }
    })
}

#[test]
fn imports_point_one_way() {
    let imports = imports();
    assert!(
        imports["project"].contains("dataset") && imports["backbone"].contains("nn"),
        "imports are read: {imports:?}"
    );
    let circles: Vec<_> = imports.keys().filter_map(|module| circle(&imports, std::slice::from_ref(module))).collect();
    assert!(circles.is_empty(), "{circles:?}");
    assert!(!imports.iter().any(|(module, of)| module != "web" && of.contains("web")), "core knows no JavaScript");
}
