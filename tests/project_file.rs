//! Project files: what comes back from one, and files that were damaged or made to do harm.

mod common;
mod drawing;

use common::{default_backbone, unpack};
use drawing::{Kind, SIDE, clock, drawn, easy, train};
use headstart::bundle;
use headstart::dataset::Part;
use headstart::engine::EngineChoice;
use headstart::identity::sha256;
use headstart::image::Crop;
use headstart::project::Written;
use headstart::project_file::{About, BackboneMembers, ProjectFile, ProjectFileWriter};
use headstart::train::TrainConfig;
use headstart::{Error, Project};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

type Members = BTreeMap<String, Vec<u8>>;

fn about() -> About {
    About { name: "Shapes".into(), stale: false, backbone: "mobilenet-v2-0.75-128".into() }
}

fn writer() -> ProjectFileWriter<Cursor<Vec<u8>>> {
    ProjectFileWriter::new(Cursor::new(Vec::new()))
}

/// A small file with a member of every kind; what is in them is not looked at until somebody opens the project.
fn small() -> Vec<u8> {
    let mut writer = writer();
    writer.put_picture(7, "moon.JPEG", Some("night"), b"a picture", Some(b"small")).unwrap();
    writer.put_picture(9, "no ending", None, b"another picture", None).unwrap();
    let backbone = BackboneMembers { weights: b"weights".into(), config: Some("{}".into()) };
    writer.put_backbone(&backbone).unwrap();
    let written = Written { project: "{\"written\": 1}".into(), model: Some(b"a model".into()), pictures: None };
    writer.finish(about(), &written).unwrap().into_inner()
}

fn pack<'a>(members: impl IntoIterator<Item = (&'a String, &'a Vec<u8>)>) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        zip.start_file(name.as_str(), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A picture with all that the file says of it, and small.
type Kept = (u32, String, Option<String>, Vec<u8>, Option<Vec<u8>>);

/// All that a file holds.
#[derive(Debug, Clone, PartialEq)]
struct Everything {
    about: About,
    written: Written,
    backbone: Option<BackboneMembers>,
    pictures: Vec<Kept>,
}

fn read(file: &[u8]) -> headstart::Result<Everything> {
    let mut file = ProjectFile::open(Cursor::new(file))?;
    let listed = file.pictures().to_vec();
    let mut pictures = Vec::new();
    for one in listed {
        pictures.push((one.id, one.name.clone(), one.group.clone(), file.picture(&one)?, file.thumbnail(&one)?));
    }
    Ok(Everything { about: file.about().clone(), written: file.written()?, backbone: file.backbone()?, pictures })
}

#[test]
fn what_was_written_is_read() {
    let file = small();
    let Everything { about: told, written, backbone, pictures } = read(&file).unwrap();
    assert_eq!(told, about());
    assert_eq!((written.project.as_str(), written.model), ("{\"written\": 1}", Some(b"a model".to_vec())));
    assert_eq!(backbone, Some(BackboneMembers { weights: b"weights".into(), config: Some("{}".into()) }));
    let first = (7, "moon.JPEG".into(), Some("night".into()), b"a picture".to_vec(), Some(b"small".to_vec()));
    assert_eq!(pictures, [first, (9, "no ending".into(), None, b"another picture".to_vec(), None)]);
    // As the page calls them, and tells of them.
    let members = unpack(&file);
    let names = ["backbone/config.json", "backbone/model.safetensors", "manifest.json", "model.zip", "pictures/7.jpeg"];
    let more = ["pictures/9", "project.json", "thumbnails/7"];
    assert_eq!(members.keys().map(String::as_str).collect::<Vec<_>>(), [&names[..], &more].concat());
    let manifest: Value = serde_json::from_slice(&members["manifest.json"]).unwrap();
    let picture =
        json!({"id": 7, "name": "moon.JPEG", "group": "night", "file": "pictures/7.jpeg", "thumbnail": "thumbnails/7"});
    assert_eq!(manifest["pictures"][0], picture);
    assert_eq!(manifest["members"]["model.zip"], json!({"bytes": 7, "sha256": sha256(b"a model")}));
    assert_eq!(manifest["members"].as_object().unwrap().len(), 7, "every other member");
}

