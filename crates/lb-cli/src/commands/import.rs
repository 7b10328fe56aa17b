//! `lb import`: makes a published model one of the user's models.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lb_models::{
    CheckpointError, ExportOptions, ExportedGraph, ImportOptions, ImportedModel,
    ImportedPrediction, ImportedSpacing, ModelError, ModelInspection, PredictionSource,
    SourceFormat, UnetAnswer, ask_unet, import_observed,
};
use lb_render::RenderError;
use serde::Serialize;

use crate::commands::models;
use crate::error::CommandError;
use crate::facts;
use crate::interrupt;
use crate::machine;
use crate::surroundings::Surroundings;

/// A published model, and what its files do not say about it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArguments {
    /// The published model: a file or a folder.
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// Name of the imported model [default: the name of the source].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the UNet predicts [default: what the source tells, or else what the UNet's output for noise
    /// shows].
    #[arg(long, value_name = "TYPE", value_parser = predictions())]
    prediction: Option<ImportedPrediction>,
    /// Timesteps that a sampler visits [default: those of the source's configuration, else trailing for a
    /// file whose name contains turbo, and leading for others].
    #[arg(long, value_name = "NAME", value_parser = spacings())]
    timestep_spacing: Option<ImportedSpacing>,
    /// Diffusers directory that supplies configurations and a tokenizer, for models that differ from
    /// Stable Diffusion 1 and 2.
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Autoencoder (VAE) of the model, for a checkpoint without one or in place of its own: a file, or a folder in
    /// the layout of diffusers.
    #[arg(long, value_name = "FILE|DIR")]
    vae: Option<PathBuf>,
    /// Also write ONNX graphs, for other programs; lb itself does not need them.
    #[arg(long)]
    onnx: bool,
    /// Replace the model of this name.
    #[arg(long)]
    force: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  lb import v2-1_768-ema-pruned.ckpt --name sd21
  lb import ~/stable-diffusion-2-inpainting
  lb import fine-tune.safetensors --vae vae-ft-mse-840000-ema-pruned.safetensors
  lb render \"a red apple\" \"a green pear\" --model sd21 -o film.mp4";

fn predictions() -> impl TypedValueParser<Value = ImportedPrediction> {
    use ImportedPrediction::{Epsilon, VPrediction};
    let known =
        |prediction: ImportedPrediction, help| PossibleValue::new(prediction.name()).help(help);
    let velocity = "The velocity, as in Stable Diffusion 2.1 at 768 pixels";
    PossibleValuesParser::new([known(Epsilon, "The noise"), known(VPrediction, velocity)]).map(
        |name| {
            if name == Epsilon.name() {
                Epsilon
            } else {
                VPrediction
            }
        },
    )
}

fn spacings() -> impl TypedValueParser<Value = ImportedSpacing> {
    use ImportedSpacing::{Leading, Linspace, Trailing};
    let all = [
        (
            Leading,
            "From above 0 upwards, for models that are sampled in many steps",
        ),
        (Linspace, "Evenly from the last timestep to 0"),
        (
            Trailing,
            "From the last timestep downwards, for models that were distilled to few steps",
        ),
    ];
    let names = all.map(|(spacing, help)| PossibleValue::new(spacing.name()).help(help));
    PossibleValuesParser::new(names).map(move |name| {
        let named = all.iter().find(|(spacing, _)| spacing.name() == name);
        named.map_or(Leading, |(spacing, _)| *spacing)
    })
}

