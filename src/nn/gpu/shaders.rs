//! The kernels' text in WGSL. Sizes come as numbers with every dispatch, so that few texts are compiled: what is written into a text
//! is what its loops are unrolled by.
//!
//! Values are `[batch, height, width, vectors]` of four channels each, the last filled up with channels that nobody reads. An
//! invocation keeps a small tile of results in registers and no memory is shared: neighbours along x read neighbouring weights and
//! the same picture. Barriers would pay on large products only, and cost a software adapter most of its time.

use super::program::{Element, Program, WORKGROUP};
use headstart_kernels::Activation;
use std::fmt::Write;

/// A kernel, with all that its text depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shader {
    /// A convolution of single pixels, and dense layers.
    Pointwise { tile: Tile, activation: Activation, shortcut: bool, bias: bool },
    /// Any other convolution without groups.
    Conv { tile: Tile, kernel: [usize; 2], stride: [usize; 2], activation: Activation, shortcut: bool },
    /// A convolution channel by channel; so many neighbours of a row at a time.
    Depthwise { run: usize, kernel: [usize; 2], stride: [usize; 2], activation: Activation },
    /// A convolution in groups, one channel at a time.
    Grouped { kernel: [usize; 2], stride: [usize; 2], activation: Activation },
    /// The largest value or the mean of a square window.
    Pool { kernel: usize, stride: usize, largest: bool },
    /// The mean of a plane by one invocation, or by a workgroup.
    GlobalAverage { wide: bool },
    /// Vector by vector.
    Map(Map),
    /// Puts channels into a value of more of them.
    Place,
    /// Bytes of pixels as vectors.
    Pixels,
}

/// What is computed of single vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Map {
    Activate(Activation),
    /// A scale and a shift of each channel.
    Affine,
    /// Times one value a channel and picture.
    Scale,
    /// The sum of so many values.
    Add(usize, Activation),
}

/// Results of an invocation of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub pixels: usize,
    pub vectors: usize,
}

impl Shader {
    /// Width and height of a workgroup.
    pub(super) fn workgroup(self) -> [usize; 2] {
        let wide = match self {
            Self::GlobalAverage { wide: true } | Self::Pixels => WORKGROUP,
            _ => 8,
        };
        [wide, WORKGROUP / wide]
    }

