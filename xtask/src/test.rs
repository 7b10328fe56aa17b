//! `test`: every test of the workspace.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

/// Runs the tests, with `arguments` handed on to `cargo test`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let library = setup::library(workspace)?;
    process::run(process::cargo(&workspace.root).args(["build", "-p", "lb-cli"]))?;
    let mut test = process::cargo(&workspace.root);
    workspace.surround(&mut test, &library);
    test.env("LB_BINARY", workspace.program("debug"));
    process::run(test.args(["test", "--workspace"]).args(arguments))
}
