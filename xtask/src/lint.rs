//! `lint`: what must hold before a change is taken.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{dependencies, process, tidy};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let cargo = || process::cargo(&workspace.root);
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    // Before the slow ones.
    tidy::run(workspace)?;
    dependencies::check(workspace)?;
    process::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    process::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
