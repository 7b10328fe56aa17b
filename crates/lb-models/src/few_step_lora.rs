//! LoRAs with which an ordinary model draws in few steps, and the settings that they need.

use std::path::Path;

use lb_blend::{SamplerKind, TimestepSpacing};
use lb_checkpoint::Lora;

use crate::model_defaults::ModelDefaults;

/// The keys of metadata that hold a LoRA's name, as its author gave it.
const TITLES: [&str; 2] = ["modelspec.title", "ss_output_name"];

/// Names of files that say nothing, because every LoRA of a library has them. The folder then has the name.
const NAMELESS: [&str; 3] = ["pytorch_lora_weights", "adapter_model", "model"];

/// The settings that the LoRA in a file needs, if its name or its metadata show that it shortens: LCM-LoRA, TCD-LoRA
/// and Hyper-SD. A name is that of the file, that of its folder if the file has the name of all files, or a title in
/// the metadata. `None` for every other LoRA, and for a file that cannot be read, which is reported where it is used.
#[must_use]
pub fn few_step_defaults(path: &Path) -> Option<ModelDefaults> {
    let mut name = path.file_stem()?.to_str()?;
    if NAMELESS.contains(&name)
        && let Some(folder) = path.parent().and_then(Path::file_name)
    {
        name = folder.to_str()?;
    }
    if let Some(found) = of_name(name) {
        return Some(found);
    }
    let metadata = Lora::read_metadata(path)?;
    TITLES.iter().find_map(|key| of_name(metadata.get(*key)?))
}

/// The settings for a LoRA of this name.
fn of_name(name: &str) -> Option<ModelDefaults> {
    let name = name.to_lowercase().replace(['_', ' ', '.'], "-");
    let words: Vec<&str> = name.split('-').collect();
    let has = |word: &str| words.contains(&word);
    let few = |steps, sampler, timestep_spacing| ModelDefaults {
        steps: Some(steps),
        guidance_scale: Some(1.0),
        sampler: Some(sampler),
        timestep_spacing,
        ..ModelDefaults::default()
    };
    // Both were distilled along a grid of their own, which this sampler visits.
    if has("lcm") || has("tcd") {
        return Some(few(4, SamplerKind::Tcd, None));
    }
    if !(name.contains("hyper-sd") || has("hypersd") || has("hypersd15")) {
        return None;
    }
    let steps = words.iter().find_map(|word| steps_of(word, &words))?;
    if steps == 1 {
        return Some(few(1, SamplerKind::Tcd, None));
    }
    let trailing = few(steps, SamplerKind::Ddim, Some(TimestepSpacing::Trailing));
    Some(match has("cfg") {
        // It keeps guidance, so that the user's scale or the default applies.
        true => ModelDefaults {
            guidance_scale: None,
            ..trailing
        },
        false => trailing,
    })
}

/// The steps that a word of a name names, as in `8steps`, or `8` before `steps`.
fn steps_of(word: &str, words: &[&str]) -> Option<usize> {
    let number = word
        .strip_suffix("steps")
        .or_else(|| word.strip_suffix("step"));
    let number = match number {
        Some("") => {
            let position = words.iter().position(|other| *other == word)?;
            words.get(position.checked_sub(1)?)?
        }
        Some(number) => number,
        None => return None,
    };
    let steps = number.parse().ok()?;
    (1..=64).contains(&steps).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps, guidance, sampler and whether the timesteps are trailing.
    type Needs = (usize, Option<f64>, SamplerKind, bool);

    fn needs(path: &str) -> Option<Needs> {
        let found = few_step_defaults(Path::new(path))?;
        let trailing = found.timestep_spacing == Some(TimestepSpacing::Trailing);
        Some((found.steps?, found.guidance_scale, found.sampler?, trailing))
    }

    #[test]
    fn loras_that_shorten_are_known_by_their_names() {
        let consistency = Some((4, Some(1.0), SamplerKind::Tcd, false));
        for path in [
            "lcm-lora-sdv1-5/pytorch_lora_weights.safetensors",
            "LCM_LoRA_SD15.safetensors",
            "loras/TCD-SD21-base-LoRA.safetensors",
            "h1t/TCD-SD15-LoRA/pytorch_lora_weights.safetensors",
        ] {
            assert_eq!(needs(path), consistency, "{path}");
        }
        let hyper = |steps, guidance| Some((steps, guidance, SamplerKind::Ddim, true));
        let path = "Hyper-SD/Hyper-SD15-4steps-lora.safetensors";
        assert_eq!(needs(path), hyper(4, Some(1.0)));
        assert_eq!(
            needs("Hyper-SD15-8steps-CFG-lora.safetensors"),
            hyper(8, None)
        );
        assert_eq!(
            needs("Hyper-SD15-1step-lora.safetensors"),
            Some((1, Some(1.0), SamplerKind::Tcd, false))
        );
        for path in [
            "neon.safetensors",
            "hyperreal.safetensors",
            "lcm/style.pt",
            "",
        ] {
            assert_eq!(needs(path), None, "{path}");
        }
    }

    #[test]
    fn a_title_in_the_metadata_counts_as_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fast.safetensors");
        let header = br#"{"__metadata__": {"ss_output_name": "my_lcm_lora"}}"#;
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header].concat();
        std::fs::write(&path, bytes).unwrap();
        let found = few_step_defaults(&path).unwrap();
        assert_eq!(found.sampler, Some(SamplerKind::Tcd));
    }
}
