//! Which pictures of a folder belong to one recording, as a table says.

use anyhow::{Context, Result, bail};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What the column of file names is called, the most telling first; the page knows the same.
const FILE_COLUMNS: [&str; 15] = [
    "filename",
    "file_name",
    "file",
    "filepath",
    "file_path",
    "path",
    "image_path",
    "image_name",
    "image_file",
    "image",
    "image_id",
    "img",
    "picture",
    "photo",
    "id",
];

/// What the column of groups is called.
const GROUP_COLUMNS: [&str; 10] =
    ["group", "group_id", "groups", "subject", "subject_id", "patient", "patient_id", "person", "person_id", "session"];

/// Bytes of a table.
const LARGEST: u64 = 32_000_000;

/// Rows of a table that name a file and its group.
struct Row {
    file: String,
    group: String,
}

/// The groups of pictures, by their files.
pub type Groups = HashMap<PathBuf, String>;

/// What a table says of the pictures at and below some folders, and remarks for a person.
pub fn read(table: &Path, folders: &[(&Path, Vec<PathBuf>)]) -> Result<(Groups, Vec<String>)> {
    let length = std::fs::metadata(table).with_context(|| table.display().to_string())?.len();
    if length > LARGEST {
        bail!("{}: it has {length} bytes, and a table may have {LARGEST}", table.display());
    }
    let text = crate::pictures::read(table)?;
    // What is no UTF-8 cannot be the name of a file that is here either.
    let rows = rows(&String::from_utf8_lossy(&text)).with_context(|| table.display().to_string())?;
    let (groups, remarks) = matched(&rows, folders);
    if groups.is_empty() {
        bail!("{}: it names none of the pictures", table.display());
    }
    Ok((groups, remarks))
}

/// Rows with a comma, semicolon or tab between the columns, under a first row that says what is in which.
fn rows(text: &str) -> Result<Vec<Row>> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let most =
        [b',', b';', b'\t'].into_iter().rev().max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(most.unwrap_or(b','))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let column = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|cell| plain(cell) == *name));
    let (Some(file), Some(group)) = (column(&FILE_COLUMNS), column(&GROUP_COLUMNS)) else {
        let header: String = header.iter().collect::<Vec<_>>().join(", ").chars().take(100).collect();
        bail!(
            "its first row ({header}) names no column of files, such as “file” or “path”, or none of groups, such as “group”"
        );
    };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        if let (Some(file), Some(group)) = (record.get(file), record.get(group))
            && !file.is_empty()
            && !group.is_empty()
        {
            rows.push(Row { file: file.into(), group: group.into() });
        }
    }
    Ok(rows)
}

