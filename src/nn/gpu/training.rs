//! The texts of what trains: gradients of convolutions and dense layers, losses, optimisers, gathering.
//!
//! Maps are vectors here too, `[batch, height, width, vectors]`. What is summed up over all pixels is summed in parts, each by an
//! invocation, and the parts afterwards: there are few weights and many pixels.

use super::program::{Element, Program, WORKGROUP};
use std::fmt::Write;

/// A kernel, with all that its text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Training {
    /// `[rows, columns]` with columns filled up to vectors, from a matrix or its transpose.
    Matrix { transposed: bool },
    /// From `[batch, channels, height, width]` to vectors.
    Vectors,
    /// A gradient where a clamped result lies within.
    Unclamp { most: bool },
    /// A part of the gradient of a pointwise convolution's weight.
    PointwiseWeight,
    /// The gradient of the input of a convolution channel by channel.
    DepthwiseInput { kernel: [usize; 2], stride: [usize; 2] },
    /// A part of the gradient of its weight.
    DepthwiseWeight { kernel: [usize; 2], stride: [usize; 2] },
    /// The sum of parts.
    Parts,
    /// The sum of each channel, of all pixels.
    Channels,
    /// The gradient of a mean over a plane.
    Spread,
    /// A dense layer, with max(·, 0) behind it or not.
    Dense { rows: Rows, relu: bool },
    /// One whose rows are whole vectors, in tiles of so many outputs.
    DenseTile { rows: Rows, relu: bool, wide: usize },
    /// The gradient of its input; where its result, or the input, was not let below 0.
    DenseInput { clamped: bool, above: bool },
    /// Those of its weight and bias.
    DenseWeights { of: Weights, clamped: bool },
    /// A step of Adam of its weight and bias, by those.
    AdamOf(Weights),
    /// A loss and its gradient.
    Loss(Wanted),
    /// Logits, as a dense layer has them whose rows are whole vectors, and the gradient of their loss.
    Judge { rows: Rows, wanted: Wanted, wide: usize },
    /// Rows of a table.
    Gather { rows: Rows, of: Element },
    /// Tensors one behind the other.
    Join(Several),
    /// A step of Adam.
    Adam(Several),
    /// A step along a velocity.
    Descend(Several),
}

/// What logits should be, with room for so many labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub hinge: bool,
    pub labels: usize,
    pub classes: usize,
}

impl Wanted {
    /// The program that has `judge`: it sees to the gradient of a row of `logits`, and gives the row's loss.
    fn told(self, program: Program) -> Program {
        let Self { hinge, labels, classes } = self;
        let program = program
            .floats(&[if hinge { "divisor" } else { "smoothing" }])
            .words("labels", "u32", labels)
            .words("weights", "f32", classes);
        program.function(if hinge { HINGE } else { CROSS_ENTROPY })
    }
}

const HINGE: &str = "fn judge(row: u32) -> f32 {
  let label = info.labels[row / 4u][row % 4u];
  let at = row * info.outputs;
  var total = 0.0;
  for (var k = 0u; k < info.outputs; k++) {
    let side = select(-1.0, 1.0, k == label);
    let missing = 1.0 - side * logits[at + k];
    // As a comparison, so that what is no number stays none.
    let short = select(missing, 0.0, missing < 0.0);
    total += short * short / info.divisor;
    gradient[at + k] = -2.0 * side * short / info.divisor;
  }
  return total;
}
";

const CROSS_ENTROPY: &str = "fn target_of(label: u32, k: u32) -> f32 {
  let own = select(0.0, 1.0 - info.smoothing, k == label);
  return (own + info.smoothing / f32(info.outputs)) * info.weights[k / 4u][k % 4u];
}
fn judge(row: u32) -> f32 {
  let label = info.labels[row / 4u][row % 4u];
  let at = row * info.outputs;
  var largest = logits[at];
  for (var k = 1u; k < info.outputs; k++) { largest = max(largest, logits[at + k]); }
  var sum = 0.0;
  var whole = 0.0;
  for (var k = 0u; k < info.outputs; k++) {
    sum += exp(logits[at + k] - largest);
    whole += target_of(label, k);
  }
  let log_sum = largest + log(sum);
  var total = 0.0;
  for (var k = 0u; k < info.outputs; k++) {
    let share = target_of(label, k);
    total += share * (log_sum - logits[at + k]);
    gradient[at + k] = exp(logits[at + k] - log_sum) * whole - share;
  }
  return total;
}
";

