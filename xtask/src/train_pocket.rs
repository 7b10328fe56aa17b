//! `train-pocket`: trains the bundled model, as its card describes.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, python};

/// Runs the training script, with `arguments` handed on to it.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let folder = workspace.root.join("models/pocket/train");
    let python = python::with_packages(workspace, &folder.join("requirements.txt"))?;
    let mut train = python.command();
    process::run(train.arg(folder.join("train.py")).args(arguments))
}
