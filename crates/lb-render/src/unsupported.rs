//! What a job can say and a renderer cannot do yet: refused, never left out silently.

use crate::error::RenderError;
use crate::job::Job;

/// Checks that everything in a job can be carried out.
pub(crate) fn refuse(job: &Job) -> Result<(), RenderError> {
    let findings = [(
        job.keyframes.iter().any(|at| at.image.is_some()),
        "a picture as a keyframe",
    )];
    match findings.into_iter().find(|(found, _)| *found) {
        Some((_, what)) => Err(RenderError::Unsupported { what }),
        None => Ok(()),
    }
}
