#!/usr/bin/env bash
# Makes `cargo build --target wasm32-unknown-unknown` work, and prints the cargo to use.
#
#   cargo=$(xtask/wasm-toolchain.sh)         # "cargo" or "cargo +wasm", on standard output
#   $cargo build --release --target wasm32-unknown-unknown -p sprag-protocol
#
# The first of these that works wins; it is safe to run again at any time:
#   1. the active toolchain links for wasm32 already                     -> nothing to do
#   2. a toolchain named $WASM_TOOLCHAIN does (an earlier run made it)   -> use it
#   3. `rustup target add`                                               -> use it
#   4. Debian's compiler, for machines that reach Debian's servers only: unpack rustc-web
#      (without dpkg, so that nothing of the system or of ~/.rustup is replaced), build std for
#      wasm32 once from rust-web-src, and `rustup toolchain link` the result
#
# Environment, with defaults:
#   WASM_TOOLCHAIN=wasm       the name of the toolchain of step 4
#   WASM_PREFIX               where it lies: /opt/rust-wasm, below $HOME if not root
#   WASM_DEB_CACHE            where the packages lie: $WASM_PREFIX.debs
#   WASM_NO_RUSTUP            set: skip step 3
#   WASM_RUSTUP_TIMEOUT=180   seconds to give to step 3
#   WASM_BINDGEN              a version: install that wasm-bindgen-cli too
set -euo pipefail

target=wasm32-unknown-unknown
toolchain=${WASM_TOOLCHAIN:-wasm}
if [ "$(id -u)" = 0 ]; then
  default_prefix=/opt/rust-wasm
else
  default_prefix=${XDG_DATA_HOME:-$HOME/.local/share}/rust-wasm
fi
prefix=${WASM_PREFIX:-$default_prefix}
debs=${WASM_DEB_CACHE:-$prefix.debs}

say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# works [+TOOLCHAIN]: does it compile, with std, and link for wasm32? It runs in the caller's
# folder, so that rust-toolchain.toml counts.
works() {
  cat >"$tmp/probe.rs" <<'RUST'
#[unsafe(no_mangle)]
pub extern "C" fn probe(n: usize) -> usize { std::vec![1u8; n].iter().map(|x| *x as usize).sum() }
RUST
  rustc "$@" --edition=2024 --crate-type=cdylib --target "$target" -O \
    -o "$tmp/probe.wasm" "$tmp/probe.rs" >"$tmp/works.log" 2>&1 \
    && [ "$(head -c4 "$tmp/probe.wasm" | od -An -tx1 | tr -d ' ')" = 0061736d ]
}

install_bindgen() {
  [ -n "${WASM_BINDGEN:-}" ] || return 0
  if have wasm-bindgen && [ "$(wasm-bindgen --version)" = "wasm-bindgen $WASM_BINDGEN" ]; then
    return 0
  fi
  say "installing wasm-bindgen-cli $WASM_BINDGEN (a few minutes)"
  local -a install=(cargo install -q wasm-bindgen-cli --version "$WASM_BINDGEN")
  # Its lockfile can name a version that a lagging mirror does not have.
  "${install[@]}" --locked --no-default-features >&2 \
    || { say "its lockfile cannot be met; installing without --locked"
         "${install[@]}" --no-default-features >&2; }
}

finish() {
  install_bindgen
  say "ready: $1"
  printf '%s\n' "$1"
  exit 0
}

have cargo && have rustc || die "cargo and rustc are needed first"
if works; then finish cargo; fi
have rustup || die "there is no rustup here: install the $target target by other means"
if works "+$toolchain"; then finish "cargo +$toolchain"; fi
if [ -z "${WASM_NO_RUSTUP:-}" ]; then
  say "rustup target add $target"
  if RUST_BACKTRACE=0 RUSTUP_MAX_RETRIES=1 \
    timeout "${WASM_RUSTUP_TIMEOUT:-180}" rustup target add "$target" >&2; then
    if works; then finish cargo; fi
  fi
  say "rustup could not provide it; falling back to Debian's compiler"
fi

# ---- Debian's compiler ---------------------------------------------------------------------
have apt-get && have dpkg-deb || die "no apt here: install the $target target by other means"
host=$(rustc -vV | sed -n 's/^host: //p')
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")

candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '^(none)$'; }
# dependency PACKAGE PATTERN: the first package that PACKAGE depends on and that is named so
dependency() {
  apt-cache depends --no-recommends --no-suggests "$1" \
    | sed -n "s/^[ |]*Depends: \($2\)\$/\1/p" | head -1
}

