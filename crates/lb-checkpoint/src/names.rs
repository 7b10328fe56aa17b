//! Translates the tensor names of single-file checkpoints to those of diffusers.
//!
//! A checkpoint in one file has the names of the CompVis code that Stable Diffusion was trained
//! with. Its networks are those of diffusers, numbered in other ways. Two things differ apart from
//! names: OpenCLIP fuses the projections of its attention, and the autoencoder's attention consists
//! of 1×1 convolutions.

mod text_encoder;
mod unet;
mod vae;

use crate::component::Component;

/// A tensor of a checkpoint under a name of diffusers.
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
    /// The first, second or third of three equal ranges of rows.
    ThirdOfRows(usize),
    /// A 1×1 convolution `[out, in, 1, 1]` as the matrix `[out, in]`.
    Matrix,
}

/// The key of a tensor that neither version of Stable Diffusion has.
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

/// How the keys of a component begin in a checkpoint.
pub(crate) fn prefixes(component: Component) -> &'static [&'static str] {
    match component {
        Component::TextEncoder => &["cond_stage_model.model.", "cond_stage_model.transformer."],
        Component::Unet => &["model.diffusion_model."],
        Component::VaeDecoder | Component::VaeEncoder => &["first_stage_model."],
    }
}

/// Whether a key belongs to any of the components.
pub(crate) fn is_known(key: &str) -> bool {
    let mut all = Component::ALL.iter();
    all.any(|&component| {
        prefixes(component)
            .iter()
            .any(|start| key.starts_with(start))
    })
}

/// The diffusers names for the keys of a component; keys of other components have none.
///
/// # Errors
/// For a key inside of the UNet or autoencoder that neither version of Stable Diffusion has: it
/// would be a layer left out.
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

/// `path` with another beginning, if one of the table's beginnings is followed by a dot in it.
fn exchange_start(path: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from)?;
        rest.starts_with('.').then(|| format!("{to}{rest}"))
    })
}

/// The number before the first dot, and what follows it.
fn split_number(path: &str) -> Option<(usize, &str)> {
    let (number, rest) = path.split_once('.')?;
    Some((number.parse().ok()?, rest))
}
