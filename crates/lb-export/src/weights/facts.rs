//! What the weights of a component are, without their numbers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Weights;
use crate::directory::Component;
use crate::error::ExportError;
use crate::safetensors::Dtype;

/// What [`weight_facts`] tells of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFacts {
    /// How many numbers there are; those of buffers that are no weights are not counted.
    pub parameters: u64,
    /// How much room the component's tensors take.
    pub bytes: u64,
    /// The number formats in which they are stored: `F32`, `F16`, `BF16`.
    pub formats: BTreeSet<String>,
    /// The files that have them, which may have the weights of other components too.
    pub files: Vec<PathBuf>,
}

/// Tells what the weights of a component are from the headers of their files.
///
/// Both halves of the autoencoder have one source, and the same facts.
///
/// # Errors
/// When the weights are missing or their headers damaged.
pub fn weight_facts(
    model_directory: &Path,
    component: Component,
) -> Result<WeightFacts, ExportError> {
    let weights = Weights::of_component(model_directory, component)?;
    let mut facts = WeightFacts {
        parameters: 0,
        bytes: 0,
        formats: BTreeSet::new(),
        files: weights.files.clone(),
    };
    for (_, place) in weights.tensors.values() {
        facts.bytes += place.length;
        if Dtype::parse(&place.dtype).is_some() {
            facts.parameters += place.shape.iter().map(|&size| size as u64).product::<u64>();
            facts.formats.insert(place.dtype.clone());
        }
    }
    Ok(facts)
}