/// Which rows are taken of a matrix: all in order, or those that a list with room for so many names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Rows {
    All,
    Listed { room: usize },
}

impl Rows {
    /// So many that are listed.
    pub(super) fn listed(count: usize) -> Self {
        Self::Listed { room: room_for(count) }
    }

    /// The program that has `row_of`, the place of a row.
    fn told(self, program: Program) -> Program {
        match self {
            Self::All => program.function("fn row_of(at: u32) -> u32 { return at; }\n"),
            Self::Listed { room } => program
                .words("picks", "u32", room)
                .function("fn row_of(at: u32) -> u32 { return info.picks[at / 4u][at % 4u]; }\n"),
        }
    }
}

/// Room for a list of so many: of few lengths, so that few texts are compiled.
pub(super) fn room_for(count: usize) -> usize {
    count.next_power_of_two().max(16)
}

/// How the gradients of a dense layer's weight and bias are added up: whose rows are whole vectors or not, of which of the rows that
/// went in, and so many outputs an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Weights {
    pub of: Element,
    pub rows: Rows,
    pub each: usize,
}

/// Tensors of one dispatch, and what each is an array of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Several([Option<Element>; Several::MOST]);

impl Several {
    /// Every adapter lets a kernel bind eight buffers, and there is a result.
    pub(super) const MOST: usize = 7;

    /// Of so many floats each.
    pub(super) fn of(counts: impl IntoIterator<Item = usize>) -> Self {
        let mut elements = [None; Self::MOST];
        elements.iter_mut().zip(counts).for_each(|(element, count)| *element = Some(Element::of(count)));
        Self(elements)
    }

    pub(super) fn elements(self) -> impl Iterator<Item = Element> {
        self.0.into_iter().flatten()
    }

    /// The same name for each, with its number.
    fn named(self, names: &[&str]) -> Vec<(String, Element)> {
        let each = self.elements().enumerate();
        each.flat_map(|(at, of)| names.iter().map(move |name| (format!("{name}{at}"), of))).collect()
    }
}

impl Training {
    /// Width and height of a workgroup.
    pub(super) fn workgroup(self) -> [usize; 2] {
        match self {
            Self::Matrix { .. }
            | Self::Vectors
            | Self::Unclamp { .. }
            | Self::PointwiseWeight
            | Self::Spread
            | Self::Dense { .. }
            | Self::DepthwiseInput { .. }
            | Self::DepthwiseWeight { .. } => [8, 8],
            Self::DenseTile { .. } | Self::Judge { .. } => [DENSE_PARTS, 1],
            Self::DenseWeights { .. } | Self::AdamOf(_) => [DENSE_COLUMNS, 1],
            _ => [WORKGROUP, 1],
        }
    }

