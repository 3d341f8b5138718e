#!/bin/sh
# Installs what ../exports.test.ts gives exported models to. Safe to run again: what is there is kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
packages=$here/../../../target/exports/packages

stamp=$here/node_modules/.stamp
lock=$(cksum <"$here/package-lock.json")
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$lock" ]; then
  # The scripts of onnxruntime-node would fetch libraries for GPUs; what computes on the CPU is in the package.
  (cd "$here" && npm ci --ignore-scripts --no-audit --no-fund)
  printf '%s\n' "$lock" >"$stamp"
fi

# `bundle NAME VERSION SHA512`: a package without what it depends on, which for these is hundreds of megabytes and already in their bundles.
bundle() {
  folder=$packages/$1
  if [ "$(cat "$folder/.integrity" 2>/dev/null || true)" = "$3" ]; then return; fi
  rm -rf "$folder"
  mkdir -p "$folder"
  archive=$(cd "$folder" && npm pack "$1@$2" --ignore-scripts --silent)
  node -e 'const [, path, expected] = process.argv;
    const found = "sha512-" + require("crypto").createHash("sha512").update(require("fs").readFileSync(path)).digest("base64");
    if (found !== expected) throw new Error(`${path} is ${found}, not ${expected}`);' "$folder/$archive" "$3"
  tar -xzf "$folder/$archive" -C "$folder" --strip-components=1
  rm "$folder/$archive"
  printf '%s\n' "$3" >"$folder/.integrity"
}
bundle @teachablemachine/image 0.8.5 sha512-u6BLQ8RBn38BKee7mmAl+HS9qWgM/2YmUbQYy21eQfqhb7E8xT5LDp7QqEU31rtgEIMDwB/OG8cjmSiuHpqb7A==
bundle ml5 1.0.1 sha512-xyNgMeOlrrcboje3zpDMFnkLsTnzBecfWZf2QF4L3YcAVshWXRqn1HdN1SobJB8aW5URo/Y63L481e7l60eoXg==
