//! The WebAssembly module: what `src/web` exports, linked together.
//!
//! A crate of its own because of how it is optimised: the linker's optimiser works as the last crate asks for, and makes vectors of loops only
//! where that asks for speed, while in the library size wins.

// Nothing of it is named here: its exports are for JavaScript.
use headstart as _;
