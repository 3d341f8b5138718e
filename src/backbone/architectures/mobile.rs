//! What the mobile families share: a stem, rows of blocks as their papers' tables give them, and timm's names of the
//! tensors (`blocks.GROUP.BLOCK.conv_pw` and so on; `timm/models/_efficientnet_blocks.py`).

#[cfg(test)]
use super::testing;
use crate::nn::{Activation, ConvSpec, Padding, StageBuilder, StageSpec, Value};

/// Whether a tensor is timm's classifier of the pretraining.
pub(super) fn is_classifier(name: &str) -> bool {
    matches!(name, "classifier.weight" | "classifier.bias")
}

/// Rounds to a multiple of 8, at least 8 and never down by more than a tenth, as the reference implementation of
/// MobileNetV2 does and all families after it.
pub(super) fn divisible(channels: f64) -> usize {
    let rounded = ((channels + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// Whose implementation pretrained the weights, where it decides what the same layers compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// timm's own training.
    Timm,
    /// TensorFlow's weights in timm's layout, named `tf_…`: its padding and its ε.
    TensorFlow,
    /// torchvision's MobileNetV3, which has TensorFlow's ε and PyTorch's padding.
    Torchvision,
}

impl Port {
    fn padding(self) -> Padding {
        if self == Self::TensorFlow { Padding::Same } else { Padding::Half }
    }

    fn epsilon(self) -> f64 {
        if self == Self::Timm { 1e-5 } else { 1e-3 }
    }
}

/// What holds for a whole network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Factor on the channels of the blocks.
    pub width: f64,
    /// The activation where a block names no other.
    pub activation: Activation,
    /// Squeeze-and-excitation of the blocks that have one; `None` leaves it out of all.
    pub squeeze: Option<Squeeze>,
    pub port: Port,
}

/// Squeeze-and-excitation (Hu and others, 2018), as a family has it: pool, reduce, expand, gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Squeeze {
    /// The reduced channels, of the block's input and of the layer that is gated.
    pub reduced: fn(inputs: usize, hidden: usize) -> usize,
    /// Activation of the reduced channels.
    pub inner: Activation,
    /// Activation of the gate.
    pub gate: Activation,
}

/// What a block is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Depthwise, then pointwise; with an activation at the end it has no shortcut (MobileNetV1, LCNet).
    Separable { active: bool },
    /// Pointwise to `expansion` times the channels, depthwise, pointwise (MobileNetV2 and later).
    Inverted { expansion: f64 },
    /// One convolution.
    Plain,
    /// MobileNetV4's: an inverted one with a further depthwise convolution in front; a kernel of 0 leaves one out.
    Universal { expansion: f64, start: usize },
}

/// A row of an architecture's table: like blocks one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    kind: Kind,
    /// Kernel of the depthwise (or the plain) convolution.
    kernel: usize,
    /// Stride of the first block; the others have 1.
    stride: usize,
    /// Output channels at width 1.
    channels: usize,
    repeats: usize,
    squeezed: bool,
    activation: Option<Activation>,
}

/// Rows that timm numbers as one group.
pub(super) type Group = &'static [Blocks];

const fn blocks(kind: Kind, kernel: usize, stride: usize, channels: usize) -> Blocks {
    Blocks { kind, kernel, stride, channels, repeats: 1, squeezed: false, activation: None }
}

/// Depthwise and pointwise convolution, the second without an activation (timm's `ds`).
pub(super) const fn separable(kernel: usize, stride: usize, channels: usize) -> Blocks {
    blocks(Kind::Separable { active: false }, kernel, stride, channels)
}

/// Depthwise and pointwise convolution, both with an activation (timm's `dsa`).
pub(super) const fn separable_active(kernel: usize, stride: usize, channels: usize) -> Blocks {
    blocks(Kind::Separable { active: true }, kernel, stride, channels)
}