    /// What it binds before the output: the values, then the constants.
    fn inputs(self) -> Vec<&'static str> {
        let product = |shortcut: bool, bias: bool| {
            let (shortcut, bias) = (shortcut.then_some("shortcut"), bias.then_some("bias"));
            ["x"].into_iter().chain(shortcut).chain(["weight"]).chain(bias).collect()
        };
        match self {
            Self::Pointwise { shortcut, bias, .. } => product(shortcut, bias),
            Self::Conv { shortcut, .. } => product(shortcut, true),
            Self::Depthwise { .. } | Self::Grouped { .. } => product(false, true),
            Self::Map(Map::Affine) => vec!["x", "scale", "shift"],
            Self::Map(Map::Scale) => vec!["x", "gate"],
            Self::Map(Map::Add(count, _)) => ["a", "b", "c", "d", "e", "f"].into_iter().take(count).collect(),
            Self::Map(Map::Activate(_))
            | Self::Pool { .. }
            | Self::GlobalAverage { .. }
            | Self::Place
            | Self::Pixels => {
                vec!["x"]
            }
        }
    }

    /// The most values that are added in one dispatch.
    pub(super) const MOST_ADDED: usize = 6;

    /// Names of the numbers that come with a dispatch, after `rows`.
    fn numbers(self) -> &'static [&'static str] {
        match self {
            Self::Pointwise { .. } => &["inputs", "outputs", "stride"],
            Self::Conv { .. } => {
                &["inputs", "outputs", "stride", "height", "width", "out_height", "out_width", "top", "left"]
            }
            Self::Depthwise { .. } | Self::Pool { .. } => {
                &["vectors", "height", "width", "out_height", "out_width", "top", "left", "runs"]
            }
            Self::Grouped { .. } => &[
                "inputs",
                "outputs",
                "vectors",
                "out_vectors",
                "groups",
                "height",
                "width",
                "out_height",
                "out_width",
                "top",
                "left",
            ],
            Self::GlobalAverage { .. } | Self::Map(_) => &["vectors", "area"],
            Self::Place => &["count", "end", "stride", "first", "out_stride"],
            Self::Pixels => &["count", "last"],
        }
    }

    /// Whether it reads and writes single channels.
    fn is_scalar(self) -> bool {
        matches!(self, Self::Grouped { .. } | Self::Place)
    }

    /// The text.
    pub(super) fn program(self) -> Program {
        let element = if self.is_scalar() { Element::Float } else { Element::Vector };
        let of_inputs = if self == Self::Pixels { Element::Word } else { element };
        let inputs: Vec<_> = self.inputs().into_iter().map(|name| (name, of_inputs)).collect();
        let program = Program::new(&inputs, &[("y", element)], self.numbers(), self.workgroup());
        let activation = match self {
            Self::Pointwise { activation, .. }
            | Self::Conv { activation, .. }
            | Self::Depthwise { activation, .. }
            | Self::Grouped { activation, .. }
            | Self::Map(Map::Activate(activation) | Map::Add(_, activation)) => activation,
            _ => Activation::None,
        };
        let (of, value) = (element.name(), activated(activation, element.name()));
        let program = program.function(format!("fn activated(v: {of}) -> {of} {{ return {value}; }}\n"));
        let shares = matches!(self, Self::GlobalAverage { wide: true });
        let program = if shares { program.shared(of, WORKGROUP) } else { program };
        let program = if self == Self::Pixels { program.floats(&NORMALISATION) } else { program };
        program.body(self.body())
    }

    fn body(self) -> String {
        match self {
            Self::Pointwise { tile, shortcut, bias, .. } => pointwise(tile, shortcut, bias),
            Self::Conv { tile, kernel, stride, shortcut, .. } => conv(tile, kernel, stride, shortcut),
            Self::Depthwise { run, kernel, stride, .. } => depthwise(run, kernel, stride),
            Self::Grouped { kernel, stride, .. } => grouped(kernel, stride),
            Self::Pool { kernel, stride, largest } => pool(kernel, stride, largest),
            Self::GlobalAverage { wide } => global_average(wide),
            Self::Map(map) => self::map(map),
            Self::Pixels => PIXELS.into(),
            Self::Place => "  if (column >= info.end || row >= info.rows) { return; }
  var value = 0.0;
  if (column < info.count) { value = x[row * info.stride + column]; }
  y[row * info.out_stride + info.first + column] = value;
"
            .into(),
        }
    }
}

const NORMALISATION: [&str; 6] = ["red", "green", "blue", "red_shift", "green_shift", "blue_shift"];

/// Three bytes from any place in a word on.
const PIXELS: &str = "  let at = row * 64u + local.x;
  if (at >= info.count) { return; }
  let word = at * 3u / 4u;
  let skipped = at * 3u % 4u * 8u;
  var bytes = x[word] >> skipped;
  if (skipped > 8u) { bytes |= x[min(word + 1u, info.last)] << (32u - skipped); }
  let rgb = vec3<f32>(f32(bytes & 255u), f32((bytes >> 8u) & 255u), f32((bytes >> 16u) & 255u));
  let scale = vec3<f32>(info.red, info.green, info.blue);
  y[at] = vec4<f32>(rgb * scale + vec3<f32>(info.red_shift, info.green_shift, info.blue_shift), 0.0);
";

