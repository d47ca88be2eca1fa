//! Notes what the module is built with, for `build_info()` and `--version`.

use std::process::Command;

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|answer| String::from_utf8(answer.stdout).ok());
    let version = version.as_deref().and_then(|text| text.split_whitespace().nth(1));
    println!("cargo::rustc-env=CAFELOOP_RUSTC={}", version.unwrap_or("unknown"));
    let python = pyo3_build_config::get();
    println!("cargo::rustc-env=CAFELOOP_PYTHON={}", python.version());
    println!("cargo::rerun-if-changed=build.rs");
}