/// Expansion, depthwise convolution, projection (timm's `ir`).
pub(super) const fn inverted(expansion: f64, kernel: usize, stride: usize, channels: usize) -> Blocks {
    blocks(Kind::Inverted { expansion }, kernel, stride, channels)
}

/// One convolution (timm's `cn`).
pub(super) const fn plain(kernel: usize, stride: usize, channels: usize) -> Blocks {
    blocks(Kind::Plain, kernel, stride, channels)
}

/// MobileNetV4's block with the kernels of its two depthwise convolutions, 0 where there is none (timm's `uir`).
pub(super) const fn universal(expansion: f64, kernels: [usize; 2], stride: usize, channels: usize) -> Blocks {
    blocks(Kind::Universal { expansion, start: kernels[0] }, kernels[1], stride, channels)
}

impl Blocks {
    pub const fn times(self, repeats: usize) -> Self {
        Self { repeats, ..self }
    }

    pub const fn squeezed(self) -> Self {
        Self { squeezed: true, ..self }
    }

    pub const fn with(self, activation: Activation) -> Self {
        Self { activation: Some(activation), ..self }
    }

    pub const fn of_kernel(self, kernel: usize) -> Self {
        Self { kernel, ..self }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.repeats
    }

    /// timm's name within a block of what torchvision calls `block.PLACE`: it numbers the layers that are there, as
    /// `0.0` and `0.1` for a convolution and its BatchNorm, `2.fc1` and `2.fc2` for squeeze-and-excitation.
    pub fn torchvision(&self, place: &str) -> Option<&'static str> {
        let layers: &[[&'static str; 2]] = match self.kind {
            Kind::Separable { .. } => &[["conv_dw", "bn1"], ["conv_pw", "bn2"]],
            Kind::Inverted { .. } => &[["conv_pw", "bn1"], ["conv_dw", "bn2"], ["conv_pwl", "bn3"]],
            Kind::Plain | Kind::Universal { .. } => return None,
        };
        let (at, part) = place.split_once('.')?;
        let (at, last): (usize, usize) = (at.parse().ok()?, layers.len() - 1);
        match (part, self.squeezed) {
            ("fc1", true) if at == last => Some("se.conv_reduce"),
            ("fc2", true) if at == last => Some("se.conv_expand"),
            ("0" | "1", true) if at == last => None,
            ("0" | "1", squeezed) => {
                let layer = layers.get(if squeezed && at > last { at - 1 } else { at })?;
                Some(layer[usize::from(part == "1")])
            }
            _ => None,
        }
    }
}

/// A network in the making.
pub(super) struct Mobile {
    style: Style,
    stages: Vec<StageSpec>,
    channels: usize,
    groups: usize,
}

impl Mobile {
    /// Begins with the stem, a 3×3 convolution of stride 2 to `stem` channels.
    pub fn new(style: Style, stem: usize) -> Self {
        let mut part = Part::new("stem", String::new(), 3, &style, style.activation);
        let conv = ConvSpec::new("conv_stem", stem).kernel(3).stride(2);
        let x = part.layer(part.stage.input(), conv, "bn1", true);
        let end = part.stage.channels(x);
        Self { style, stages: vec![part.stage.end()], channels: end, groups: 0 }
    }

    /// Adds the blocks of all groups, each a stage.
    pub fn groups(self, groups: &[Group]) -> Self {
        groups.iter().fold(self, |network, group| network.group(group.iter().copied()))
    }

    /// Adds the blocks of a group, each a stage.
    pub fn group(mut self, rows: impl IntoIterator<Item = Blocks>) -> Self {
        let mut at = 0;
        for row in rows {
            for repeat in 0..row.repeats {
                let stride = if repeat == 0 { row.stride } else { 1 };
                let prefix = format!("blocks.{}.{at}.", self.groups);
                let outputs = divisible(row.channels as f64 * self.style.width);
                self.stages.push(self.block(prefix, &row, stride, outputs));
                self.channels = outputs;
                at += 1;
            }
        }
        self.groups += 1;
        self
    }