/// Another decoder reads a picture a little differently; it is the same picture all the same.
#[test]
fn a_project_without_its_pixels_gets_them_from_another_decoder() {
    let settings = TrainConfig { epochs: 5.0, learning_rate: 0.01, ..TrainConfig::default() };
    let mut project = easy(default_backbone());
    project.dataset_mut().set_part(3, Part::Test).unwrap();
    train(&mut project, &settings);
    let preprocess = project.backbone().card().preprocess();
    let crop = |id: u32, change: u8| {
        let (kind, number) = if id < 10 { (Kind::Disc, id) } else { (Kind::Stripes, id - 10) };
        let crop = preprocess.crop(&drawn(kind, u64::from(number)), SIDE, SIDE).unwrap();
        Crop::new(crop.size(), crop.rgb().iter().map(|byte| byte ^ change).collect::<Vec<_>>()).unwrap()
    };
    let written = project.write(false).unwrap();
    for change in [0, 1] {
        let open = || block_on(Project::open(EngineChoice::Cpu, default_backbone(), &written, clock)).unwrap();
        let mut again = open();
        block_on(again.restore_pixels((0..20).map(|id| (id, crop(id, change))).collect())).unwrap();
        assert_eq!(again.write(false).unwrap(), written, "each is the picture that it was");
        assert_eq!(again.held_out(), project.held_out());
        let (own, other) = (block_on(project.evaluate()).unwrap().figures, block_on(again.evaluate()).unwrap().figures);
        assert_eq!(own.confusion_matrix, other.confusion_matrix);
        assert_eq!(own == other, change == 0, "other pixels are other figures");
        assert_eq!(block_on(again.evaluate_on_test()).unwrap().answers[0].id, 3);
        // The same settings train on the same pictures, from the same pixels to the same end.
        train(&mut again, &settings);
        assert_eq!(again.held_out(), project.held_out());
        assert_eq!(again.report().unwrap().train_loss == project.report().unwrap().train_loss, change == 0);
        let mut third = open();
        let bad = block_on(third.restore_pixels(vec![(0, crop(0, 0)), (99, crop(1, 0))])).unwrap_err();
        assert_eq!((bad.code(), bad.value()), ("image_unknown", Some("99".into())));
        let wide = Crop::new(4, [0; 48]).unwrap();
        assert_eq!(block_on(third.restore_pixels(vec![(0, wide)])).unwrap_err().code(), "picture_empty");
        assert!(third.dataset().samples().all(|(_, sample)| !sample.has_pixels()), "none has them then");
    }
}

/// A zip of one stored file, byte by byte: real writers refuse to make what is wanted here.
struct Raw {
    name: Vec<u8>,
    /// What the directory says of the length, and what there is.
    told: u32,
    bytes: Vec<u8>,
    method: u16,
    flags: u16,
}

impl Raw {
    fn of(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.into(), told: bytes.len() as u32, bytes: bytes.into(), method: 0, flags: 0 }
    }

    fn fields(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        for field in [20, self.flags, self.method, 0, 0] {
            fields.extend(field.to_le_bytes());
        }
        let mut crc = 0xffff_ffff_u32;
        for byte in &self.bytes {
            crc = (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()));
        }
        for field in [!crc, self.bytes.len() as u32, self.told] {
            fields.extend(field.to_le_bytes());
        }
        fields.extend((self.name.len() as u16).to_le_bytes());
        fields
    }
}