/// A column's name as it is compared.
fn plain(name: &str) -> String {
    let words = name.trim().to_lowercase();
    words.split([' ', '-', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// Puts the rows on the pictures.
fn matched(rows: &[Row], folders: &[(&Path, Vec<PathBuf>)]) -> (Groups, Vec<String>) {
    let index = Index::new(folders);
    let mut groups = Groups::new();
    let (mut missing, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for Row { file, group } in rows {
        match index.find(file) {
            None => drop(missing.insert(file.as_str())),
            Some(path) => match groups.get(path) {
                None => drop(groups.insert(path.to_path_buf(), group.clone())),
                Some(before) if before != group => drop(twice.insert(file.as_str())),
                Some(_) => {}
            },
        }
    }
    let all: usize = folders.iter().map(|(_, files)| files.len()).sum();
    let distinct = groups.values().collect::<BTreeSet<_>>().len();
    let mut remarks = vec![format!("Groups: {} of {all} pictures in {distinct}", groups.len())];
    let mut remark = |names: &BTreeSet<&str>, what: &str| {
        if let Some(first) = names.first() {
            remarks.push(format!("Groups: {} of the table, such as “{first}”, {what}", count(names.len())));
        }
    };
    remark(&missing, "name no picture, or more than one");
    remark(&twice, "are there twice with different groups: the first counts");
    (groups, remarks)
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 name".into() } else { format!("{rows} names") }
}

/// Pictures by their names in small letters, with and without the ending.
struct Index<'a> {
    files: HashMap<String, Vec<Place<'a>>>,
}

struct Place<'a> {
    path: &'a Path,
    /// Its folders in small letters, from the top, and how many of them lead to the folder of pictures.
    folders: Vec<String>,
    depth: usize,
}

impl<'a> Index<'a> {
    fn new(folders: &'a [(&Path, Vec<PathBuf>)]) -> Self {
        let mut files: HashMap<String, Vec<Place>> = HashMap::new();
        for (dir, paths) in folders {
            let depth = parts(&dir.to_string_lossy()).len();
            for path in paths {
                let mut folders = parts(&path.to_string_lossy());
                let name = folders.pop().unwrap_or_default();
                let stem = name.rsplit_once('.').map(|(stem, _)| stem.to_string());
                for key in std::iter::once(name).chain(stem) {
                    files.entry(key).or_default().push(Place { path, folders: folders.clone(), depth });
                }
            }
        }
        Self { files }
    }

    /// The one picture that is meant by a name or path: its own path ends like that, or that ends like its path below the
    /// folder, which is how an absolute path of another machine looks. None where none is meant, or more than one.
    fn find(&self, written: &str) -> Option<&'a Path> {
        let mut wanted = parts(written);
        let name = wanted.pop()?;
        let meant = |place: &&Place| {
            place.folders.ends_with(&wanted) || wanted.ends_with(place.folders.get(place.depth..).unwrap_or_default())
        };
        let mut meant = self.files.get(&name)?.iter().filter(meant);
        let first = meant.next()?;
        meant.next().is_none().then_some(first.path)
    }
}

fn parts(path: &str) -> Vec<String> {
    let small = path.replace('\\', "/").to_lowercase();
    small.split('/').filter(|part| !["", ".", ".."].contains(part)).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(table: &str, files: &[&str]) -> Vec<(String, String)> {
        let files = files.iter().map(|file| Path::new("data/train").join(file)).collect();
        let (groups, _) = matched(&rows(table).unwrap(), &[(Path::new("data/train"), files)]);
        let mut groups: Vec<_> =
            groups.into_iter().map(|(path, group)| (path.to_string_lossy().into(), group)).collect();
        groups.sort();
        groups
    }

    #[test]
    fn columns_are_called_as_on_the_page() {
        let page = include_str!("../../../www/import/labels.ts");
        let columns = page.split("const COLUMNS = {").nth(1).unwrap().split("} as const").next().unwrap();
        let of = |column: &str| {
            let rest = columns.split(&format!("\n  {column}: [")).nth(1).unwrap();
            let list = rest.split("\n  ],").next().unwrap().split("],\n").next().unwrap().to_string();
            let quoted: Vec<String> = list.split('\'').skip(1).step_by(2).map(Into::into).collect();
            quoted
        };
        // The list of files goes over several lines.
        let files: Vec<String> =
            columns.split("\n  label:").next().unwrap().split('\'').skip(1).step_by(2).map(Into::into).collect();
        assert_eq!(files, FILE_COLUMNS);
        assert_eq!(of("group"), GROUP_COLUMNS);
    }

    #[test]
    fn a_table_names_pictures_in_many_ways() {
        let files = ["cat/1.jpg", "cat/2.JPG", "dog/1.jpg", "dog/3.png"];
        let pair = |file: &str, group: &str| (format!("data/train/{file}"), group.to_string());
        let table = "file,label,group\ncat/1.jpg,cat,a\n/home/me/dog/1.jpg,dog,b\n2.jpg,cat,a\n3,dog,b\n";
        let expected =
            vec![pair("cat/1.jpg", "a"), pair("cat/2.JPG", "a"), pair("dog/1.jpg", "b"), pair("dog/3.png", "b")];
        assert_eq!(grouped(table, &files), expected);
        // A name that two have says nothing, neither do rows without a group; the first of two counts.
        let table = "\u{feff}Image Path;Patient-ID\n1.jpg;x\ncat\\1.jpg;\"y; z\"\ncat/1.jpg;w\n2.jpg;\nnone.jpg;v\n";
        assert_eq!(grouped(table, &files), [pair("cat/1.jpg", "y; z")]);
        let table = "group\tpath\n7\tdata/train/dog/3.png\n";
        assert_eq!(grouped(table, &files), [pair("dog/3.png", "7")]);
    }

    #[test]
    fn a_table_without_the_columns_is_refused() {
        for table in ["", "a,b\n1.jpg,x\n", "file,label\n1.jpg,cat\n", "group\nx\n"] {
            assert!(rows(table).is_err(), "{table}");
        }
    }
}
