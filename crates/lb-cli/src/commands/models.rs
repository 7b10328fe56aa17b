//! `lb models`: lists models and their problems, and removes models.

mod remove;

pub(crate) use self::remove::{is_downloaded, remove as remove_folder};

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lb_models::{
    ComponentInspection, Manifest, ModelConfiguration, ModelDefaults, ModelDirectory,
    ModelInspection, find_models,
};
use lb_render::{ModelKind, SamplerKind};
use serde::Serialize;

use crate::error::CommandError;
use crate::facts;
use crate::surroundings::Surroundings;

/// Which models are shown, and how.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct ModelsArguments {
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// One model in detail: its name, or a model directory [default: list all].
    #[arg(value_name = "NAME|DIR")]
    name: Option<String>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Remove a model and print how much space that has freed.
    Rm(remove::RemoveArguments),
}

const EXAMPLES: &str = "Examples:
  lb models
  lb models pocket
  lb models rm sd21";

pub(crate) fn run(
    arguments: &ModelsArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    if let Some(ModelsCommand::Rm(model)) = &arguments.command {
        return remove::run(model, quiet, surroundings);
    }
    let folders = &surroundings.model_folders;
    let Some(name) = &arguments.name else {
        let models = inspect_all(folders);
        if arguments.json {
            facts::print(&models.iter().map(facts).collect::<Vec<_>>());
        } else {
            list(&models, folders);
        }
        return Ok(());
    };
    let model = ModelInspection::of(&ModelDirectory::locate(name, folders)?);
    if arguments.json {
        facts::print(&details(&model));
    } else {
        describe(&model);
    }
    match model.problems.first() {
        None => Ok(()),
        Some(problem) => Err(CommandError::failure(format!(
            "the model `{}` cannot be used: {problem}",
            model.name
        ))),
    }
}

/// What to do where there is no model.
pub(crate) const HOW_TO_GET_ONE: &str =
    "`lb pull sd-turbo` downloads one, `lb import SOURCE` takes one from this machine";

/// Inspects every model in the folders.
pub(crate) fn inspect_all(folders: &[PathBuf]) -> Vec<ModelInspection> {
    let models = find_models(folders).into_iter();
    models.map(|path| ModelInspection::of(&path)).collect()
}

fn list(models: &[ModelInspection], folders: &[PathBuf]) {
    if models.is_empty() {
        let folders = match folders {
            [] => "any folder".into(),
            folders => facts::texts(folders).join(", "),
        };
        outln!("no models in {folders}");
        outln!("{HOW_TO_GET_ONE}");
    }
    for model in models {
        outln!("{}: {}", model.name, summary(model));
        outln!("  {}", model.path.display());
        for problem in &model.problems {
            outln!("  problem: {problem}");
        }
    }
}

/// A model in one line.
pub(crate) fn summary(model: &ModelInspection) -> String {
    let mut parts = vec![kind(model)];
    if let Some(configuration) = &model.configuration {
        let (width, height) = configuration.directory.default_size;
        parts.push(format!("{width}x{height} pixels"));
    }
    let licence = licence(model);
    parts.extend([
        precision(model),
        size(model.bytes),
        format!("licence {licence}"),
    ]);
    parts.join(", ")
}

fn describe(model: &ModelInspection) {
    outln!("{}", model.name);
    outln!("  folder       {}", model.path.display());
    outln!("  kind         {}", kind(model));
    outln!("  licence      {}", licence(model));
    outln!("  size         {}", size(model.bytes));
    for ComponentInspection {
        name,
        parameters,
        formats,
        bytes,
        ..
    } in &model.components
    {
        let parameters = match parameters {
            Some(count @ 0..1_000_000) => format!("{count} parameters"),
            Some(count) => format!("{:.1} M parameters", *count as f64 / 1e6),
            None => "no weights to read".into(),
        };
        outln!(
            "  {name:<13}{parameters}, {}, {}{}",
            precision_of(formats),
            size(*bytes),
            shared_with(model, name)
        );
    }
    if let Some(configuration) = &model.configuration {
        let ModelDirectory {
            default_size: (width, height),
            side_multiple,
            schedule,
            text_length,
            defaults,
            ..
        } = &configuration.directory;
        outln!("  defaults     {}", defaults_of(defaults));
        outln!("  pictures     {width}x{height} pixels; sides are multiples of {side_multiple}");
        outln!("  predicts     {}", schedule.prediction_type);
        let class = configuration.scheduler.as_deref().unwrap_or("not named");
        outln!(
            "  scheduler    {class}: {} steps, betas {} to {}, {}",
            schedule.num_train_timesteps,
            schedule.beta_start,
            schedule.beta_end,
            schedule.beta_schedule
        );
        outln!("  sampling     {}", sampling(&configuration.directory));
        match configuration.vocabulary {
            Some(tokens) => {
                let unnamed = configuration
                    .directory
                    .text_vocabulary
                    .saturating_sub(tokens);
                let unnamed = match unnamed {
                    0 => String::new(),
                    _ => format!("; the text encoder has {unnamed} more, which have no names"),
                };
                outln!(
                    "  tokenizer    {tokens} tokens, at most {text_length} in a prompt{}{unnamed}",
                    shared_with(model, Manifest::TOKENIZER)
                );
            }
            None => outln!("  tokenizer    cannot be read"),
        }
        if let Some(words) = &configuration.directory.words {
            let words: Vec<&str> = words.iter().collect();
            outln!(
                "  words        {}, of the captions it was trained on:",
                words.len()
            );
            for line in wrapped(&words, LINE - INDENT.len()) {
                outln!("{INDENT}{line}");
            }
        }
    }
    for problem in &model.problems {
        outln!("  problem      {problem}");
    }
}