fn zip_of(files: &[Raw]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(file.fields());
        directory.extend([0; 12]);
        directory.extend((zip.len() as u32).to_le_bytes());
        directory.extend(&file.name);
        zip.extend(b"PK\x03\x04");
        zip.extend(file.fields());
        zip.extend([0; 2]);
        zip.extend(&file.name);
        zip.extend(&file.bytes);
    }
    let start = zip.len() as u32;
    zip.extend(&directory);
    let count = files.len().min(0xffff) as u16;
    if files.len() > 0xfffe {
        let end = zip.len() as u64;
        zip.extend(b"PK\x06\x06");
        zip.extend(44_u64.to_le_bytes());
        zip.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for field in [files.len() as u64, files.len() as u64, directory.len() as u64, u64::from(start)] {
            zip.extend(field.to_le_bytes());
        }
        zip.extend(b"PK\x06\x07\0\0\0\0");
        zip.extend(end.to_le_bytes());
        zip.extend(1_u32.to_le_bytes());
    }
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(count.to_le_bytes());
    zip.extend(count.to_le_bytes());
    zip.extend((directory.len() as u32).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

#[test]
fn zips_that_were_made_to_do_harm_are_refused() {
    let named = |name: &str| zip_of(&[Raw::of("manifest.json", b"{}"), Raw::of(name, b"x")]);
    let told = |told: u32, bytes: &[u8]| zip_of(&[Raw { told, ..Raw::of("manifest.json", bytes) }]);
    let many = |count: usize| (0..count).map(|n| Raw::of(&format!("{n}"), b"")).collect::<Vec<_>>();
    let mut bads: Vec<(&str, Vec<u8>, &str, Option<String>)> = vec![
        ("a name of 2,000 letters", named(&"n".repeat(2000)), "zip_name_too_long", Some("2000".into())),
        ("100,001 files", zip_of(&many(100_001)), "zip_too_many_files", Some("100001".into())),
        (
            "a long directory",
            zip_of(&(0..600).map(|n| Raw::of(&format!("{n:060000}"), b"")).collect::<Vec<_>>()),
            "zip_invalid",
            None,
        ),
        ("a length that is too large", told(1 << 30, b"{}"), "zip_entry_too_large", Some("manifest.json".into())),
        ("a length that is a lie", told(1, b"{}"), "zip_invalid", None),
        ("a length that is another lie", told(3, b"{}"), "zip_invalid", None),
        ("two files of one name", zip_of(&[Raw::of("a", b"x"), Raw::of("a", b"y")]), "zip_invalid", None),
        ("a password", zip_of(&[Raw { flags: 1, ..Raw::of("manifest.json", b"{}") }]), "zip_invalid", None),
        (
            "a way of packing of its own",
            zip_of(&[Raw { method: 99, ..Raw::of("manifest.json", b"{}") }]),
            "zip_invalid",
            None,
        ),
    ];
    let huge: Vec<Raw> = (0..6).map(|n| Raw { told: 0xffff_fffe, ..Raw::of(&format!("{n}"), b"") }).collect();
    bads.push(("24 GB in all", zip_of(&huge), "zip_too_large", Some((6 * 0xffff_fffe_u64).to_string())));
    for name in ["../x", "a/../../x", "/etc/passwd", "..\\x", "C:\\x", "\\\\host\\x", "a\0b", "a\nb", ""] {
        let shown = name.escape_debug().to_string();
        bads.push((name, named(name), "zip_unsafe_name", Some(shown)));
    }
    // 300 MB of nothing pack well.
    let spaces = vec![b' '; 40 << 20];
    bads.push(("a bomb", pack(&Members::from([("manifest.json".into(), spaces)])), "zip_entry_too_large", None));
    let mut damaged = zip_of(&[Raw::of("manifest.json", b"{}")]);
    let at = damaged.windows(2).position(|window| window == b"{}").unwrap();
    damaged[at] = b'[';
    bads.push(("other bytes than were packed", damaged, "zip_invalid", None));
    for (what, file, code, value) in bads {
        let error = read(&file).expect_err(what);
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(value.is_none_or(|value| error.value() == Some(value)), "{what}: {:?}", error.value());
    }
    assert_eq!(read(&zip_of(&many(70_000))).unwrap_err().code(), "project_file_kind", "as many as that are read");
}

/// A directory that announces ten million files, without having them, must not be given room for them.
#[test]
fn an_announcement_is_no_file() {
    let mut file = vec![0; 20_000_000];
    file.extend(b"PK\x06\x06");
    file.extend(44_u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for field in [10_000_000_u64, 10_000_000, 600_000_000, 19_000_000] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(20_000_000_u64.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    assert_eq!(read(&file).unwrap_err().code(), "zip_invalid");
}

#[test]
fn project_files_that_are_damaged_or_foreign_are_refused() {
    let good = small();
    let members = unpack(&good);
    let with = |name: &str, bytes: Option<Vec<u8>>| {
        let mut members = members.clone();
        match bytes {
            Some(bytes) => drop(members.insert(name.into(), bytes)),
            None => drop(members.remove(name)),
        }
        pack(&members)
    };
    let manifest = |change: &dyn Fn(&mut Value)| {
        let mut manifest: Value = serde_json::from_slice(&members["manifest.json"]).unwrap();
        change(&mut manifest);
        with("manifest.json", Some(manifest.to_string().into_bytes()))
    };
    let long = "n".repeat(10_000_000);
    // A model is a zip, and may be the last that is left.
    let written = Written { project: String::new(), model: Some(small()), pictures: None };
    let nested = writer().finish(about(), &written).unwrap().into_inner();
    let missing = "project_file_member_missing";
    let bads: Vec<(&str, Vec<u8>, &str, Option<&str>)> = vec![
        ("no byte", Vec::new(), "zip_invalid", None),
        ("text", b"no zip at all".into(), "zip_invalid", None),
        ("half of it", good[..good.len() / 2].into(), "zip_invalid", None),
        ("all but its end", good[..good.len() - 30].into(), "zip_invalid", None),
        ("a zip in what was cut off", nested[..nested.len() - 30].into(), "zip_invalid", None),
        ("something in front of it", [b"in front", &good[..]].concat(), "zip_invalid", None),
        ("no manifest", with("manifest.json", None), "project_file_kind", None),
        ("another one's", with("manifest.json", Some(b"{\"version\": 1}".into())), "project_file_kind", None),
        ("a list", with("manifest.json", Some(b"[1]".into())), "project_file_kind", None),
        ("no JSON", with("manifest.json", Some(b"{\"headstart".into())), "project_file_invalid", None),
        ("a later version", manifest(&|m| m["headstart_project_file"] = json!(99)), "project_file_version", Some("99")),
        (
            "a version of words",
            manifest(&|m| m["headstart_project_file"] = json!("new")),
            "project_file_version",
            Some("\"new\""),
        ),
        (
            "a long version",
            manifest(&|m| m["headstart_project_file"] = json!(long)),
            "project_file_version",
            Some("\"nnnnnnnnnnnnnnnnnnn…"),
        ),
        ("no name", manifest(&|m| drop(m.as_object_mut().unwrap().remove("name"))), "project_file_invalid", None),
        ("a name of 10 MB", manifest(&|m| m["name"] = json!(long)), "project_file_invalid", None),
        ("a recording of 10 MB", manifest(&|m| m["pictures"][0]["group"] = json!(long)), "project_file_invalid", None),
        (
            "a member of 10 MB",
            manifest(&|m| m["members"][&long] = json!({"bytes": 1, "sha256": ""})),
            "project_file_invalid",
            None,
        ),
        ("a number that is none", manifest(&|m| m["pictures"][0]["id"] = json!(-1)), "project_file_invalid", None),
        ("a number twice", manifest(&|m| m["pictures"][0]["id"] = json!(9)), "project_file_invalid", None),
        ("no list of pictures", manifest(&|m| m["pictures"] = json!({})), "project_file_invalid", None),
        ("a file that leads out", manifest(&|m| m["pictures"][0]["file"] = json!("../x")), missing, Some("../x")),
        ("a picture that is missing", with("pictures/9", None), missing, Some("pictures/9")),
        ("no project", with("project.json", None), missing, Some("project.json")),
        ("a model that is missing", with("model.zip", None), missing, Some("model.zip")),
        (
            "a model that is not told of",
            manifest(&|m| drop(m["members"].as_object_mut().unwrap().remove("model.zip"))),
            missing,
            Some("model.zip"),
        ),
        (
            "a picture that was changed",
            with("pictures/9", Some(b"Another picture".into())),
            "project_file_member_changed",
            Some("pictures/9"),
        ),
        (
            "a picture that is longer",
            with("thumbnails/7", Some(b"small.".into())),
            "project_file_member_changed",
            Some("thumbnails/7"),
        ),
        (
            "another hash",
            manifest(&|m| m["members"]["project.json"]["sha256"] = json!(sha256(b""))),
            "project_file_member_changed",
            Some("project.json"),
        ),
        (
            "another length",
            manifest(&|m| m["members"]["model.zip"]["bytes"] = json!(8)),
            "project_file_member_changed",
            Some("model.zip"),
        ),
    ];
    for (what, file, code, value) in bads {
        let error = read(&file).expect_err(what);
        assert_eq!(error.code(), code, "{what}: {error}");
        assert!(value.is_none_or(|value| error.value().as_deref() == Some(value)), "{what}: {:?}", error.value());
        assert!(error.to_string().len() < 300, "{what}: {error}");
    }
    assert!(read(&pack(&members)).is_ok(), "the same members packed again are a project");
}

/// Weights that are no numbers are refused before anything is computed with them.
#[test]
fn a_model_with_weights_that_are_no_numbers_is_refused() {
    let mut project = easy(default_backbone());
    train(&mut project, &TrainConfig { epochs: 1.0, ..TrainConfig::default() });
    let written = project.write(false).unwrap();
    let mut members = unpack(written.model.as_ref().unwrap());
    let weights = members.get_mut("model.safetensors").unwrap();
    let header = u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let names: Value = serde_json::from_slice(&weights[8..8 + header]).unwrap();
    // Of the backbone one that is stored as floats.
    let float = names.as_object().unwrap().iter().find(|(name, info)| {
        name.starts_with("features.") && ["F32", "F16"].contains(&info["dtype"].as_str().unwrap_or_default())
    });
    let (of_backbone, _) = float.expect("a float");
    for (tensor, code) in
        [("head.0.weight", "model_file_invalid"), (of_backbone.as_str(), "backbone_tensor_not_finite")]
    {
        let info = &names[tensor];
        let start = 8 + header + info["data_offsets"][0].as_u64().unwrap() as usize;
        let width = if info["dtype"] == "F32" { 4 } else { 2 };
        let mut members = unpack(written.model.as_ref().unwrap());
        let nan: &[u8] = if width == 4 { &[0, 0, 0xc0, 0x7f] } else { &[0, 0x7e] };
        members.get_mut("model.safetensors").unwrap()[start..start + width].copy_from_slice(nan);
        let written = Written { model: Some(pack(&members)), ..written.clone() };
        let file = writer().finish(about(), &written).unwrap().into_inner();
        let read = ProjectFile::open(Cursor::new(file)).unwrap().written().unwrap();
        let opened = block_on(Project::open(EngineChoice::Cpu, default_backbone(), &read, clock));
        assert_eq!(opened.err().map(|error| error.code()), Some(code), "{tensor} of {info}");
    }
}

/// How often each property is tried; `PROPTEST_CASES=1000000` tries more.
fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    asked.unwrap_or(usual).max(usual)
}

fn config(usual: u32) -> ProptestConfig {
    ProptestConfig {
        cases: cases(usual),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

/// What is done to bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    End(prop::sample::Index),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<prop::sample::Index>;
    let damage = prop_oneof![
        6 => (at(), any::<u8>()).prop_map(|(place, byte)| Damage::Set(place, byte)),
        // Numbers that are at the end of what they may be.
        2 => (at(), prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff])).prop_map(|(place, byte)| Damage::Set(place, byte)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Cut(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(place, bytes)| Damage::Insert(place, bytes)),
        1 => at().prop_map(Damage::End),
    ];
    prop::collection::vec(damage, 1..5)
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        let span = |one: &prop::sample::Index, other: &prop::sample::Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other).min(one.min(other) + 64)
        };
        match damage {
            Damage::Set(place, byte) => bytes[place.index(length)] = *byte,
            Damage::Cut(from, to) => drop(bytes.drain(span(from, to))),
            Damage::Repeat(from, to) => bytes.extend_from_within(span(from, to)),
            Damage::Insert(place, more) => drop(bytes.splice(place.index(length)..place.index(length), more.clone())),
            Damage::End(place) => bytes.truncate(place.index(length)),
        }
    }
    bytes
}

