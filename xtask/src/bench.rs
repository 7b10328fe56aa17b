//! `bench`.
use anyhow::Result;

use crate::workspace::Workspace;

pub(crate) fn run(_workspace: &Workspace, _arguments: &[String]) -> Result<()> {
    anyhow::bail!("not yet")
}