    /// The text.
    pub(super) fn program(self) -> Program {
        use Element::{Float, Vector};
        let of = self.workgroup();
        match self {
            Self::Matrix { transposed } => {
                let from = if transposed { "column * info.height + row" } else { "row * info.width + column" };
                Program::new(&[("x", Float)], &[("y", Float)], &["height", "width", "stride"], of).body(format!(
                    "  if (column >= info.stride || row >= info.rows) {{ return; }}
  var value = 0.0;
  if (column < info.width && row < info.height) {{ value = x[{from}]; }}
  y[row * info.stride + column] = value;
"
                ))
            }
            Self::Vectors => Program::new(&[("x", Float)], &[("y", Float)], &["channels", "stride", "area"], of).body(
                "  if (column >= info.stride || row >= info.rows) { return; }
  var value = 0.0;
  if (column < info.channels) { value = x[(row / info.area * info.channels + column) * info.area + row % info.area]; }
  y[row * info.stride + column] = value;
",
            ),
            Self::Unclamp { most } => {
                let most = if most { " & (value < vec4<f32>(6.0))" } else { "" };
                Program::new(&[("gradient", Vector), ("result", Vector)], &[("y", Vector)], &["vectors"], of).body(
                    format!(
                        "  if (column >= info.vectors || row >= info.rows) {{ return; }}
  let at = row * info.vectors + column;
  let value = result[at];
  y[at] = select(vec4<f32>(), gradient[at], (value > vec4<f32>()){most});
"
                    ),
                )
            }
            Self::PointwiseWeight => pointwise_weight(),
            Self::DepthwiseInput { kernel, stride } => depthwise_input(kernel, stride),
            Self::DepthwiseWeight { kernel, stride } => depthwise_weight(kernel, stride),
            Self::Parts => Program::new(&[("x", Float)], &[("y", Float)], &["count", "parts"], of).body(
                "  let at = row * 64u + local.x;
  if (at >= info.count) { return; }
  var sum = 0.0;
  for (var part = 0u; part < info.parts; part++) { sum += x[part * info.count + at]; }
  y[at] = sum;
",
            ),
            Self::Channels => Program::new(&[("x", Vector)], &[("y", Vector)], &["vectors", "area"], of)
                .shared("vec4<f32>", WORKGROUP)
                .body(
                    "  var sum = vec4<f32>();
  for (var k = local.x; k < info.area; k += 64u) { sum += x[k * info.vectors + group.x]; }
  sums[local.x] = sum;
  workgroupBarrier();
  if (local.x == 0u) {
    for (var k = 1u; k < 64u; k++) { sum += sums[k]; }
    y[group.x] = sum;
  }
",
                ),
            Self::Spread => Program::new(&[("x", Vector)], &[("y", Vector)], &["vectors", "area"], of).body(
                "  if (column >= info.vectors || row >= info.rows) { return; }
  y[row * info.vectors + column] = x[row / info.area * info.vectors + column] / f32(info.area);
",
            ),
            Self::Dense { rows, relu } => {
                let inputs = [("x", Float), ("weight", Float), ("bias", Float)];
                rows.told(Program::new(&inputs, &[("y", Float)], &["inputs", "outputs"], of)).body(format!(
                    "  if (column >= info.outputs || row >= info.rows) {{ return; }}
  let begin = row_of(row) * info.inputs;
  var sum = bias[column];
  for (var k = 0u; k < info.inputs; k++) {{ sum += x[begin + k] * weight[column * info.inputs + k]; }}
  y[row * info.outputs + column] = {};
",
                    rectified(relu)
                ))
            }
            Self::DenseTile { rows, relu, wide } => dense_tile(rows, relu, wide),
            Self::DenseInput { clamped, above } => {
                let mut inputs = with_result(&[("weight", Float), ("gradient", Float)], clamped);
                inputs.extend(above.then_some(("x", Float)));
                let within = if above { "select(0.0, sum, x[row * info.inputs + column] > 0.0)" } else { "sum" };
                let program = Program::new(&inputs, &[("y", Float)], &["inputs", "outputs"], of);
                program.function(gradient_at(clamped)).body(format!(
                    "  if (column >= info.inputs || row >= info.rows) {{ return; }}
  var sum = 0.0;
  for (var k = 0u; k < info.outputs; k++) {{ sum += gradient_at(row * info.outputs + k) * weight[k * info.inputs + column]; }}
  y[row * info.inputs + column] = {within};
"
                ))
            }
            Self::DenseWeights { of, clamped } => dense_weights(of, clamped),
            Self::AdamOf(of) => adam_of(of),
            Self::Loss(wanted) => loss(wanted),
            Self::Judge { rows, wanted, wide } => judge(rows, wanted, wide),
            Self::Gather { rows, of: element } => {
                rows.told(Program::new(&[("x", element)], &[("y", element)], &["width"], of)).body(
                    "  if (column >= info.width || row >= info.rows) { return; }
  y[row * info.width + column] = x[row_of(row) * info.width + column];
",
                )
            }
            Self::Join(several) => join(several),
            Self::Adam(several) => moved(several, &ADAM_STATE, &ADAM, "    adam#(at, gradient#[at]);\n")
                .function(adam(&several.elements().collect::<Vec<_>>())),
            Self::Descend(several) => moved(
                several,
                &["value", "velocity"],
                &["rate", "added", "decay"],
                "    let v = velocity#[at] * info.decay# + (gradient#[at] + value#[at] * info.added#);
    velocity#[at] = v;
    value#[at] = value#[at] - v * info.rate#;
",
            ),
        }
    }
}

/// What Adam has of each parameter, and the numbers of its step.
const ADAM_STATE: [&str; 3] = ["value", "first", "second"];
const ADAM: [&str; 9] = ["rate", "added", "kept", "decay", "decay_squares", "new", "new_squares", "root", "epsilon"];