/// Counts inputs, and says how many there were when the last one is through.
fn tried(what: &str, all: u32, count: &AtomicUsize) {
    if count.fetch_add(1, Ordering::Relaxed) + 1 == all as usize {
        println!("{what}: {all} inputs");
    }
}

fn is_coded(error: &Error) -> bool {
    ["zip_", "project_file_"].iter().any(|prefix| error.code().starts_with(prefix))
}

/// The written form of a project that has a test set and no model.
fn untrained() -> &'static String {
    static WRITTEN: OnceLock<String> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let mut project = easy(default_backbone());
        project.dataset_mut().set_part(3, Part::Test).unwrap();
        project.write(false).unwrap().project
    })
}

/// A saved model.
fn model() -> &'static Vec<u8> {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    MODEL.get_or_init(|| {
        let mut project = easy(default_backbone());
        train(&mut project, &TrainConfig { epochs: 1.0, ..TrainConfig::default() });
        project.save().unwrap()
    })
}

static DAMAGED: AtomicUsize = AtomicUsize::new(0);
static RANDOM: AtomicUsize = AtomicUsize::new(0);
static MANIFESTS: AtomicUsize = AtomicUsize::new(0);
static ARCHIVES: AtomicUsize = AtomicUsize::new(0);
static PROJECTS: AtomicUsize = AtomicUsize::new(0);
static MODELS: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(config(20_000))]

    /// A damaged file is refused, or the damage is where it does not matter: never is another byte read than was written.
    #[test]
    fn a_damaged_file_is_refused_or_whole(damages in damages()) {
        let good = small();
        let whole = read(&good).unwrap();
        match read(&damaged(good, &damages)) {
            Ok(found) => prop_assert_eq!(found, whole),
            Err(error) => prop_assert!(is_coded(&error), "{}", error.code()),
        }
        tried("damaged project files", cases(20_000), &DAMAGED);
    }

    #[test]
    fn random_bytes_are_no_project(bytes: Vec<u8>) {
        prop_assert!(is_coded(&read(&bytes).unwrap_err()));
        tried("random bytes", cases(20_000), &RANDOM);
    }

    /// A manifest that is damaged before it is packed, so that no checksum of the zip gives it away.
    #[test]
    fn a_damaged_manifest_never_gives_other_bytes(damages in damages()) {
        let mut members = unpack(&small());
        let manifest = members.remove("manifest.json").unwrap();
        members.insert("manifest.json".into(), damaged(manifest, &damages));
        match read(&pack(&members)) {
            Ok(found) => prop_assert!(found.pictures.iter().all(|(_, _, _, bytes, _)| members.values().any(|own| own == bytes))),
            Err(error) => prop_assert!(is_coded(&error), "{}", error.code()),
        }
        tried("damaged manifests", cases(20_000), &MANIFESTS);
    }

    /// Archives of files with any names, lengths and kinds.
    #[test]
    fn random_archives_are_no_projects(
        files in prop::collection::vec((".{0,12}|manifest\\.json|project\\.json", any::<u32>(), any::<Vec<u8>>(), 0_u16..13, 0_u16..3, any::<bool>()), 0..6),
        damages in damages(),
    ) {
        let raw = |(name, told, bytes, method, flags, honest): (String, u32, Vec<u8>, u16, u16, bool)| {
            let told = if honest { bytes.len() as u32 } else { told };
            Raw { name: name.into_bytes(), told, bytes, method: if honest { 0 } else { method }, flags: if honest { 0 } else { flags } }
        };
        let archive = zip_of(&files.into_iter().map(raw).collect::<Vec<_>>());
        prop_assert!(is_coded(&read(&archive).unwrap_err()));
        prop_assert!(is_coded(&read(&damaged(archive, &damages)).unwrap_err()));
        tried("random archives, each also damaged", cases(20_000), &ARCHIVES);
    }
}