/// The activation of `v`.
fn activated(activation: Activation, element: &str) -> String {
    let of = |value: &str| format!("{element}({value})");
    let gate = format!("clamp(v * (1.0 / 6.0) + {}, {}, {})", of("0.5"), of("0.0"), of("1.0"));
    match activation {
        Activation::None => "v".into(),
        // As comparisons, so that what is no number stays none.
        Activation::Relu => format!("select(v, {0}, v < {0})", of("0.0")),
        Activation::Relu6 => format!("select(select(v, {0}, v < {0}), {1}, v > {1})", of("0.0"), of("6.0")),
        Activation::Silu => "v / (1.0 + exp(-v))".into(),
        Activation::HardSwish => format!("v * {gate}"),
        Activation::HardSigmoid => gate,
        Activation::Sigmoid => "1.0 / (1.0 + exp(-v))".into(),
    }
}

/// The sums of a tile, from the bias on.
fn begin(text: &mut String, tile: Tile, bias: bool) {
    for vector in 0..tile.vectors {
        let of = if bias { format!("bias[first + {vector}u]") } else { "vec4<f32>()".into() };
        let _ = writeln!(text, "  let bias{vector} = {of};");
        for pixel in 0..tile.pixels {
            let _ = writeln!(text, "  var sum{pixel}_{vector} = bias{vector};");
        }
    }
}

/// Adds a vector of inputs to every sum: `x0` … are of the pixels, `at` is where their weights begin.
fn multiply(text: &mut String, tile: Tile) {
    for channel in 0..4 {
        for vector in 0..tile.vectors {
            let _ = writeln!(text, "    let w{channel}_{vector} = weight[at + {channel}u * info.stride + {vector}u];");
        }
        for vector in 0..tile.vectors {
            for pixel in 0..tile.pixels {
                let _ = writeln!(text, "    sum{pixel}_{vector} += x{pixel}[{channel}] * w{channel}_{vector};");
            }
        }
    }
}

/// Writes a tile, with the shortcut added and activated.
fn end(text: &mut String, tile: Tile, shortcut: bool) {
    for pixel in 0..tile.pixels {
        let _ = writeln!(text, "  if (pixel + {pixel}u < info.rows) {{");
        let _ = writeln!(text, "    let to = (pixel + {pixel}u) * info.outputs + first;");
        for vector in 0..tile.vectors {
            let added = if shortcut { format!(" + shortcut[to + {vector}u]") } else { String::new() };
            let _ = writeln!(
                text,
                "    if (first + {vector}u < info.outputs) {{ y[to + {vector}u] = activated(sum{pixel}_{vector}{added}); }}"
            );
        }
        text.push_str("  }\n");
    }
}

fn tile_of(tile: Tile) -> String {
    let Tile { pixels, vectors, .. } = tile;
    format!(
        "  let first = column * {vectors}u;\n  let pixel = row * {pixels}u;\n  if (first >= info.outputs || pixel >= info.rows) {{ return; }}\n"
    )
}

fn pointwise(tile: Tile, shortcut: bool, bias: bool) -> String {
    let mut text = tile_of(tile);
    begin(&mut text, tile, bias);
    for pixel in 0..tile.pixels {
        let _ = writeln!(text, "  let from{pixel} = min(pixel + {pixel}u, info.rows - 1u) * info.inputs;");
    }
    text.push_str("  var at = first;\n  for (var k = 0u; k < info.inputs; k++) {\n");
    for pixel in 0..tile.pixels {
        let _ = writeln!(text, "    let x{pixel} = x[from{pixel} + k];");
    }
    multiply(&mut text, tile);
    text.push_str("    at += 4u * info.stride;\n  }\n");
    end(&mut text, tile, shortcut);
    text
}