version=$(candidate rustc-web || true)
if [ -z "$version" ] && [ "$(id -u)" = 0 ]; then
  apt-get update -q >&2 || true
  version=$(candidate rustc-web || true)
fi
[ -n "$version" ] || die "no rustc-web package in the configured apt sources"
std=$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
llvm=$(dependency "$std" 'libllvm[0-9]*')
lld=lld-${llvm#libllvm}

packages=(rustc-web "$std" libstd-rust-web-dev rust-web-src "$llvm" "$lld")
say "downloading ${packages[*]} ($version)"
mkdir -p "$debs"
# What is in the folder already is not downloaded again; the warning about _apt is harmless.
(cd "$debs" && apt-get download -q "${packages[@]}" >&2)

new=$prefix.new
rm -rf "$new"
mkdir -p "$new"
newest() { ls -t "$debs/$1"_*.deb | head -1; }
unpack() {
  dpkg-deb --fsys-tarfile "$(newest "$1")" \
    | tar -x -C "$new" --no-same-owner --strip-components=2 "${@:2}"
}
for package in rustc-web "$std" libstd-rust-web-dev "$llvm" "$lld"; do
  unpack "$package" --exclude='./usr/share'
done
source=$(dpkg-deb --fsys-tarfile "$(newest rust-web-src)" | tar -t \
  | sed -n 's#^\./usr/src/\(rustc-[^/]*\)/library/Cargo.lock$#\1#p')
[ -n "$source" ] || die "unexpected layout of rust-web-src"
unpack rust-web-src "./usr/src/$source/library"

# The layout that rustup expects: bin/, lib/*.so, lib/rustlib/{src,$host,$target}.
rustlib=$new/lib/rustlib
mv "$new/lib/$multiarch"/*.so* "$new/lib/"
rmdir "$new/lib/$multiarch" 2>/dev/null || true
mkdir -p "$rustlib/src/rust" "$rustlib/$host/bin"
mv "$new/src/$source/library" "$rustlib/src/rust/library"
cp "$new"/lib/llvm-*/bin/lld "$rustlib/$host/bin/rust-lld"
rm -rf "$new/src" "$new"/lib/llvm-* "$new"/bin/*lld* "$new"/bin/wasm-ld* "$new/libexec"

# Debian's rustc has no RPATH; a small launcher lets it run from anywhere.
mkdir -p "$new/libexec"
for program in rustc rustdoc; do
  mv "$new/bin/$program" "$new/libexec/$program"
  cat >"$new/bin/$program" <<'SH'
#!/bin/sh
r=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH=$r/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH
exec "$r/libexec/$(basename "$0")" "$@"
SH
  chmod 755 "$new/bin/$program"
done
cargo=$(rustup which cargo)
ln -s "$cargo" "$new/bin/cargo"

missing=$(LD_LIBRARY_PATH=$new/lib ldd "$new/libexec/rustc" "$rustlib/$host/bin/rust-lld" \
  | awk '/not found/{print $1}' | sort -u | tr '\n' ' ')
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || die "missing libraries: $missing(apt-get install $llvm brings them)"
  apt-get install -y -q --no-install-recommends "$llvm" >&2
fi

say "building std for $target from $source (a minute or two)"
(
  cd "$rustlib/src/rust/library"
  unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET \
    RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTUP_TOOLCHAIN
  # As rustc's own build does it: std's dependencies are marked unstable, bitcode is kept for LTO.
  export RUSTC=$new/bin/rustc RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=distwasm
  export CARGO_TARGET_DIR=$tmp/std CARGO_PROFILE_DIST_DEBUG=0 CARGO_INCREMENTAL=0
  export RUSTFLAGS="-Zforce-unstable-if-unmarked --remap-path-prefix=$rustlib/src/rust=/rustc-src"
  "$cargo" build -q --locked --profile dist --target "$target" \
    --manifest-path sysroot/Cargo.toml >&2
)
libraries=$rustlib/$target/lib
mkdir -p "$libraries"
cp "$tmp/std/$target"/dist/deps/lib*.rlib "$libraries/"
ls "$libraries"/libstd*.rlib "$libraries"/libcore-*.rlib >/dev/null || die "std was not built"

rm -rf "$prefix"
mv "$new" "$prefix"
rustup toolchain link "$toolchain" "$prefix" >&2
works "+$toolchain" || { cat "$tmp/works.log" >&2; die "the linked toolchain does not work"; }
finish "cargo +$toolchain"