proptest! {
    #![proptest_config(config(400))]

    /// The written form, damaged before it is hashed.
    #[test]
    fn a_damaged_project_never_panics(damages in damages()) {
        let text = String::from_utf8_lossy(&damaged(untrained().clone().into_bytes(), &damages)).into_owned();
        let written = Written { project: text, model: None, pictures: None };
        if let Err(error) = block_on(Project::open(EngineChoice::Cpu, default_backbone(), &written, clock)) {
            prop_assert_eq!(error.code(), "project_file_invalid");
        }
        tried("damaged written forms", cases(400), &PROJECTS);
    }

    /// A saved model, damaged before it is hashed.
    #[test]
    fn a_damaged_model_never_panics(damages in damages(), header in any::<bool>()) {
        let bytes = if header {
            // Where a reader trusts: names, shapes and offsets of its tensors.
            let mut members = unpack(model());
            let weights = members.remove("model.safetensors").unwrap();
            let (head, rest) = weights.split_at(20_000);
            members.insert("model.safetensors".into(), [&damaged(head.to_vec(), &damages)[..], rest].concat());
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            for (name, bytes) in &members {
                zip.start_file(name.as_str(), options).unwrap();
                zip.write_all(bytes).unwrap();
            }
            zip.finish().unwrap().into_inner()
        } else {
            damaged(model().clone(), &damages)
        };
        if let Err(error) = bundle::load(&bytes) {
            prop_assert!(["model_file_", "backbone_"].iter().any(|prefix| error.code().starts_with(prefix)), "{}", error.code());
        }
        tried("damaged models", cases(400), &MODELS);
    }
}