/// The functions `adam0`, …, which move a place of a parameter of these elements by a gradient.
fn adam(elements: &[Element]) -> String {
    let mut text = String::new();
    for (at, of) in elements.iter().enumerate() {
        let step = "fn adam#(at: u32, gradient: %) {
  let before = value#[at];
  let by = gradient + before * info.added#;
  let m = first#[at] * info.decay# + by * info.new#;
  let v = second#[at] * info.decay_squares# + by * by * info.new_squares#;
  first#[at] = m;
  second#[at] = v;
  value#[at] = before * info.kept# - m * info.rate# / (sqrt(v) * info.root# + info.epsilon#);
}
";
        text.push_str(&step.replace('#', &at.to_string()).replace('%', of.name()));
    }
    text
}

/// Each of the names, with the number of each of so many.
fn numbered(names: &[&str], count: usize) -> Vec<String> {
    (0..count).flat_map(|at| names.iter().map(move |name| format!("{name}{at}"))).collect()
}

/// Parameters one behind the other, each moved in place with numbers of its own; `#` stands for its number.
fn moved(several: Several, state: &[&str], floats: &[&str], step: &str) -> Program {
    let mut text = String::from("  var at = row * 64u + local.x;\n");
    let count = several.elements().count();
    for at in (0..count).map(|at| at.to_string()) {
        let _ = write!(
            text,
            "  if (at < info.count{at}) {{
{}    return;
  }}
  at -= info.count{at};
",
            step.replace('#', &at)
        );
    }
    let counts = numbered(&["count"], count);
    Program::new(&several.named(&["gradient"]), &several.named(state), &counts, Training::Adam(several).workgroup())
        .floats(&numbered(floats, count))
        .body(text)
}

/// Each filled up to a whole vector.
fn join(several: Several) -> Program {
    let mut text = String::from("  let at = row * 64u + local.x;\n  var value = vec4<f32>();\n  ");
    let mut numbers = vec!["first".to_string()];
    for (at, of) in several.elements().enumerate() {
        let begin = at.checked_sub(1).map_or("0u".into(), |before| format!("info.end{before}"));
        let _ = write!(text, "if (at < info.end{at}) {{\n    let k = at - {begin};\n");
        match of {
            Element::Vector => {
                let _ = writeln!(text, "    value = part{at}[k];");
            }
            _ => {
                for lane in 0..4 {
                    let from = format!("k * 4u + {lane}u");
                    let _ = writeln!(text, "    if ({from} < info.count{at}) {{ value[{lane}] = part{at}[{from}]; }}");
                }
            }
        }
        text.push_str("  } else ");
        numbers.extend([format!("end{at}"), format!("count{at}")]);
    }
    text.push_str("{ return; }\n  y[info.first + at] = value;\n");
    let output = [("y".to_string(), Element::Vector)];
    Program::new(&several.named(&["part"]), &output, &numbers, Training::Join(several).workgroup()).body(text)
}

/// Eight outputs by four inputs, of one part of the pixels; the rows are the parts times the groups of outputs.
fn pointwise_weight() -> Program {
    let mut text = String::from(
        "  if (column >= info.vectors || row >= info.rows) { return; }
  let part = row / info.groups;
  let first = row % info.groups * 8u;
  let next = min(first / 4u + 1u, info.out_vectors - 1u);
",
    );
    for output in 0..8 {
        let _ = writeln!(text, "  var sum{output} = vec4<f32>();");
    }
    text.push_str(
        "  let last = min((part + 1u) * info.each, info.pixels);
  for (var pixel = part * info.each; pixel < last; pixel++) {
    let by = x[pixel * info.vectors + column];
    let a = gradient[pixel * info.out_vectors + first / 4u];
    let b = gradient[pixel * info.out_vectors + next];
",
    );
    for output in 0..8 {
        let _ = writeln!(text, "    sum{output} += {}[{}] * by;", if output < 4 { "a" } else { "b" }, output % 4);
    }
    text.push_str("  }\n  let to = part * info.outputs * info.inputs;\n");
    for output in 0..8 {
        for channel in 0..4 {
            let _ = writeln!(
                text,
                "  if (first + {output}u < info.outputs && column * 4u + {channel}u < info.inputs) {{ \
                 y[to + (first + {output}u) * info.inputs + column * 4u + {channel}u] = sum{output}[{channel}]; }}"
            );
        }
    }
    let inputs = [("x", Element::Vector), ("gradient", Element::Vector)];
    let numbers = ["vectors", "out_vectors", "inputs", "outputs", "groups", "pixels", "each"];
    Program::new(&inputs, &[("y", Element::Float)], &numbers, Training::PointwiseWeight.workgroup()).body(text)
}

/// Rows of a tile of a dense layer, the outputs that it has at most, and the parts that its sums are in.
pub(super) const DENSE_ROWS: usize = 4;
const DENSE_WIDE: usize = 5;
pub(super) const DENSE_PARTS: usize = 16;

/// A sum, or nothing where it is below that: as a comparison, so that what is no number stays none.
fn rectified(relu: bool) -> &'static str {
    if relu { "select(sum, 0.0, sum < 0.0)" } else { "sum" }
}