/// Where a part of a model comes from, if that is another model.
fn shared_with(model: &ModelInspection, part: &str) -> String {
    let configuration = model.configuration.as_ref();
    let home = configuration.and_then(|found| found.directory.shared.get(part));
    match home {
        Some(home) => format!(", from {}", home.display()),
        None => String::new(),
    }
}

/// The sampler and the timesteps of a model for which a job asks for no others.
pub(crate) fn sampling(directory: &ModelDirectory) -> String {
    let named = &directory.scheduler;
    let sampler = directory.defaults.sampler.or(named.sampler);
    let spacing = directory.defaults.timestep_spacing;
    let spacing = spacing.or(directory.schedule.timestep_spacing);
    let sampler = match (sampler, &named.unsupported) {
        (_, Some(setting)) if directory.defaults.sampler.is_none() => {
            return format!("no sampler has {setting}; name one with --sampler");
        }
        (Some(sampler), _) => sampler,
        (None, _) => SamplerKind::default(),
    };
    let timesteps = match (sampler, spacing) {
        (SamplerKind::Tcd, _) => format!(
            "out of {} timesteps",
            directory.schedule.original_inference_steps
        ),
        (_, Some(spacing)) => format!("{spacing} timesteps"),
        (_, None) => "its usual timesteps".to_owned(),
    };
    format!("{sampler}, {timesteps}")
}

/// The settings that a model needs, in one line.
pub(crate) fn defaults_of(defaults: &ModelDefaults) -> String {
    let ModelDefaults {
        steps,
        guidance_scale,
        guidance_rescale,
        clip_skip,
        sampler,
        timestep_spacing,
        depth_strength,
        ..
    } = defaults;
    let given = [
        steps.map(|steps| format!("{steps} steps")),
        guidance_scale.map(|scale| match scale {
            1.0 => "no guidance".to_owned(),
            scale => format!("guidance scale {scale}"),
        }),
        guidance_rescale.map(|rescale| format!("guidance rescale {rescale}")),
        clip_skip.map(|skip| format!("clip skip {skip}")),
        sampler.map(|sampler| format!("sampler {sampler}")),
        timestep_spacing.map(|spacing| format!("{spacing} timesteps")),
        depth_strength.map(|depth| format!("depth strength {depth}")),
    ];
    let given: Vec<String> = given.into_iter().flatten().collect();
    match given.is_empty() {
        true => "those of all models".to_owned(),
        false => given.join(", "),
    }
}

/// The same for scripts.
pub(crate) fn defaults_facts(defaults: &ModelDefaults) -> impl Serialize {
    facts! {
        steps: defaults.steps,
        guidance_scale: defaults.guidance_scale,
        guidance_rescale: defaults.guidance_rescale.map(f64::from),
        clip_skip: defaults.clip_skip,
        sampler: defaults.sampler.map(|sampler| sampler.to_string()),
        timestep_spacing: defaults.timestep_spacing.map(|spacing| spacing.to_string()),
        depth_strength: defaults.depth_strength,
    }
}

/// The width of the lines in which words are listed, in characters.
const LINE: usize = 100;
/// The space before a continued entry of a description.
const INDENT: &str = "               ";

/// Words with spaces between them, in lines of at most this many characters where words permit.
fn wrapped(words: &[&str], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push((*word).to_owned()),
        }
    }
    lines
}

/// The facts about one model of the list.
fn facts(model: &ModelInspection) -> impl Serialize {
    let configuration = model.configuration.as_ref();
    let directory = configuration.map(|configuration| &configuration.directory);
    facts! {
        name: &model.name,
        path: &model.path,
        // Absent, like the next two, if the configurations cannot be read.
        kind: directory.map(|directory| directory.kind.to_string()),
        generation: configuration.map(|configuration| configuration.generation),
        default_width: directory.map(|directory| directory.default_size.0),
        default_height: directory.map(|directory| directory.default_size.1),
        precision: precision(model),
        bytes: model.bytes,
        licence: &model.licence,
        problems: &model.problems,
    }
}

