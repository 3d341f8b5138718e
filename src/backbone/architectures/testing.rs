//! What the tests of every architecture look at.

use super::{Architecture, CardFile};

/// A card that says nothing but the architecture's name.
pub(super) fn card(architecture: &str) -> CardFile {
    let cfg = r#"{"input_size":[3,224,224],"mean":[0,0,0],"std":[1,1,1]}"#;
    serde_json::from_str(&format!(r#"{{"architecture":"{architecture}","pretrained_cfg":{cfg}}}"#)).unwrap()
}

/// Shape behind each stage, `[channels, height, width]`, for a square picture of this side.
pub(super) fn shapes(architecture: &Architecture, size: usize) -> Vec<[usize; 3]> {
    let mut shape = [3, size, size];
    let through = architecture.stages.iter().map(|stage| {
        assert_eq!(stage.inputs, shape[0], "channels before {}", stage.name);
        shape = *stage.shapes([shape[1], shape[2]]).unwrap().last().unwrap();
        assert_eq!(stage.outputs, shape[0], "channels behind {}", stage.name);
        shape
    });
    through.collect()
}

/// Parameters, and multiplications of one picture.
pub(super) fn counts(architecture: &Architecture, size: usize) -> (usize, f64) {
    let tensors = architecture.stages.iter().flat_map(|stage| stage.tensors(false));
    let parameters = tensors.filter(|tensor| !tensor.role.is_statistic());
    let parameters = parameters.map(|tensor| tensor.shape.iter().product::<usize>()).sum();
    let before = std::iter::once([3, size, size]).chain(shapes(architecture, size));
    let multiplications =
        architecture.stages.iter().zip(before).map(|(stage, [_, h, w])| stage.multiplications([h, w]));
    (parameters, multiplications.sum())
}

/// Names of the tensors, those of BatchNorm included, in order of computation.
pub(super) fn names(architecture: &Architecture) -> Vec<String> {
    architecture.stages.iter().flat_map(|stage| stage.tensors(false)).map(|tensor| tensor.name).collect()
}
