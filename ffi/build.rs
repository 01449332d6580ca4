//! Gives the shared library its name for the loader: programs run with every version that is compatible with the one
//! they were linked with. `make install` makes the links of the same names.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let var = |name: &str| env::var(name).unwrap_or_default();
    let (major, minor) = (var("CARGO_PKG_VERSION_MAJOR"), var("CARGO_PKG_VERSION_MINOR"));
    // Before 1.0 a new minor version may break what was.
    let compatible = if major == "0" { format!("0.{minor}") } else { major };
    // On macOS the name is the place of installation, which `make install` writes.
    if var("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libtillroll.so.{compatible}");
    }
}