pub(crate) fn run(
    arguments: &ImportArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let begun = Instant::now();
    let name = checked_name(arguments)?;
    for (what, path) in [
        ("source", Some(&arguments.source)),
        ("--config folder", arguments.config.as_ref()),
        ("--vae", arguments.vae.as_ref()),
    ] {
        if let Some(path) = path.filter(|path| !path.exists()) {
            let path = path.display();
            return Err(CommandError::request(format!(
                "the {what} does not exist: {path}"
            )));
        }
    }
    let folder = surroundings.import_folder.as_deref().ok_or_else(|| {
        CommandError::request("there is no folder for models; set LB_MODELS to one")
    })?;
    let target = folder.join(&name);
    if models::is_downloaded(&target) {
        return Err(CommandError::Request {
            message: format!("`{name}` is a model that `lb pull` has downloaded"),
            hint: Some("give another name with --name NAME, or remove it with `lb models rm`"),
        });
    }
    if !arguments.force && target.join("model_index.json").is_file() {
        return Err(CommandError::Request {
            message: format!("a model named `{name}` exists: {}", target.display()),
            hint: Some("add --force to replace it, or --name NAME to keep both"),
        });
    }
    let mut options = ImportOptions::default();
    options.prediction = arguments.prediction;
    options.timestep_spacing = arguments.timestep_spacing;
    options.configuration = arguments.config.clone();
    options.vae = arguments.vae.clone();
    options.replace = arguments.force;
    let graphs = arguments.onnx.then(ExportOptions::default);
    interrupt::listen()?;
    let mut observe = || match interrupt::asked() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let mut asked = None;
    let mut ask = |model: &Path| {
        let answer = ask(model, surroundings).map_err(|reason| {
            // Nobody finds the folder under its present name afterwards.
            reason.replace(&*model.to_string_lossy(), &target.to_string_lossy())
        });
        let prediction = answer.as_ref().ok().and_then(UnetAnswer::prediction);
        asked = Some(answer);
        prediction
    };
    let imported = import_observed(
        &arguments.source,
        &target,
        &options,
        graphs.as_ref(),
        &mut ask,
        &mut observe,
    );
    let imported = match imported {
        Err(CheckpointError::Interrupted) => {
            return Err(RenderError::Interrupted.into());
        }
        imported => imported.map_err(ModelError::from)?,
    };
    let model = ModelInspection::of(&imported.report.directory);
    let seconds = begun.elapsed().as_secs_f64();
    if arguments.json {
        facts::print(&facts(&imported, &model, asked.as_ref(), seconds));
    } else if !quiet {
        show(&imported, &model, asked.as_ref(), seconds);
    }
    Ok(())
}

/// What the UNet answers, or why it could not be asked.
type Answer = Result<UnetAnswer, String>;

/// Asks the UNet of the model in this folder what it predicts.
fn ask(model: &Path, surroundings: &Surroundings) -> Answer {
    let runtime = machine::runtime(surroundings);
    let runtime = runtime.map_err(|error| error.to_string())?;
    ask_unet(runtime, model).map_err(|error| error.to_string())
}

/// The name of the model, by --name or after the source, if every system allows a folder of that name.
fn checked_name(arguments: &ImportArguments) -> Result<String, CommandError> {
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => name_of(&arguments.source),
    };
    let is_plain = lb_files::is_portable_name(&name)
        && name.len() <= 100
        && !name.starts_with(['.', '-', ' ']);
    if is_plain {
        Ok(name)
    } else {
        Err(CommandError::Request {
            message: format!(
                "a model cannot be called `{name}`: a name is a plain folder name of at most 100 \
                 bytes, without / \\ : * ? \" < > |, with no dot, dash or space in front, and not one by which \
                 Windows calls a device, such as NUL"
            ),
            hint: Some("give another one with --name NAME"),
        })
    }
}