    /// Ends with a 1×1 convolution, BatchNorm and activation; pooling comes after it (EfficientNet).
    pub fn convolution(mut self, outputs: usize) -> Vec<StageSpec> {
        let mut part = self.part("last convolution", String::new());
        part.layer(part.stage.input(), ConvSpec::new("conv_head", outputs), "bn2", true);
        self.stages.push(part.stage.end());
        self.stages
    }

    /// Ends with pooling before the last layer (MobileNetV3 and its heirs): perhaps a 1×1 convolution to `channels`, a
    /// group of its own to timm, then the mean over the map and a dense layer `conv_head` to `outputs` features.
    /// With `norm` the dense layer has BatchNorm in place of a bias.
    pub fn pooled(mut self, channels: Option<usize>, outputs: usize, norm: bool) -> Vec<StageSpec> {
        let name = if channels.is_some() { "last convolution" } else { "last layer" };
        let mut part = self.part(name, String::new());
        let mut x = part.stage.input();
        if let Some(channels) = channels {
            let prefix = format!("blocks.{}.0", self.groups);
            let conv = ConvSpec::new(format!("{prefix}.conv"), divisible(channels as f64 * self.style.width));
            x = part.layer(x, conv, &format!("{prefix}.bn1"), true);
        }
        x = part.stage.global_average(x);
        if norm {
            part.layer(x, ConvSpec::new("conv_head", outputs), "norm_head", true);
        } else {
            x = part.stage.dense(x, "conv_head", outputs, true);
            part.stage.activate(x, self.style.activation);
        }
        self.stages.push(part.stage.end());
        self.stages
    }

    /// Ends with the last block (MobileNetV1).
    pub fn end(self) -> Vec<StageSpec> {
        self.stages
    }

    fn part(&self, name: &str, prefix: String) -> Part<'_> {
        Part::new(name, prefix, self.channels, &self.style, self.style.activation)
    }

    fn block(&self, prefix: String, row: &Blocks, stride: usize, outputs: usize) -> StageSpec {
        let mut part = self.part(&format!("block {}", self.stages.len()), prefix);
        part.activation = row.activation.unwrap_or(self.style.activation);
        let input = part.stage.input();
        let depthwise = |name: &str, kernel: usize| ConvSpec::depthwise(name).kernel(kernel);
        let mut x = input;
        let mut shortcut = true;
        match row.kind {
            Kind::Plain => {
                x = part.layer(x, ConvSpec::new("conv", outputs).kernel(row.kernel).stride(stride), "bn1", true);
                shortcut = false;
            }
            Kind::Separable { active } => {
                x = part.layer(x, depthwise("conv_dw", row.kernel).stride(stride), "bn1", true);
                x = part.squeeze(x, row);
                x = part.layer(x, ConvSpec::new("conv_pw", outputs), "bn2", active);
                shortcut = !active;
            }
            Kind::Inverted { expansion } => {
                let hidden = divisible(self.channels as f64 * expansion);
                x = part.layer(x, ConvSpec::new("conv_pw", hidden), "bn1", true);
                x = part.layer(x, depthwise("conv_dw", row.kernel).stride(stride), "bn2", true);
                x = part.squeeze(x, row);
                x = part.layer(x, ConvSpec::new("conv_pwl", outputs), "bn3", false);
            }
            Kind::Universal { expansion, start } => {
                let middle = row.kernel;
                if start > 0 {
                    // The stride is the middle's where there is one.
                    let conv = depthwise("dw_start.conv", start).stride(if middle > 0 { 1 } else { stride });
                    x = part.layer(x, conv, "dw_start.bn", false);
                }
                let hidden = divisible(self.channels as f64 * expansion);
                x = part.layer(x, ConvSpec::new("pw_exp.conv", hidden), "pw_exp.bn", true);
                if middle > 0 {
                    x = part.layer(x, depthwise("dw_mid.conv", middle).stride(stride), "dw_mid.bn", true);
                }
                x = part.layer(x, ConvSpec::new("pw_proj.conv", outputs), "pw_proj.bn", false);
            }
        }
        if shortcut && stride == 1 && self.channels == outputs {
            part.stage.add(x, input);
        }
        part.stage.end()
    }
}

