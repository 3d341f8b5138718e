//! The plain description of a convolutional network: stages of convolutions, without any numbers in them.

/// One convolution with what follows it: BatchNorm (or a bias, where it is folded) and perhaps ReLU6.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSpec {
    /// Name of the convolution in the weights, without `.weight`.
    pub name: String,
    /// Name of its BatchNorm in the weights.
    pub norm: String,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Side of the kernel; the padding is half of it.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Groups: 1, or the number of channels for a depthwise convolution.
    pub groups: usize,
    /// Whether ReLU6 follows.
    pub relu6: bool,
}

impl ConvSpec {
    /// A 1×1 convolution with ReLU6; the other methods change that.
    pub(crate) fn new(name: &str, norm: &str, inputs: usize, outputs: usize) -> Self {
        let (name, norm) = (name.to_string(), norm.to_string());
        Self { name, norm, inputs, outputs, kernel: 1, stride: 1, groups: 1, relu6: true }
    }

    pub(crate) fn kernel(self, kernel: usize) -> Self {
        Self { kernel, ..self }
    }

    pub(crate) fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    pub(crate) fn depthwise(self) -> Self {
        Self { groups: self.inputs, ..self }
    }

    pub(crate) fn linear(self) -> Self {
        Self { relu6: false, ..self }
    }

    /// Shape of the weight, `[outputs, inputs / groups, kernel, kernel]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.outputs, self.inputs / self.groups, self.kernel, self.kernel]
    }

    /// What a person calls this layer.
    pub fn kind(&self) -> &'static str {
        match (self.kernel, self.groups) {
            (1, _) => "pointwise convolution",
            (_, 1) => "convolution",
            _ => "depthwise convolution",
        }
    }
}

/// A stage: convolutions in a row, with a shortcut around them or not. The network can be cut between any two.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpec {
    /// What a person calls it: `stem`, `block 3`, `last convolution`.
    pub name: String,
    /// Its convolutions, in order.
    pub convs: Vec<ConvSpec>,
    /// Whether the input is added to the output.
    pub residual: bool,
}