fn conv(tile: Tile, kernel: [usize; 2], stride: [usize; 2], shortcut: bool) -> String {
    let mut text = tile_of(tile);
    begin(&mut text, tile, true);
    for pixel in 0..tile.pixels {
        let _ = writeln!(text, "  let of{pixel} = min(pixel + {pixel}u, info.rows - 1u);");
        let _ =
            writeln!(text, "  let left{pixel} = i32(of{pixel} % info.out_width * {}u) - i32(info.left);", stride[1]);
        let _ = writeln!(
            text,
            "  let top{pixel} = i32(of{pixel} / info.out_width % info.out_height * {}u) - i32(info.top);",
            stride[0]
        );
        let _ = writeln!(text, "  let picture{pixel} = of{pixel} / (info.out_width * info.out_height) * info.height;");
    }
    let _ = writeln!(text, "  var at = first;\n  for (var place = 0u; place < {}u; place++) {{", kernel[0] * kernel[1]);
    let _ = writeln!(text, "    let down = i32(place / {0}u);\n    let right = i32(place % {0}u);", kernel[1]);
    for pixel in 0..tile.pixels {
        let _ = writeln!(
            text,
            "    let r{pixel} = top{pixel} + down;\n    let c{pixel} = left{pixel} + right;
    let within{pixel} = r{pixel} >= 0 && r{pixel} < i32(info.height) && c{pixel} >= 0 && c{pixel} < i32(info.width);
    let from{pixel} = select(0u, ((picture{pixel} + u32(r{pixel})) * info.width + u32(c{pixel})) * info.inputs, within{pixel});"
        );
    }
    text.push_str("  for (var k = 0u; k < info.inputs; k++) {\n");
    for pixel in 0..tile.pixels {
        let _ = writeln!(text, "    let x{pixel} = select(vec4<f32>(), x[from{pixel} + k], within{pixel});");
    }
    multiply(&mut text, tile);
    text.push_str("    at += 4u * info.stride;\n  }\n  }\n");
    end(&mut text, tile, shortcut);
    text
}

/// Which output a row of invocations is of: `[picture, line, run]`, each of `run` pixels from `start` on.
fn run_of(run: usize, stride: [usize; 2]) -> String {
    format!(
        "  if (column >= info.vectors || row >= info.rows) {{ return; }}
  let start = row % info.runs * {run}u;
  let line = row / info.runs % info.out_height;
  let picture = row / (info.runs * info.out_height);
  let left = i32(start * {}u) - i32(info.left);
  let top = i32(line * {}u) - i32(info.top);
",
        stride[1], stride[0]
    )
}

fn write_run(text: &mut String, run: usize, value: impl Fn(usize) -> String) {
    text.push_str(
        "  let to = ((picture * info.out_height + line) * info.out_width + start) * info.vectors + column;\n",
    );
    for pixel in 0..run {
        let _ = writeln!(
            text,
            "  if (start + {pixel}u < info.out_width) {{ y[to + {pixel}u * info.vectors] = {}; }}",
            value(pixel)
        );
    }
}

fn depthwise(run: usize, kernel: [usize; 2], stride: [usize; 2]) -> String {
    let mut text = run_of(run, stride);
    text.push_str("  let offset = bias[column];\n");
    for pixel in 0..run {
        let _ = writeln!(text, "  var sum{pixel} = offset;");
    }
    let _ = writeln!(
        text,
        "  for (var down = 0u; down < {}u; down++) {{
    let r = top + i32(down);
    if (r < 0 || r >= i32(info.height)) {{ continue; }}
    let base = (picture * info.height + u32(r)) * info.width;",
        kernel[0]
    );
    for place in 0..kernel[1] {
        let _ =
            writeln!(text, "    let w{place} = weight[(down * {}u + {place}u) * info.vectors + column];", kernel[1]);
    }
    // Every column of the run once, to all the results that it is in the window of.
    for place in 0..(run - 1) * stride[1] + kernel[1] {
        let _ = writeln!(
            text,
            "    let c{place} = left + {place};
    let within{place} = c{place} >= 0 && c{place} < i32(info.width);
    let x{place} = select(vec4<f32>(), x[select(0u, (base + u32(c{place})) * info.vectors + column, within{place})], within{place});"
        );
        for pixel in 0..run {
            if let Some(of) = place.checked_sub(pixel * stride[1]).filter(|of| *of < kernel[1]) {
                let _ = writeln!(text, "    sum{pixel} += x{place} * w{of};");
            }
        }
    }
    text.push_str("  }\n");
    write_run(&mut text, run, |pixel| format!("activated(sum{pixel})"));
    text
}