/// A stage in the making, with the names' prefix and what its layers have in common.
struct Part<'a> {
    stage: StageBuilder,
    prefix: String,
    inputs: usize,
    style: &'a Style,
    activation: Activation,
}

impl<'a> Part<'a> {
    fn new(name: &str, prefix: String, inputs: usize, style: &'a Style, activation: Activation) -> Self {
        Self { stage: StageBuilder::new(name, inputs), prefix, inputs, style, activation }
    }

    /// A convolution with BatchNorm and, if `active`, the activation.
    fn layer(&mut self, x: Value, conv: ConvSpec, norm: &str, active: bool) -> Value {
        let name = format!("{}{}", self.prefix, conv.name);
        let conv = ConvSpec { name, ..conv }.padding(self.style.port.padding());
        let x = self.stage.conv(x, conv);
        let x = self.stage.norm(x, format!("{}{norm}", self.prefix), self.style.port.epsilon());
        if active { self.stage.activate(x, self.activation) } else { x }
    }

    /// Squeeze-and-excitation, where the row and the network have it.
    fn squeeze(&mut self, x: Value, row: &Blocks) -> Value {
        let Some(squeeze) = self.style.squeeze.filter(|_| row.squeezed) else { return x };
        let (prefix, hidden) = (&self.prefix, self.stage.channels(x));
        let reduced = (squeeze.reduced)(self.inputs, hidden);
        let gate = self.stage.global_average(x);
        let gate = self.stage.dense(gate, format!("{prefix}se.conv_reduce"), reduced, true);
        let gate = self.stage.activate(gate, squeeze.inner);
        let gate = self.stage.dense(gate, format!("{prefix}se.conv_expand"), hidden, true);
        let gate = self.stage.activate(gate, squeeze.gate);
        self.stage.scale(x, gate)
    }
}

/// For the tests of the families: how many stages an architecture has, the shape that the last one gives, and the
/// parameters and multiplications of a picture of 224 pixels.
#[cfg(test)]
pub(super) fn counted(name: &str) -> Option<(usize, [usize; 3], usize, f64)> {
    let architecture = super::of(&testing::card(name)).ok()?;
    let (parameters, multiplications) = testing::counts(&architecture, 224);
    let last = *testing::shapes(&architecture, 224).last()?;
    Some((architecture.stages.len(), last, parameters, multiplications))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_rounded_as_published() {
        for (channels, rounded) in [(1.0, 8), (12.0, 16), (16.0 * 0.35, 8), (89.6, 88), (179.2, 176), (320.0, 320)] {
            assert_eq!(divisible(channels), rounded, "{channels}");
        }
        // 43.9 may go down to 40, which is within a tenth; 11 may not go down to 8.
        assert_eq!((divisible(43.9), divisible(11.0)), (40, 16));
    }

    #[test]
    fn torchvisions_layers_are_found_by_place() {
        let plain = inverted(6.0, 3, 1, 24);
        assert_eq!(plain.torchvision("2.0"), Some("conv_pwl"));
        assert_eq!(plain.torchvision("2.fc1"), None);
        let squeezed = plain.squeezed();
        assert_eq!(squeezed.torchvision("1.1"), Some("bn2"));
        assert_eq!(squeezed.torchvision("2.fc2"), Some("se.conv_expand"));
        assert_eq!(squeezed.torchvision("2.0"), None);
        assert_eq!(squeezed.torchvision("3.1"), Some("bn3"));
        assert_eq!(squeezed.torchvision("4.0"), None);
        assert_eq!(separable(3, 1, 16).squeezed().torchvision("2.0"), Some("conv_pw"));
    }
}
