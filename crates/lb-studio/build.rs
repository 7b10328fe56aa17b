//! Builds this crate again when the page was built again.

fn main() {
    println!("cargo::rerun-if-changed=page/dist");
}
