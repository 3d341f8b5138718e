//! The closed set of operations that networks are described with, without any numbers of theirs.

/// One operation of a stage.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A convolution.
    Conv(ConvSpec),
    /// BatchNorm, always with the statistics of the pretraining.
    Norm(NormSpec),
    /// An activation, value by value.
    Activate(Activation),
    /// The largest value in a window; padding never is the largest.
    MaxPool(Window),
    /// The mean of a window, padded zeros counted, as PyTorch's default does.
    AveragePool(Window),
    /// The mean over height and width: `[channels, height, width]` → `[channels, 1, 1]`.
    GlobalAverage,
    /// A dense layer on `[channels, 1, 1]`.
    Dense(DenseSpec),
    /// The first value times the second, which is `[channels, 1, 1]`: the gate of squeeze-and-excitation.
    Scale,
    /// The sum of two values of one shape.
    Add,
    /// Values of one height and width, one behind the other along the channels.
    Concat,
}

/// A function of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x · σ(x), also called swish.
    Silu,
    /// x · min(max(x + 3, 0), 6) / 6 (Howard and others, 2019).
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// σ(x) = 1 / (1 + exp(−x)).
    Sigmoid,
}

/// How a window reaches over the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Half of the kernel on each side, as PyTorch's networks have it.
    Half,
    /// None: the output is smaller than the input.
    None,
    /// TensorFlow's "same": as little as makes the output ⌈input / stride⌉ long, and more at the end than at the start.
    Same,
}

impl Padding {
    /// Zeros before and after a side of `size` values.
    pub fn around(self, kernel: usize, stride: usize, size: usize) -> (usize, usize) {
        match self {
            Self::Half => (kernel / 2, kernel / 2),
            Self::None => (0, 0),
            Self::Same => {
                let wanted = (size.div_ceil(stride).saturating_sub(1) * stride + kernel).saturating_sub(size);
                (wanted / 2, wanted - wanted / 2)
            }
        }
    }

    /// Length of the output; 0 where the kernel does not fit once.
    pub fn output(self, kernel: usize, stride: usize, size: usize) -> usize {
        let (before, after) = self.around(kernel, stride, size);
        (size + before + after).checked_sub(kernel).map_or(0, |rest| rest / stride + 1)
    }
}

/// A convolution. Kernel and stride are `[height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvSpec {
    /// Name of its tensors, without `.weight` and `.bias`.
    pub name: String,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step from one output to the next.
    pub stride: [usize; 2],
    /// What is added around the input.
    pub padding: Padding,
    /// Groups: 1, or the number of channels for a depthwise convolution.
    pub groups: usize,
    /// Whether it has a bias, also where BatchNorm is not folded into it.
    pub bias: bool,
}

impl ConvSpec {
    /// A 1×1 convolution without a bias; the other methods change that. The stage's builder knows the inputs.
    pub fn new(name: impl Into<String>, outputs: usize) -> Self {
        let (kernel, stride, padding) = ([1, 1], [1, 1], Padding::Half);
        Self { name: name.into(), inputs: 0, outputs, kernel, stride, padding, groups: 1, bias: false }
    }

    /// A 1×1 convolution of every channel by itself; the stage's builder knows how many there are.
    pub fn depthwise(name: impl Into<String>) -> Self {
        Self { groups: 0, ..Self::new(name, 0) }
    }

    /// With a square kernel.
    pub fn kernel(self, kernel: usize) -> Self {
        self.kernel_of([kernel; 2])
    }

    /// With a kernel of this height and width.
    pub fn kernel_of(self, kernel: [usize; 2]) -> Self {
        Self { kernel, ..self }
    }

    /// With a stride in both directions.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride: [stride; 2], ..self }
    }

    /// With this padding.
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// With so many groups of channels.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// With a bias.
    pub fn bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// For so many input channels, as the builder finds them.
    pub(super) fn of(self, inputs: usize) -> Self {
        if self.groups == 0 {
            return Self { inputs, outputs: inputs, groups: inputs, ..self };
        }
        Self { inputs, ..self }
    }

    /// Shape of the weight, `[outputs, inputs / groups, height, width]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.outputs, self.inputs / self.groups, self.kernel[0], self.kernel[1]]
    }

    /// Whether every output is of one pixel of the input.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.groups == 1
    }

    /// Whether every channel is by itself.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.inputs && self.outputs == self.inputs
    }

    /// Zeros before and after, of `[height, width]`.
    pub fn padding_of(&self, size: [usize; 2]) -> [(usize, usize); 2] {
        [0, 1].map(|side| self.padding.around(self.kernel[side], self.stride[side], size[side]))
    }

    /// What a person calls it.
    pub fn kind(&self) -> &'static str {
        match self.kernel {
            [1, 1] => "pointwise convolution",
            _ if self.is_depthwise() => "depthwise convolution",
            _ => "convolution",
        }
    }
}

/// BatchNorm: (x − μ) / √(σ² + ε) · γ + β.
#[derive(Debug, Clone, PartialEq)]
pub struct NormSpec {
    /// Name of its tensors, without `.weight`, `.bias`, `.running_mean` and `.running_var`.
    pub name: String,
    /// Its channels.
    pub channels: usize,
    /// ε, its guard against division by zero.
    pub epsilon: f64,
}

/// A dense layer: y = W x + b.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseSpec {
    /// Name of its tensors, without `.weight` and `.bias`.
    pub name: String,
    /// Length of x.
    pub inputs: usize,
    /// Length of y.
    pub outputs: usize,
    /// Whether there is a b.
    pub bias: bool,
}

/// The square window of a pooling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its side.
    pub kernel: usize,
    /// Step from one output to the next.
    pub stride: usize,
    /// What is added around the input.
    pub padding: Padding,
}
