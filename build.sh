#!/usr/bin/env bash
# Everything a person needs to build, serve, test and measure Headstart. `./build.sh help` lists the commands.
# It sets up what is missing and then lets cargo and npm do the work. It runs on the bash 3.2 of macOS too.
set -euo pipefail
# The tests run in other folders than the caller's: a relative path would lead them astray.
case ${HEADSTART_REFERENCES:=} in '' | /*) ;; *) HEADSTART_REFERENCES=$PWD/$HEADSTART_REFERENCES ;; esac
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$PWD
export HEADSTART_REFERENCES=${HEADSTART_REFERENCES:-$root/../shared}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/headstart
wasm_target=wasm32-unknown-unknown
# A folder of its own: two compilers may be at work, and each would throw the other's results away.
wasm_dir=$root/target/wasm
bin=www/node_modules/.bin

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# ── Set-up ───────────────────────────────────────────────────────────────────────────────────────────────────

# Installs Debian packages; fails quietly where there is no apt or no right to use it, so that the caller can say what is missing.
apt_install() {
  have apt-get || return 1
  local run='env DEBIAN_FRONTEND=noninteractive'
  if [ "$(id -u)" != 0 ]; then
    have sudo || return 1
    run="sudo $run"
  fi
  run="$run apt-get -y -q -o DPkg::Lock::Timeout=120 --no-install-recommends"
  say "Installing $*"
  # Package lists may be missing or old: the first failure is answered by fetching them.
  # shellcheck disable=SC2086 # $run is several words
  $run install "$@" >&2 || { $run update >&2 && $run install "$@" >&2; }
}

setup_rust() {
  have cargo || die "Rust is missing: install it from https://rustup.rs, then run this again."
  have cc || apt_install build-essential || die "a C compiler (cc) is missing: install gcc or clang, then run this again."
  if have rustup; then
    { cargo clippy --version && cargo fmt --version; } >/dev/null 2>&1 || rustup component add clippy rustfmt
  fi
}

has_wasm_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$wasm_target/lib" ]; }
# Debian builds its browsers with these packages, so they are recent in every release; std comes as sources.
has_debian_wasm() { [ -x /usr/bin/cargo ] && [ -x /usr/bin/cargo-clippy ] && [ -d /usr/lib/rustlib/src ] && have wasm-ld-22; }

# Where rustup cannot fetch the target (a closed network), Debian's compiler builds std from its sources instead.
setup_wasm_compiler() {
  has_wasm_target || has_debian_wasm && return
  have rustup && rustup target add $wasm_target >&2 && return
  apt_install rustc-web cargo-web rust-web-src rust-web-clippy lld-22 && has_debian_wasm && return
  die "no compiler for $wasm_target: run 'rustup target add $wasm_target' (or, on Debian as root:
  apt-get install rustc-web cargo-web rust-web-src rust-web-clippy lld-22), then run this again."
}

# Runs cargo for wasm with whichever compiler there is: `wasm_cargo COMMAND ARGUMENTS…`. In a shell of its own, for the variables.
wasm_cargo() (
  command=$1
  shift
  # burn's CPU engine is several times faster with SIMD, and every current browser has it.
  # Messages name the sources of libraries, and need not say where these lie on this machine.
  # This variable's values end with a unit separator: the path may have spaces.
  CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' -C target-feature=+simd128)--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates
  export CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR=$wasm_dir
  if ! has_wasm_target; then
    # -Z asks for a nightly compiler or for this variable.
    export PATH=/usr/bin:$PATH RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22
    set -- -Z build-std=std,panic_abort "$@"
  fi
  cargo "$command" --locked --target $wasm_target "$@"
)

wasm_bindgen_version() { awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock; }

# Prints the path of wasm-bindgen's command line; its version has to be that of the library, to the digit.
wasm_bindgen() {
  local version folder
  version=$(wasm_bindgen_version)
  folder=$cache/tools/wasm-bindgen-$version
  if [ ! -x "$folder/bin/wasm-bindgen" ]; then
    say "Installing wasm-bindgen $version (once, about two minutes)"
    cargo install --quiet wasm-bindgen-cli --version "$version" --root "$folder" >&2
  fi
  printf '%s\n' "$folder/bin/wasm-bindgen"
}

setup_node() {
  local needed='Node.js 20.19, 22.12 or newer'
  { have node && have npm; } || die "$needed is missing: install it from https://nodejs.org, then run this again."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "$needed is needed; this is $(node --version)."
  install_packages www
}

# `install_packages FOLDER OPTIONS…`: what its package-lock.json lists, unless that is there already.
install_packages() {
  local folder=$1 stamp=$1/node_modules/.stamp lock
  shift
  lock=$(cksum <"$folder/package-lock.json")
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$lock" ]; then
    say "Installing the packages of $folder/package-lock.json"
    (cd "$folder" && npm ci --no-audit --no-fund "$@")
    printf '%s\n' "$lock" >"$stamp"
  fi
}

find_chromium() {
  local candidate playwrights
  playwrights=$(cd www && node -p "require('playwright-core').chromium.executablePath()")
  for candidate in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' "$playwrights"; do
    if [ -n "$candidate" ] && have "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

setup_chromium() {
  find_chromium >/dev/null || apt_install chromium || $bin/playwright-core install chromium >&2 || true
  find_chromium >/dev/null || die "no Chromium for the browser tests: install Chromium or Chrome (or set CHROMIUM to its path), then run this again."
}

# Those for which there are packages of what tests/examples/requirements.txt lists; Debian has `venv` apart.
has_python() { python3 -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; }

# The Python of an environment whose name says what is in it.
examples_python() { printf '%s\n' "$cache/tools/python-$(cksum <tests/examples/requirements.txt | cut -d ' ' -f 1)/bin/python"; }

# What the package's examples need and the package does not bring. HEADSTART_PYTHON may name a Python that has it.
setup_examples() {
  # The scripts of onnxruntime-node would fetch libraries for GPUs; what computes on the CPU is in the package.
  install_packages tests/examples --ignore-scripts
  if [ -n "${HEADSTART_PYTHON:-}" ]; then return; fi
  local python
  python=$(examples_python)
  if "$python" -c 'import numpy, onnxruntime, PIL' 2>/dev/null; then return; fi
  has_python || apt_install python3 python3-venv || true
  if ! has_python; then
    say 'No Python 3.11 to 3.14 with venv (or HEADSTART_PYTHON): the test of the example for Python is skipped.'
    return
  fi
  say 'Installing the packages of tests/examples/requirements.txt'
  python3 -m venv --clear "${python%/bin/python}"
  "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement tests/examples/requirements.txt
}

setup() {
  setup_rust
  setup_wasm_compiler
  wasm_bindgen >/dev/null
  setup_node
}

# ── Build ────────────────────────────────────────────────────────────────────────────────────────────────────

# src/ → www/pkg/ and, without the GPU engine and less than half as large, www/pkg/cpu/, and what only predicts: the worker fetches the one
# that it needs.
build_wasm() {
  setup
  say 'Building the wasm package'
  build_package www/pkg --features gpu
  say 'Building the wasm package without the GPU engine'
  build_package www/pkg/cpu --no-default-features
  build_relaxed www/pkg/cpu --no-default-features --features relaxed-simd
  say 'Building the wasm package that only predicts'
  build_package www/pkg/predict --no-default-features --features predict-only
  build_relaxed www/pkg/predict --no-default-features --features predict-only,relaxed-simd
}

# `build_relaxed FOLDER OPTIONS…`: the same package for browsers with relaxed SIMD, of which the module alone is used.
build_relaxed() {
  local folder=$1
  shift
  say '… and for browsers with relaxed SIMD'
  build_package "$folder/relaxed" "$@"
  cmp -s "$folder/headstart.js" "$folder/relaxed/headstart.js" ||
    die "the JavaScript of $folder and of $folder/relaxed differs: let the worker import each module's own."
}

# What a wasm package is made of, in one number.
wasm_inputs() {
  { find src Cargo.toml Cargo.lock build.sh -type f -exec cksum {} + | LC_ALL=C sort; cargo -V; printf '%s\n' "$*"; } | cksum
}

# `is_made FOLDER STAMP OF`: whether a package is there whose stamp says that it was made of this.
is_made() { [ -f "$1/headstart_bg.wasm" ] && [ "$(cat "$1/$2" 2>/dev/null || true)" = "$3" ]; }

# `build_package FOLDER OPTIONS…`: everything is made in a folder aside and moved into place whole.
build_package() {
  local folder=$1 inputs
  shift
  # Cargo has one place for both packages' module and would link each anew, for minutes, where nothing has changed.
  inputs=$(wasm_inputs "$@")
  if is_made "$folder" .inputs "$inputs"; then return; fi
  wasm_cargo build --profile wasm --package headstart-module "$@"
  local raw=$wasm_dir/$wasm_target/wasm/headstart_module.wasm staging=$wasm_dir/pkg tool stamp
  # Such wrappers run every static constructor again at each call from JavaScript: see src/web.
  ! grep -q '\.command_export' "$raw" || die "the linker wrapped the exports: call __wasm_call_ctors once from the start function."

  tool=$(wasm_bindgen)
  stamp="$(cksum <"$raw") $(cksum <build.sh) $tool"
  if is_made "$folder" .stamp "$stamp"; then
    printf '%s\n' "$inputs" >"$folder/.inputs"
    return
  fi
  rm -rf "$staging"
  "$tool" --target web --out-dir "$staging" --out-name headstart "$raw"
  # -Oz saves nothing of the download once compressed, and its code is slower. What is called from one place stays a function of its own:
  # a browser compiles what is often called once more, as a whole, and is done sooner with the part that it is about.
  $bin/wasm-opt -O2 --one-caller-inline-max-function-size=0 --strip-debug --strip-producers \
    --enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
    --enable-mutable-globals --enable-reference-types --enable-multivalue --enable-extended-const --enable-relaxed-simd \
    "$staging/headstart_bg.wasm" -o "$staging/headstart_bg.wasm"
  printf '%s\n' "$stamp" >"$staging/.stamp"
  mkdir -p "$folder"
  rm -f "$folder"/*.* "$folder/.stamp" "$folder/.inputs"
  printf '%s\n' "$inputs" >"$staging/.inputs"
  mv "$staging"/* "$staging/.stamp" "$staging/.inputs" "$folder/"
}

build_site() {
  say 'Building the site into dist/'
  npm --prefix www run --silent build
  if [ -n "${HEADSTART_PEERS:-}" ]; then put_peers; fi
}

# The libraries that bench.html compares with, beside it: some 60 MB that no other page asks for.
put_peers() {
  say 'Putting the libraries beside bench.html'
  setup_peers
  mkdir -p dist/bench/peers
  cp -R target/bench/peers/assets target/bench/peers/network target/bench/peers/beside.js dist/bench/peers/
  cp target/bench/peers/peers.json dist/bench/
}

build() {
  build_wasm
  build_site
}

# target/package/ and, as npm takes it, target/headstart-VERSION.tgz.
pack() {
  say 'Making the npm package in target/'
  rm -rf target/package target/headstart-*.tgz
  (
    cd www
    ./node_modules/.bin/rolldown -c package/rolldown.config.js --log-level warn
    ./node_modules/.bin/tsc -p tsconfig.declarations.json --outDir ../target/package/types
    node package/assemble.js
  )
  npm pack ./target/package --pack-destination target --silent
}

package() {
  # What a page of its own is made of is a part of the site and of the package.
  build
  pack
}

serve() {
  build
  local port=${PORT:-8080}
  say "Headstart is at http://localhost:$port (stop it with Ctrl+C)"
  cd www
  exec ./node_modules/.bin/vite preview --host 127.0.0.1 --port "$port" --strictPort
}

docs() {
  setup_node
  install_packages www/docs
  say 'Building the documentation into target/docs/'
  npm --prefix www/docs run --silent build
  local port=${PORT:-8081}
  say "The documentation is at http://localhost:$port (stop it with Ctrl+C)"
  exec $bin/vite preview target --outDir docs --host 127.0.0.1 --port "$port" --strictPort
}

# Its words are in www/tools/backbone; relative paths are the caller's.
backbone() {
  setup_rust
  setup_node
  (cd www && ./node_modules/.bin/vite build --config tools/vite.config.ts --logLevel warn)
  cd "$caller"
  HEADSTART_ROOT=$root exec node "$root/target/tools/backbone.mjs" "$@"
}

# ── Checks and tests ─────────────────────────────────────────────────────────────────────────────────────────

format() { cargo fmt --all --check; }
# Natively without the GPU engine, which is more than half of all there is to compile: the build for the browser has it and is linted
# with it, and no test has a native GPU.
native=(--locked --no-default-features)
# What runs natively makes way for the packages for the browser, which are linked beside it on one core and take longest of all.
beside() { nice -n 10 "$@"; }
lint() { beside cargo clippy "${native[@]}" --workspace --all-targets -- -D warnings; }
# In the profile of the build, so that the two share what runs on this machine (macros, build scripts).
lint_wasm() { wasm_cargo clippy --workspace --profile wasm --lib -- -D warnings; }
types() { npm --prefix www run --silent typecheck; }
# `cargo test` writes the TypeScript types and the rules of the settings; what is committed has to be what it wrote.
generated() { ! git rev-parse --is-inside-work-tree >/dev/null 2>&1 || git diff --exit-code -- www/generated; }

check() {
  build_wasm
  format
  lint
  lint_wasm
  types
}

passed=0 failed=0 skipped=0

# A check or a build is no test: it adds nothing where it succeeds and one failure where it does not.
step() {
  say "── $1"
  # As a process of its own, so that the first error ends it: bash switches `set -e` off inside a condition.
  if ! "$root/build.sh" "$2"; then
    say "FAILED: $1"
    failed=$((failed + 1))
    return 1
  fi
}

# Runs steps one after the other while this process goes on: linking the module for the browser keeps one core busy for minutes.
aside() {
  rm -f target/test/aside.*
  (for name in "$@"; do
    status=0
    "$root/build.sh" "$name" >"target/test/aside.$name.log" 2>&1 || status=$?
    printf '%s\n' "$status" >target/test/aside.status
    mv target/test/aside.status "target/test/aside.$name.status"
  done) &
}

# Waits for one of them, shows what it said and answers as it did.
aside_end() {
  while [ ! -f "target/test/aside.$1.status" ]; do sleep 1; done
  cat "target/test/aside.$1.log"
  return "$(cat "target/test/aside.$1.status")"
}

# Adds up one runner: name, exit status, passed, failed, skipped. A runner that broke without a failed test is a failure.
count() {
  local broke=0
  if [ "$2" != 0 ] && [ "$4" = 0 ]; then broke=1; fi
  passed=$((passed + $3)) failed=$((failed + $4 + broke)) skipped=$((skipped + $5))
  say "$1: $3 passed, $(($4 + broke)) failed, $5 skipped"
}

test_rust() {
  say '── Rust tests'
  local log=target/test/rust.log status=0 flags=''
  if [ -d "$HEADSTART_REFERENCES/backbones" ] && [ -d "$HEADSTART_REFERENCES/tasks" ]; then
    flags=--include-ignored
  else
    say "No reference backbones and pictures in $HEADSTART_REFERENCES (HEADSTART_REFERENCES): the tests that need them are skipped."
  fi
  # shellcheck disable=SC2086 # no word where there is no flag
  beside cargo test "${native[@]}" --workspace --no-fail-fast -- $flags 2>&1 | tee "$log" || status=$?
  # shellcheck disable=SC2046 # three numbers
  count 'Rust tests' $status $(awk '/^test result:/ { for (i = 2; i <= NF; i++) { if ($i == "passed;") p += $(i - 1);
    if ($i == "failed;") f += $(i - 1); if ($i == "ignored;") s += $(i - 1) } } END { print p + 0, f + 0, s + 0 }' "$log")
}

# `test_www PROJECT`: one of the projects in www/vitest.config.ts.
test_www() {
  say "── Tests of www: $1"
  local report=$root/target/test/$1.json status=0
  rm -f "$report"
  (cd www && ./node_modules/.bin/vitest run --config vitest.config.ts --project "$1" \
    --reporter=default --reporter=json --outputFile.json="$report") || status=$?
  # shellcheck disable=SC2046 # three numbers
  count "Tests of www: $1" $status $(node -e 'const fs = require("fs");
    const r = fs.existsSync(process.argv[1]) ? JSON.parse(fs.readFileSync(process.argv[1], "utf8")) : {};
    console.log(r.numPassedTests ?? 0, r.numFailedTests ?? 0, (r.numPendingTests ?? 0) + (r.numTodoTests ?? 0));' "$report")
}

# Later runners go on after a failure, so that one run shows all there is to mend.
run_tests() {
  setup
  mkdir -p target/test
  aside wasm lint-wasm
  step 'Format' format || true
  step 'Lints' lint || true
  test_rust
  step 'Generated types' generated || true
  # One test builds the documentation.
  install_packages www/docs
  test_www unit
  local browser=missing
  if step 'Browser for the tests' chromium; then browser=there; fi
  # A test of an example whose packages are missing fails by itself.
  step 'Packages of the examples' examples || true
  if step 'Build of the wasm package' aside-wasm; then
    step 'Lints of the code for the browser' aside-lint-wasm || true
    step 'Types' types || true
    if [ $browser = there ] && step 'Build of the site' site && step 'The npm package' pack; then
      if [ -z "${HEADSTART_PYTHON:-}" ] && [ -x "$(examples_python)" ]; then HEADSTART_PYTHON=$(examples_python); fi
      CHROMIUM=$(find_chromium)
      export CHROMIUM HEADSTART_PYTHON
      test_www browser
    fi
  fi
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ]
}

# The libraries that Headstart is measured against are large, and nothing else needs them.
setup_peers() {
  install_packages tests/bench/peers --ignore-scripts
  # Its config reads a network with code of the tests, which has to be bundled.
  VITE_CONFIG_NATIVE_IGNORE_WARNING=true $bin/vite build --config tests/bench/peers/vite.config.ts --logLevel warn
}

# Natively, with a package of its own that nothing else compiles. Criterion says what it has measured, not what it is about to.
bench_kernels() {
  setup_rust
  CARGO_TARGET_DIR=$root/target/bench-kernels \
    cargo run --quiet --release --locked --manifest-path tests/bench/kernels/Cargo.toml -- --bench --quiet "$@"
}

bench() {
  local name=${1:-}
  [ $# = 0 ] || shift
  if [ "$name" = kernels ]; then
    bench_kernels "$@"
    return
  fi
  if [ ! -f "tests/bench/$name.test.ts" ]; then
    die "which benchmark? $(cd tests/bench && echo *.test.ts kernels | sed 's/\.test\.ts//g; s/ /, /g')"
  fi
  build
  setup_chromium
  CHROMIUM=$(find_chromium)
  export CHROMIUM
  case $name in
    peers) setup_peers ;;
    exports) tests/bench/exports/setup.sh ;;
  esac
  cd www
  ./node_modules/.bin/vitest run --config vitest.config.ts --project bench "tests/bench/$name.test.ts" --disable-console-intercept "$@"
}

help() {
  cat <<'END'
./build.sh serve         build the site and serve it at http://localhost:8080 (PORT=… for another port)
./build.sh build         build the site into dist/
./build.sh package       make the npm package target/headstart-VERSION.tgz
./build.sh docs          build the documentation and serve it at http://localhost:8081
./build.sh backbone NAME bring a backbone to the site, such as timm/mobilenetv2_100.ra_in1k; --help tells more
./build.sh test          run every check and test; the last line is the total
./build.sh check         formatting, lints and types only
./build.sh bench NAME …  run a benchmark of tests/bench, such as browser
./build.sh setup         install what is missing and stop
What is missing is set up first: the wasm target, wasm-bindgen, npm's packages, Chromium for the browser tests, Python's packages for an example.
HEADSTART_REFERENCES names the folder with reference backbones and picture sets that some tests need.
HEADSTART_PEERS=1 puts the libraries that bench.html compares with beside it in dist/.
END
}

case ${1:-help} in
  serve | build | package | docs | check | setup) "$1" ;;
  test) run_tests ;;
  bench) shift; bench "$@" ;;
  backbone) shift; backbone "$@" ;;
  # The steps of `test`.
  format | lint | types | generated) "$1" ;;
  lint-wasm) lint_wasm ;;
  wasm) build_wasm ;;
  aside-*) aside_end "${1#aside-}" ;;
  site) build_site ;;
  pack) pack ;;
  chromium) setup_chromium ;;
  examples) setup_examples ;;
  help | -h | --help) help ;;
  *) help >&2; exit 2 ;;
esac