/// What a gradient is computed from: of a result that was not let below 0, from that too.
fn with_result(inputs: &[(&'static str, Element)], clamped: bool) -> Vec<(&'static str, Element)> {
    let result = clamped.then_some(("result", Element::Float));
    inputs.iter().copied().chain(result).collect()
}

/// The function that has a value of it.
fn gradient_at(clamped: bool) -> String {
    let value = if clamped { "select(0.0, gradient[at], result[at] > 0.0)" } else { "gradient[at]" };
    format!("fn gradient_at(at: u32) -> f32 {{ return {value}; }}\n")
}

/// Some rows by the outputs of a `tile`: each invocation sums up every so many-eth vector, and then some of them the parts.
fn tile(wide: usize, result: &str, value: &str) -> String {
    let high = DENSE_ROWS;
    let mut text = String::new();
    for i in 0..high {
        let _ = writeln!(text, "  let x{i} = row_of(min(row * {high}u + {i}u, info.rows - 1u)) * info.inputs;");
    }
    for j in 0..wide {
        let _ = writeln!(text, "  let w{j} = min(tile * {wide}u + {j}u, info.outputs - 1u) * info.inputs;");
        for i in 0..high {
            let _ = writeln!(text, "  var sum{i}_{j} = 0.0;");
        }
    }
    let _ = writeln!(text, "  for (var k = local.x; k < info.inputs; k += {DENSE_PARTS}u) {{");
    for i in 0..high {
        let _ = writeln!(text, "    let by{i} = x[x{i} + k];");
    }
    for j in 0..wide {
        let _ = writeln!(text, "    let of{j} = weight[w{j} + k];");
        for i in 0..high {
            let _ = writeln!(text, "    sum{i}_{j} += dot(by{i}, of{j});");
        }
    }
    text.push_str("  }\n");
    for (i, j) in (0..high).flat_map(|i| (0..wide).map(move |j| (i, j))) {
        let at = (i * wide + j) * DENSE_PARTS;
        let _ = writeln!(text, "  sums[{at}u + local.x] = sum{i}_{j};");
    }
    let _ = write!(
        text,
        "  workgroupBarrier();
  for (var at = local.x; at < {}u; at += {DENSE_PARTS}u) {{
    let to = row * {high}u + at / {wide}u;
    let output = tile * {wide}u + at % {wide}u;
    if (to < info.rows && output < info.outputs) {{
      var sum = bias[output];
      for (var k = 0u; k < {DENSE_PARTS}u; k++) {{ sum += sums[at * {DENSE_PARTS}u + k]; }}
      {result}[to * info.outputs + output] = {value};
    }}
  }}
",
        high * wide,
    );
    text
}

const DENSE_INPUTS: [(&str, Element); 3] =
    [("x", Element::Vector), ("weight", Element::Vector), ("bias", Element::Float)];

/// A workgroup for some rows and outputs.
fn dense_tile(rows: Rows, relu: bool, wide: usize) -> Program {
    let workgroup = Training::DenseTile { rows, relu, wide }.workgroup();
    rows.told(Program::new(&DENSE_INPUTS, &[("y", Element::Float)], &["inputs", "outputs"], workgroup))
        .shared("f32", DENSE_ROWS * wide * DENSE_PARTS)
        .body(format!("  let tile = group.x;\n{}", tile(wide, "y", rectified(relu))))
}

/// Outputs of which a workgroup has all, to see to their loss too.
pub(super) const JUDGED: usize = 32;

/// A workgroup for some rows.
fn judge(rows: Rows, wanted: Wanted, wide: usize) -> Program {
    let high = DENSE_ROWS;
    let outputs = [("logits", Element::Float), ("gradient", Element::Float)];
    let workgroup = Training::Judge { rows, wanted, wide }.workgroup();
    let program = Program::new(&DENSE_INPUTS, &outputs, &["inputs", "outputs"], workgroup);
    // The lists follow in this order.
    rows.told(wanted.told(program)).shared("f32", high * wide * DENSE_PARTS).body(format!(
        "  for (var tile = 0u; tile * {wide}u < info.outputs; tile++) {{
{}  workgroupBarrier();
  }}
  storageBarrier();
  let judged = row * {high}u + local.x;
  if (local.x < {high}u && judged < info.rows) {{ judge(judged); }}
",
        tile(wide, "logits", "sum")
    ))
}

