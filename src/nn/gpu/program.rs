//! A kernel's text around its body: what it binds and the numbers that come with a dispatch.

use std::fmt::Write;

/// Invocations of a workgroup: what every adapter has, and some are fastest with.
pub(super) const WORKGROUP: usize = 64;

/// What a buffer is an array of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Element {
    Float,
    /// Four floats.
    Vector,
    /// Four bytes.
    Word,
}

impl Element {
    /// What so many floats are an array of.
    pub(super) fn of(count: usize) -> Self {
        if count.is_multiple_of(4) { Self::Vector } else { Self::Float }
    }

    /// So many floats, counted in these.
    pub(super) fn count(self, floats: usize) -> usize {
        if self == Self::Vector { floats / 4 } else { floats }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Float => "f32",
            Self::Vector => "vec4<f32>",
            Self::Word => "u32",
        }
    }
}

/// A kernel. Its body knows `column` and `row`, of all invocations; `group` and `local`, the workgroup and the place in it; and
/// `info`, with `rows` and the numbers.
pub(super) struct Program {
    inputs: Vec<(String, Element)>,
    outputs: Vec<(String, Element)>,
    numbers: Vec<String>,
    floats: Vec<String>,
    /// Lists of so many words of a type.
    words: Vec<(&'static str, &'static str, usize)>,
    /// What a workgroup shares, as `sums`: so many values of a type.
    shared: Option<(&'static str, usize)>,
    functions: String,
    workgroup: [usize; 2],
    body: String,
}

impl Program {
    /// A kernel that binds inputs, then outputs, and is told whole numbers after `rows`.
    pub(super) fn new<N: AsRef<str>>(
        inputs: &[(N, Element)],
        outputs: &[(N, Element)],
        numbers: &[impl AsRef<str>],
        workgroup: [usize; 2],
    ) -> Self {
        let buffers = |all: &[(N, Element)]| all.iter().map(|(name, of)| (name.as_ref().to_string(), *of)).collect();
        Self {
            inputs: buffers(inputs),
            outputs: buffers(outputs),
            numbers: owned(numbers),
            floats: Vec::new(),
            words: Vec::new(),
            shared: None,
            functions: String::new(),
            workgroup,
            body: String::new(),
        }
    }

    /// It is told these numbers too.
    pub(super) fn floats(self, floats: &[impl AsRef<str>]) -> Self {
        Self { floats: owned(floats), ..self }
    }

    /// It is told a list, as vectors of four.
    pub(super) fn words(mut self, name: &'static str, of: &'static str, count: usize) -> Self {
        self.words.push((name, of, count));
        self
    }

    pub(super) fn shared(self, of: &'static str, count: usize) -> Self {
        Self { shared: Some((of, count)), ..self }
    }

    pub(super) fn function(self, text: impl Into<String>) -> Self {
        Self { functions: self.functions + &text.into(), ..self }
    }

    pub(super) fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The text, in WGSL.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("struct Info {\n  rows: u32,\n");
        for (names, of) in [(&self.numbers, "u32"), (&self.floats, "f32")] {
            for name in names {
                let _ = writeln!(text, "  {name}: {of},");
            }
        }
        for (name, of, count) in &self.words {
            let _ = writeln!(text, "  {name}: array<vec4<{of}>, {}>,", count.div_ceil(4).max(1));
        }
        text.push_str("}\n");
        // Natively several values may share a buffer, which may then not be bound to be read and to be written at a time.
        let read = if cfg!(target_family = "wasm") { "read" } else { "read_write" };
        let inputs = self.inputs.iter().map(|input| (input, read));
        let buffers = inputs.chain(self.outputs.iter().map(|output| (output, "read_write")));
        for (at, ((name, of), access)) in buffers.enumerate() {
            let _ = writeln!(text, "@group(0) @binding({at}) var<storage, {access}> {name}: array<{}>;", of.name());
        }
        let last = self.inputs.len() + self.outputs.len();
        let _ = writeln!(text, "@group(0) @binding({last}) var<uniform> info: Info;");
        if let Some((of, count)) = self.shared {
            let _ = writeln!(text, "var<workgroup> sums: array<{of}, {count}>;");
        }
        text.push_str(&self.functions);
        let [wide, high] = self.workgroup;
        // More rows than a dispatch may have in one direction go on in the third.
        let _ = write!(
            text,
            "@compute @workgroup_size({wide}, {high}, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {{
  let column = group.x * {wide}u + local.x;
  let row = (group.z * groups.y + group.y) * {high}u + local.y;
{}}}
",
            self.body
        );
        text
    }
}

fn owned(names: &[impl AsRef<str>]) -> Vec<String> {
    names.iter().map(|name| name.as_ref().to_string()).collect()
}