fn grouped(kernel: [usize; 2], stride: [usize; 2]) -> String {
    format!(
        "  if (column >= info.out_vectors * 4u || row >= info.rows) {{ return; }}
  let to = row * info.out_vectors * 4u + column;
  if (column >= info.outputs) {{ y[to] = 0.0; return; }}
  let left = i32(row % info.out_width * {}u) - i32(info.left);
  let top = i32(row / info.out_width % info.out_height * {}u) - i32(info.top);
  let picture = row / (info.out_width * info.out_height) * info.height;
  let count = info.inputs / info.groups;
  let begin = column / (info.outputs / info.groups) * count;
  var sum = bias[column];
  for (var place = 0u; place < {places}u; place++) {{
    let r = top + i32(place / {width}u);
    let c = left + i32(place % {width}u);
    if (r < 0 || r >= i32(info.height) || c < 0 || c >= i32(info.width)) {{ continue; }}
    let base = ((picture + u32(r)) * info.width + u32(c)) * info.vectors * 4u + begin;
    for (var k = 0u; k < count; k++) {{
      sum += x[base + k] * weight[(column * count + k) * {places}u + place];
    }}
  }}
  y[to] = activated(sum);
",
        stride[1],
        stride[0],
        places = kernel[0] * kernel[1],
        width = kernel[1],
    )
}

fn pool(kernel: usize, stride: usize, largest: bool) -> String {
    let mut text = run_of(1, [stride; 2]);
    // The most negative number there is: infinity has no literal.
    let (begin, step) = if largest { ("-3.4028234e38", "max(result, value)") } else { ("0.0", "result + value") };
    let _ = writeln!(
        text,
        "  var result = vec4<f32>({begin});
  for (var down = 0; down < {kernel}; down++) {{
    let r = top + down;
    if (r < 0 || r >= i32(info.height)) {{ continue; }}
    for (var right = 0; right < {kernel}; right++) {{
      let c = left + right;
      if (c < 0 || c >= i32(info.width)) {{ continue; }}
      let value = x[((picture * info.height + u32(r)) * info.width + u32(c)) * info.vectors + column];
      result = {step};
    }}
  }}"
    );
    let of = if largest { String::new() } else { format!(" * (1.0 / {}.0)", kernel * kernel) };
    write_run(&mut text, 1, |_| format!("result{of}"));
    text
}

fn global_average(wide: bool) -> String {
    if !wide {
        return "  if (column >= info.vectors || row >= info.rows) { return; }
  var sum = vec4<f32>();
  for (var k = 0u; k < info.area; k++) { sum += x[(row * info.area + k) * info.vectors + column]; }
  y[row * info.vectors + column] = sum / f32(info.area);
"
        .into();
    }
    format!(
        "  let vector = group.x;
  let valid = row < info.rows;
  var sum = vec4<f32>();
  if (valid) {{
    for (var k = local.x; k < info.area; k += {WORKGROUP}u) {{ sum += x[(row * info.area + k) * info.vectors + vector]; }}
  }}
  sums[local.x] = sum;
  workgroupBarrier();
  if (valid && local.x == 0u) {{
    for (var k = 1u; k < {WORKGROUP}u; k++) {{ sum += sums[k]; }}
    y[row * info.vectors + vector] = sum / f32(info.area);
  }}
"
    )
}

fn map(map: Map) -> String {
    let result = match map {
        Map::Activate(_) => "activated(x[at])".into(),
        Map::Affine => "x[at] * scale[column] + shift[column]".into(),
        Map::Scale => "x[at] * gate[row / info.area * info.vectors + column]".into(),
        Map::Add(..) => {
            let values: Vec<String> = Shader::Map(map).inputs().iter().map(|name| format!("{name}[at]")).collect();
            format!("activated({})", values.join(" + "))
        }
    };
    format!(
        "  if (column >= info.vectors || row >= info.rows) {{ return; }}
  let at = row * info.vectors + column;
  y[at] = {result};
"
    )
}