/// Outputs that an invocation has at most of the gradient of a dense layer's weight, and inputs of a workgroup.
const DENSE_OUTPUTS: usize = 10;
const DENSE_COLUMNS: usize = 32;

/// Outputs that an invocation has of a weight's gradient where there are so many.
pub(super) fn outputs_each(outputs: usize) -> usize {
    alike(outputs, DENSE_OUTPUTS)
}

/// Outputs that a tile has where there are so many.
pub(super) fn outputs_wide(outputs: usize) -> usize {
    alike(outputs, DENSE_WIDE)
}

/// So many, in parts of at most so many, each of which computes as many as another: how many these are.
fn alike(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// Some outputs by one input, or one vector of them; behind the last input comes the bias. What is done with a sum: `{at}` is its place
/// in the weight or the bias, `{sum}` the sum.
fn sums_of_weights(Weights { of, each, .. }: Weights, weight: &str, bias: &str) -> String {
    let name = of.name();
    // The bias by itself: within the loop it would be a branch for each output.
    let mut text = format!(
        "  let first = row * {each}u;
  if (column >= info.inputs) {{
    if (column > info.inputs) {{ return; }}
    for (var output = first; output < min(first + {each}u, info.outputs); output++) {{
      var sum = 0.0;
      for (var k = 0u; k < info.batch; k++) {{ sum += gradient_at(k * info.outputs + output); }}
      {}
    }}
    return;
  }}
",
        bias.replace("{at}", "output").replace("{sum}", "sum")
    );
    for output in 0..each {
        let _ = writeln!(
            text,
            "  var sum{output} = {name}();\n  let of{output} = min(first + {output}u, info.outputs - 1u);"
        );
    }
    text.push_str(
        "  for (var k = 0u; k < info.batch; k++) {
    let by = x[row_of(k) * info.inputs + column];
",
    );
    for output in 0..each {
        let _ = writeln!(text, "    sum{output} += by * gradient_at(k * info.outputs + of{output});");
    }
    text.push_str("  }\n");
    for output in 0..each {
        let weight = weight.replace("{at}", &format!("of{output} * info.inputs + column"));
        let weight = weight.replace("{sum}", &format!("sum{output}"));
        let _ = writeln!(text, "  if (first + {output}u < info.outputs) {{ {weight} }}");
    }
    text
}

const SUMMED: [&str; 3] = ["inputs", "outputs", "batch"];

fn dense_weights(weights @ Weights { of, rows, .. }: Weights, clamped: bool) -> Program {
    let inputs = with_result(&[("x", of), ("gradient", Element::Float)], clamped);
    let outputs = [("y", of), ("of_bias", Element::Float)];
    let workgroup = Training::DenseWeights { of: weights, clamped }.workgroup();
    rows.told(Program::new(&inputs, &outputs, &SUMMED, workgroup)).function(gradient_at(clamped)).body(sums_of_weights(
        weights,
        "y[{at}] = {sum};",
        "of_bias[{at}] = {sum};",
    ))
}

fn adam_of(weights @ Weights { of, rows, .. }: Weights) -> Program {
    let parameters = [of, Element::Float];
    let inputs = [("x".to_string(), of), ("gradient".to_string(), Element::Float)];
    let outputs: Vec<(String, Element)> =
        numbered(&ADAM_STATE, 2).into_iter().zip(parameters.into_iter().flat_map(|of| [of; 3])).collect();
    let program = Program::new(&inputs, &outputs, &SUMMED, Training::AdamOf(weights).workgroup());
    rows.told(program.floats(&numbered(&ADAM, 2)))
        .function(gradient_at(false))
        .function(adam(&parameters))
        .body(sums_of_weights(weights, "adam0({at}, {sum});", "adam1({at}, {sum});"))
}

const PLANES: [&str; 8] = ["vectors", "height", "width", "out_height", "out_width", "top", "left", "channels"];

fn depthwise_input(kernel: [usize; 2], stride: [usize; 2]) -> Program {
    let inputs = [("weight", Element::Vector), ("gradient", Element::Vector)];
    Program::new(&inputs, &[("y", Element::Vector)], &PLANES, Training::DepthwiseInput { kernel, stride }.workgroup())
        .body(format!(
            "  if (column >= info.vectors || row >= info.rows) {{ return; }}
  let right = i32(row % info.width + info.left);
  let down = i32(row / info.width % info.height + info.top);
  let picture = row / (info.width * info.height) * info.out_height;
  var sum = vec4<f32>();
  for (var i = 0; i < {0}; i++) {{
    let r = down - i;
    if (r < 0 || r % {2} != 0 || r / {2} >= i32(info.out_height)) {{ continue; }}
    for (var j = 0; j < {1}; j++) {{
      let c = right - j;
      if (c < 0 || c % {3} != 0 || c / {3} >= i32(info.out_width)) {{ continue; }}
      let at = (picture + u32(r / {2})) * info.out_width + u32(c / {3});
      sum += gradient[at * info.vectors + column] * weight[u32(i * {1} + j) * info.vectors + column];
    }}
  }}
  y[row * info.vectors + column] = sum;
",
            kernel[0], kernel[1], stride[0], stride[1]
        ))
}

/// One place of the kernel for four channels, of the lines of one part; the rows are the parts times the places.
fn depthwise_weight(kernel: [usize; 2], stride: [usize; 2]) -> Program {
    let inputs = [("x", Element::Vector), ("gradient", Element::Vector)];
    let numbers = [&PLANES[..], &["lines", "each"]].concat();
    Program::new(&inputs, &[("y", Element::Float)], &numbers, Training::DepthwiseWeight { kernel, stride }.workgroup())
        .body(format!(
            "  if (column >= info.vectors || row >= info.rows) {{ return; }}
  let part = row / {places}u;
  let place = row % {places}u;
  let right = i32(place % {width}u) - i32(info.left);
  let down = i32(place / {width}u) - i32(info.top);
  var sum = vec4<f32>();
  let last = min((part + 1u) * info.each, info.lines);
  for (var line = part * info.each; line < last; line++) {{
    let r = i32(line % info.out_height) * {} + down;
    if (r < 0 || r >= i32(info.height)) {{ continue; }}
    let base = (line / info.out_height * info.height + u32(r)) * info.width;
    for (var k = 0u; k < info.out_width; k++) {{
      let c = i32(k) * {} + right;
      if (c < 0 || c >= i32(info.width)) {{ continue; }}
      sum += gradient[(line * info.out_width + k) * info.vectors + column] * x[(base + u32(c)) * info.vectors + column];
    }}
  }}
  for (var k = 0u; k < 4u; k++) {{
    let channel = column * 4u + k;
    if (channel < info.channels) {{ y[(part * info.channels + channel) * {places}u + place] = sum[k]; }}
  }}
",
            stride[0],
            stride[1],
            places = kernel[0] * kernel[1],
            width = kernel[1],
        ))
}

/// One workgroup goes through all rows.
fn loss(wanted: Wanted) -> Program {
    let outputs = [("gradient", Element::Float), ("loss", Element::Float)];
    let workgroup = Training::Parts.workgroup();
    wanted
        .told(Program::new(&[("logits", Element::Float)], &outputs, &["outputs"], workgroup))
        .shared("f32", WORKGROUP)
        .body(
            "  var total = 0.0;
  for (var i = local.x; i < info.rows; i += 64u) { total += judge(i); }
  sums[local.x] = total;
  workgroupBarrier();
  if (local.x == 0u) {
    for (var k = 1u; k < 64u; k++) { total += sums[k]; }
    loss[0] = total;
  }
",
        )
}
