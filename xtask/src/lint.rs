//! `lint`: the checks that a change must pass before it is taken, except for the tests.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{dependencies, process, tidy};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let cargo = |arguments: &str| {
        let mut command = process::cargo(&workspace.root);
        command.args(arguments.split(' '));
        command
    };
    // The fast checks come first.
    process::run(&mut cargo("fmt --all --check"))?;
    tidy::run(workspace)?;
    dependencies::run(workspace)?;
    process::run(&mut cargo(
        "clippy --workspace --all-targets -- -D warnings",
    ))?;
    process::run(cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))
}
