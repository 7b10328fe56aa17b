//! Translates the tensor names of single-file checkpoints to those of diffusers.
//!
//! The tensors in such a file are named as in CompVis' code, with which Stable Diffusion was trained.
//! The networks are the same as in diffusers, but their layers are numbered differently. Two tensors
//! also differ in form: OpenCLIP stores the query, key and value projections of an attention as one
//! matrix, and the autoencoder's attention consists of 1×1 convolutions.

mod text_encoder;
mod unet;
mod vae;

use crate::component::Component;

/// diffusers' name for a tensor of a checkpoint, or for a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    pub(crate) name: String,
    pub(crate) part: Part,
}

/// The part of the stored tensor to which a name belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The whole tensor.
    Whole,
    /// The first (0), second (1) or third (2) of three equal ranges of rows.
    ThirdOfRows(usize),
    /// The whole tensor: a 1×1 convolution `[out, in, 1, 1]`, used as the matrix `[out, in]`.
    Matrix,
}

/// The error for a key that neither Stable Diffusion 1 nor 2 has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownKey(pub(crate) String);

impl Renamed {
    fn whole(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            part: Part::Whole,
        }
    }
}

/// Returns the prefixes with which the keys of a component can begin in a checkpoint.
pub(crate) fn prefixes(component: Component) -> &'static [&'static str] {
    match component {
        Component::TextEncoder => &["cond_stage_model.model.", "cond_stage_model.transformer."],
        Component::Unet => &["model.diffusion_model."],
        Component::VaeDecoder | Component::VaeEncoder => &["first_stage_model."],
    }
}

/// Whether a key belongs to any of the components.
pub(crate) fn is_known(key: &str) -> bool {
    let mut prefixes = Component::ALL.into_iter().flat_map(prefixes);
    prefixes.any(|start| key.starts_with(start))
}

/// Returns diffusers' names for the keys of a component. Keys of other components are left out.
///
/// # Errors
/// [`UnknownKey`] for a key of the UNet or autoencoder that neither version of Stable Diffusion has. If
/// it were ignored, the graph would lack a layer.
pub(crate) fn rename<'k>(
    component: Component,
    keys: impl Iterator<Item = &'k str> + Clone,
) -> Result<Vec<(&'k str, Vec<Renamed>)>, UnknownKey> {
    let inner = |start: &'static str| {
        let keys = keys.clone();
        keys.filter_map(move |key| Some((key, key.strip_prefix(start)?)))
    };
    match component {
        Component::Unet => unet::rename(&inner("model.diffusion_model.").collect::<Vec<_>>()),
        Component::VaeDecoder | Component::VaeEncoder => {
            vae::rename(&inner("first_stage_model.").collect::<Vec<_>>())
        }
        Component::TextEncoder => {
            let open_clip = inner("cond_stage_model.model.");
            let open_clip =
                open_clip.map(|(key, rest)| (key, text_encoder::rename_open_clip(rest)));
            let clip = inner("cond_stage_model.transformer.");
            let clip = clip.map(|(key, rest)| (key, vec![text_encoder::rename_clip(rest)]));
            Ok(open_clip.chain(clip).collect())
        }
    }
}

/// If `path` begins with a left entry of the table followed by a dot, replaces that entry by the right
/// one.
fn exchange_start(path: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from)?;
        rest.starts_with('.').then(|| format!("{to}{rest}"))
    })
}

/// Splits a path into the number before its first dot and the rest after it.
pub(crate) fn split_number(path: &str) -> Option<(usize, &str)> {
    let (number, rest) = path.split_once('.')?;
    Some((number.parse().ok()?, rest))
}
