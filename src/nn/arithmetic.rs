//! What stages in inference form compute in.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What the products of frozen stages are computed in. Training, heads and a GPU always compute in floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "types.ts"))]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// 32-bit floats.
    #[default]
    Float,
    /// Whole numbers of eight bits where that is faster (`headstart_kernels::Arithmetic::EightBits` says where): features differ
    /// by some percent from those in floats, and so little is lost in what a head makes of them that it is hard to measure.
    Int8,
}

impl Arithmetic {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Float, Self::Int8];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int8 => "int8",
        }
    }

    /// Whether it is floats.
    pub(crate) fn is_float(&self) -> bool {
        *self == Self::Float
    }
}

impl FromStr for Arithmetic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|arithmetic| arithmetic.name() == text);
        found.ok_or_else(|| Error::ConfigInvalid {
            field: "arithmetic",
            value: text.to_string(),
            expected: "float or int8".into(),
        })
    }
}
