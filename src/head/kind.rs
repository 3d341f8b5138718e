//! The kinds of heads and how they are written.

use crate::error::{Error, Result};
use burn::tensor::{Tensor, activation};
use std::fmt;

/// The kinds of heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HeadKind {
    /// One dense layer.
    Linear,
    /// A hidden layer with an activation, then a dense layer.
    Mlp {
        /// Units of the hidden layer.
        hidden: usize,
        /// What follows them.
        activation: Activation,
    },
    /// A 3×3 convolution with ReLU6, the pooling, then a dense layer.
    Conv {
        /// Output channels of the convolution.
        channels: usize,
    },
    /// One dense layer that separates each class from the rest by the widest margin: squared hinge loss with an L2
    /// penalty, as scikit-learn's `LinearSVC` has it.
    Svm {
        /// Weight of the loss against the penalty (`C` of scikit-learn).
        c: f64,
    },
}

/// What follows a hidden layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// max(x, 0).
    #[default]
    Relu,
    /// x · sigmoid(x), also called swish.
    Silu,
    /// Hyperbolic tangent.
    Tanh,
}

impl fmt::Display for HeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear => write!(f, "linear"),
            Self::Mlp { hidden, .. } => write!(f, "mlp:{hidden}"),
            Self::Conv { channels } => write!(f, "conv:{channels}"),
            Self::Svm { c } => write!(f, "svm:{c}"),
        }
    }
}

impl Activation {
    /// All of them, the usual one first.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Silu, Self::Tanh];

    /// Reads `relu`, `silu` or `tanh`.
    ///
    /// # Errors
    /// [`Error::ConfigInvalid`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| Error::ConfigInvalid {
            field: "activation",
            value: text.to_string(),
            expected: "relu, silu or tanh".into(),
        })
    }

    /// Its name in settings and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
        }
    }

    /// Of one number.
    pub(super) fn of(self, x: f32) -> f32 {
        match self {
            Self::Relu => x.max(0.0),
            Self::Silu => x / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
        }
    }

    /// Of each value of what a layer gives, which has [`Activation::Relu`] itself.
    pub(super) fn behind(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Relu => x,
            Self::Silu => activation::silu(x),
            Self::Tanh => activation::tanh(x),
        }
    }
}