/// The name of a folder, or the name of a file without its ending.
fn name_of(source: &Path) -> String {
    let full = source.canonicalize();
    let full = full.as_deref().unwrap_or(source);
    // For a link, users know the name of the link rather than that of its target.
    let named = if source.file_name().is_some() {
        source
    } else {
        full
    };
    let name = if named.is_dir() {
        if let Some(repository) = lb_hub::repository_of(full) {
            return repository.name().to_owned();
        }
        named.file_name()
    } else {
        named.file_stem()
    };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

fn show(imported: &ImportedModel, model: &ModelInspection, asked: Option<&Answer>, seconds: f64) {
    let report = &imported.report;
    outln!("{}", report.directory.display());
    outln!("  kind        {}", models::kind(model));
    outln!(
        "  weights     {}, {}, {}",
        models::precision(model),
        models::size(model.bytes),
        report.weights
    );
    outln!(
        "  predicts    {} ({})",
        report.prediction.name,
        known_from(report.prediction.known_from)[0]
    );
    match asked {
        Some(Ok(answer)) if answer.prediction().is_some() => {
            outln!(
                "              the UNet was asked: cosine {:.2}",
                answer.cosine
            );
        }
        Some(Ok(answer)) => outln!(
            "              the UNet was asked, and its answer is unclear: cosine {:.2}",
            answer.cosine
        ),
        Some(Err(reason)) => outln!("              the UNet could not be asked: {reason}"),
        None => {}
    }
    if report.prediction.known_from.is_guess() {
        let other = match report.prediction.name == ImportedPrediction::Epsilon.name() {
            true => ImportedPrediction::VPrediction,
            false => ImportedPrediction::Epsilon,
        };
        outln!(
            "              if rendered pictures are only noise, import again with --prediction {} --force",
            other.name()
        );
    }
    if let Some(vae) = &report.vae {
        let note = match vae.replaces {
            true => " (in place of the source's own)",
            false => "",
        };
        outln!("  autoencoder {}{note}", vae.path.display());
    }
    if let Some(configuration) = &model.configuration {
        let directory = &configuration.directory;
        outln!("  sampling    {}", models::sampling(directory));
        outln!("  defaults    {}", models::defaults_of(&directory.defaults));
    }
    for ExportedGraph { path, .. } in &imported.graphs {
        outln!("  graph       {}", path.display());
    }
    for problem in &model.problems {
        outln!("  problem     {problem}");
    }
    outln!(
        "imported from {} in {seconds:.2} s",
        source(report.format)[0]
    );
    if model
        .configuration
        .as_ref()
        .is_some_and(models::renders_from_prompts)
    {
        outln!(
            "use it with: lb render \"one prompt\" \"another\" --model {} -o film.mp4",
            models::quoted(&model.name)
        );
    } else {
        outln!(
            "see its details with: lb models {}",
            models::quoted(&model.name)
        );
    }
}

/// What a model was imported from, for people and for scripts.
fn source(format: SourceFormat) -> [&'static str; 2] {
    match format {
        SourceFormat::DiffusersDirectory => ["a diffusers directory", "diffusers"],
        SourceFormat::Safetensors => ["a safetensors file", "safetensors"],
        SourceFormat::TorchCheckpoint => ["a torch checkpoint", "torch"],
    }
}

/// How it is known what the UNet predicts, for people and for scripts.
fn known_from(source: PredictionSource) -> [&'static str; 2] {
    match source {
        PredictionSource::Options => ["given by --prediction", "options"],
        PredictionSource::Configuration => ["from the configuration", "configuration"],
        PredictionSource::Metadata => ["from the file's metadata", "metadata"],
        PredictionSource::Yaml => ["from the .yaml beside the file", "yaml"],
        PredictionSource::Marks => ["from the file's tensor v_pred", "marks"],
        PredictionSource::Unet => ["from the UNet's own output", "unet"],
        PredictionSource::ModelKind => ["the same for all models of this kind", "kind"],
        PredictionSource::FileName => ["from the file's name", "file_name"],
        PredictionSource::Assumed => ["assumed, because the source does not say", "assumed"],
    }
}

fn facts(
    imported: &ImportedModel,
    model: &ModelInspection,
    asked: Option<&Answer>,
    seconds: f64,
) -> impl Serialize {
    let report = &imported.report;
    let graphs = imported.graphs.iter();
    facts! {
        name: &model.name,
        directory: &report.directory,
        source: source(report.format)[1],
        kind: report.kind.to_string(),
        // 1 or 2: the version of Stable Diffusion.
        generation: model.configuration.as_ref().map(|model| model.generation),
        precision: models::precision(model),
        prediction_type: &report.prediction.name,
        prediction_known_from: known_from(report.prediction.known_from)[1],
        // Of the UNet's output with its input, noise at the last timestep, if the UNet was asked.
        unet_cosine: asked.and_then(|answer| answer.as_ref().ok()).map(|answer| answer.cosine),
        vae: report.vae.as_ref().map(|vae| &vae.path),
        vae_replaced: report.vae.as_ref().is_some_and(|vae| vae.replaces),
        // What the file `lb.toml` says.
        defaults: model
            .configuration
            .as_ref()
            .map(|model| models::defaults_facts(&model.directory.defaults)),
        timestep_spacing: model
            .configuration
            .as_ref()
            .and_then(|model| model.directory.schedule.timestep_spacing)
            .map(|spacing| spacing.to_string()),
        // `hard-linked` or `copied`.
        weights: report.weights.to_string(),
        bytes: model.bytes,
        graphs: graphs.map(|graph| &graph.path).collect::<Vec<_>>(),
        problems: &model.problems,
        seconds: seconds,
    }
}