/// All facts about a model.
fn details(model: &ModelInspection) -> impl Serialize {
    #[derive(Serialize)]
    struct Both<First, Second> {
        #[serde(flatten)]
        first: First,
        #[serde(flatten)]
        second: Second,
    }
    let configuration = model.configuration.as_ref();
    let directory = configuration.map(|configuration| &configuration.directory);
    let schedule = directory.map(|directory| &directory.schedule);
    let components = model.components.iter().map(|component| {
        facts! {
            name: component.name,
            parameters: component.parameters,
            precision: precision_of(&component.formats),
            bytes: component.bytes,
        }
    });
    let second = facts! {
        components: components.collect::<Vec<_>>(),
        prediction_type: schedule.map(|schedule| schedule.prediction_type.to_string()),
        scheduler: configuration.and_then(|configuration| configuration.scheduler.as_ref()),
        // There is none for DDIM's scheduler, and for a scheduler that no sampler equals.
        sampler: directory
            .and_then(|directory| directory.scheduler.sampler)
            .map(|sampler| sampler.to_string()),
        timestep_spacing: schedule
            .and_then(|schedule| schedule.timestep_spacing)
            .map(|spacing| spacing.to_string()),
        unsupported: directory.and_then(|directory| directory.scheduler.unsupported.as_ref()),
        train_timesteps: schedule.map(|schedule| schedule.num_train_timesteps),
        vocabulary: configuration.and_then(|configuration| configuration.vocabulary),
        text_length: directory.map(|directory| directory.text_length),
        // Absent if the directory does not list them.
        words: directory
            .and_then(|directory| directory.words.as_ref())
            .map(|words| words.iter().collect::<Vec<_>>()),
        side_multiple: directory.map(|directory| directory.side_multiple),
        // What `lb.toml` says: the settings that the model needs, and the models from which it takes parts.
        defaults: directory.map(|directory| defaults_facts(&directory.defaults)),
        shared: directory.map(|directory| &directory.shared),
    };
    let first = facts(model);
    Both { first, second }
}

fn licence(model: &ModelInspection) -> &str {
    model.licence.as_deref().unwrap_or("unknown")
}

/// What a model is for, and the version of Stable Diffusion that it is based on.
pub(crate) fn kind(model: &ModelInspection) -> String {
    match &model.configuration {
        Some(configuration) => {
            let kind = configuration.directory.kind;
            format!("{kind} (SD{})", configuration.generation)
        }
        None => "unknown kind".into(),
    }
}

/// Whether `lb render` takes the model with prompts alone.
pub(crate) fn renders_from_prompts(configuration: &ModelConfiguration) -> bool {
    configuration.directory.kind == ModelKind::TextToImage
}

/// The number formats of a model's weights.
pub(crate) fn precision(model: &ModelInspection) -> String {
    precision_of(model.formats())
}

fn precision_of<S: AsRef<str>>(formats: impl IntoIterator<Item = S>) -> String {
    let names = formats.into_iter().map(|format| match format.as_ref() {
        "F32" => "fp32".to_owned(),
        "F16" => "fp16".to_owned(),
        other => other.to_lowercase(),
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        "unknown precision".into()
    } else {
        names.join(" and ")
    }
}

/// A name as the system's usual shell reads it as one word.
pub(crate) fn quoted(name: &str) -> String {
    quoted_for(name, cfg!(windows))
}

fn quoted_for(name: &str, is_windows: bool) -> String {
    let also = if is_windows { r"\:" } else { "" };
    let is_word = |letter| "/@._-+".contains(letter) || also.contains(letter);
    if name
        .chars()
        .all(|letter| letter.is_alphanumeric() || is_word(letter))
    {
        name.to_owned()
    } else if is_windows {
        // Names cannot contain this quotation mark there, and the command prompt knows no other.
        format!("\"{name}\"")
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

/// A number of bytes in a unit that suits it.
pub(crate) fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        0.0..1e6 => format!("{:.0} kB", (bytes / 1e3).ceil()),
        1e6..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_word_for_a_shell() {
        let unix = |name| quoted_for(name, false);
        assert_eq!(unix("sd21-base_v1.0"), "sd21-base_v1.0");
        assert_eq!(unix("some/model@fp16"), "some/model@fp16");
        assert_eq!(unix("my model"), "'my model'");
        assert_eq!(unix("it's"), r"'it'\''s'");
        let windows = |name| quoted_for(name, true);
        assert_eq!(windows(r"C:\models\sd21"), r"C:\models\sd21");
        assert_eq!(windows(r"C:\my models"), r#""C:\my models""#);
        assert_eq!(windows("it's"), r#""it's""#);
    }

    #[test]
    fn words_are_wrapped_to_lines() {
        let words = ["apple", "pear", "a-very-long-word", "fig"];
        assert_eq!(
            wrapped(&words, 10),
            ["apple pear", "a-very-long-word", "fig"]
        );
        assert!(wrapped(&[], 10).is_empty());
    }

    #[test]
    fn sizes_are_shown_in_suitable_units() {
        assert_eq!(size(0), "0 kB");
        assert_eq!(size(1), "1 kB");
        assert_eq!(size(21_400_000), "21.4 MB");
        assert_eq!(size(5_214_865_159), "5.21 GB");
    }
}
