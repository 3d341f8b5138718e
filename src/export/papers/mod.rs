//! What explains an export and checks it: a README and a script for its program, each in `papers/` as the user gets it.

use super::{ExportFormat, ExportOptions, File};
use crate::classifier::Model;
use crate::error::Result;

/// `README.md` and, where there are golden pictures, what verifies them.
pub(super) fn files(model: Model<'_>, format: ExportFormat, options: &ExportOptions) -> Result<Vec<File>> {
    let verify: &[(&str, &str)] = match format {
        ExportFormat::Onnx => {
            &[("verify.py", include_str!("onnx/verify.py")), ("verify.mjs", include_str!("onnx/verify.mjs"))]
        }
        ExportFormat::Tfjs => &[("verify.mjs", include_str!("tfjs/verify.mjs"))],
        ExportFormat::TeachableMachine => &[("verify.html", include_str!("teachable-machine/verify.html"))],
        ExportFormat::Timm => &[("verify.py", include_str!("timm/verify.py"))],
        ExportFormat::Page => &[],
    };
    let readme = match format {
        ExportFormat::Onnx => include_str!("onnx/README.md"),
        ExportFormat::Tfjs => include_str!("tfjs/README.md"),
        ExportFormat::TeachableMachine => include_str!("teachable-machine/README.md"),
        ExportFormat::Timm => include_str!("timm/README.md"),
        ExportFormat::Page => include_str!("page/README.md"),
    };
    let card = model.backbone.card();
    // Names are the user's: nothing of them is to be taken for formatting.
    let plain = |text: &str| {
        text.chars().map(|c| if c.is_ascii_punctuation() { format!("\\{c}") } else { c.into() }).collect::<String>()
    };
    let classes: String = model.names().iter().map(|name| format!("- {}\n", plain(name))).collect();
    let facts = [
        ("{{name}}", plain(&options.name)),
        ("{{classes}}", classes.trim_end().to_string()),
        ("{{architecture}}", card.architecture.clone()),
        ("{{size}}", card.input_size.to_string()),
        ("{{weights}}", options.weights.name().to_string()),
        ("{{license}}", if card.license.is_empty() { "not stated".into() } else { plain(&card.license) }),
        ("{{version}}", env!("CARGO_PKG_VERSION").to_string()),
    ];
    let readme = facts.iter().fold(readme.to_string(), |text, (place, fact)| text.replace(place, fact));
    let mut files = vec![File::new("README.md", readme)];
    files.extend(verify.iter().map(|(name, text)| File::new(*name, *text)));
    Ok(files)
}
