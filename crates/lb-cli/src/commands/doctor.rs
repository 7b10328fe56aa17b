//! `lb doctor`: reports what was found on this machine, and advises about what is missing.

use std::path::Path;

use clap::Args;
use lb_models::ModelInspection;
use lb_render::{Runtime, device_reports, ffmpeg_version};
use serde::Serialize;

use crate::commands::models;
use crate::error::{CommandError, device_advice};
use crate::surroundings::Surroundings;
use crate::{cache, facts, machine};

#[derive(Serialize)]
struct Findings {
    version: &'static str,
    runtime: Finding,
    devices: Vec<Finding>,
    encoders: Vec<Finding>,
    models: Vec<Finding>,
    cache: Finding,
}

#[derive(Serialize)]
struct Finding {
    name: String,
    found: bool,
    /// Its path, its version or its properties if it was found; otherwise why it was not.
    detail: String,
    /// What the user can do about it, if it was not found.
    advice: Option<String>,
}

impl Finding {
    fn found(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            found: true,
            detail: detail.into(),
            advice: None,
        }
    }

    fn missing<S: Into<String>>(
        name: S,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            found: false,
            advice: Some(advice.into()),
            ..Self::found(name, detail)
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArguments {
    /// Print the findings as one line of JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  lb doctor
  lb doctor --json";

pub(crate) fn run(
    arguments: &DoctorArguments,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let runtime = machine::runtime(surroundings);
    let findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        devices: runtime
            .as_ref()
            .map_or(Vec::new(), |runtime| devices(*runtime)),
        runtime: runtime_finding(&runtime),
        encoders: encoders(),
        models: models(surroundings),
        cache: cache(surroundings),
    };
    if arguments.json {
        facts::print(&findings);
    } else {
        report(&findings);
    }
    if !findings.runtime.found {
        return Err(CommandError::unready("no usable ONNX Runtime"));
    }
    if findings.models.iter().all(|model| !model.found) {
        return Err(CommandError::unready("no model"));
    }
    Ok(())
}

fn runtime_finding(runtime: &Result<Runtime, CommandError>) -> Finding {
    match runtime {
        Ok(runtime) => Finding::found("ONNX Runtime", runtime.library().display().to_string()),
        Err(error) => Finding::missing(
            "ONNX Runtime",
            error.to_string(),
            error.hint().unwrap_or_default(),
        ),
    }
}

fn devices(runtime: Runtime) -> Vec<Finding> {
    device_reports(runtime)
        .into_iter()
        .map(|report| {
            let name = report.device.to_string();
            match report.missing {
                None => Finding::found(name, "can be used"),
                Some(problem) => {
                    let advice = device_advice(&problem);
                    Finding::missing(name, problem.to_string(), advice)
                }
            }
        })
        .collect()
}

fn encoders() -> Vec<Finding> {
    let ffmpeg = match ffmpeg_version(Path::new("ffmpeg")) {
        Some(version) => Finding::found("ffmpeg", version),
        None => Finding::missing(
            "ffmpeg",
            "not on the PATH",
            "only --encoder ffmpeg needs it; openh264 is built in",
        ),
    };
    vec![Finding::found("openh264", "built in"), ffmpeg]
}

fn models(surroundings: &Surroundings) -> Vec<Finding> {
    let models = models::inspect_all(&surroundings.model_folders);
    if models.is_empty() {
        return vec![Finding::missing(
            "models",
            "none found",
            models::HOW_TO_GET_ONE,
        )];
    }
    models.iter().map(model).collect()
}

fn model(model: &ModelInspection) -> Finding {
    match model.problems.first() {
        None => Finding::found(
            &model.name,
            format!("{}, {}", model.path.display(), models::summary(model)),
        ),
        Some(problem) => Finding::missing(
            &model.name,
            problem,
            format!(
                "complete the model or remove it; `lb models {}` shows the details",
                model.name
            ),
        ),
    }
}

/// The folder of the cache, and how much it holds.
fn cache(surroundings: &Surroundings) -> Finding {
    let cache = match cache::usual_cache(surroundings) {
        Ok(Some(cache)) => cache,
        Ok(None) => {
            return Finding::missing(
                "cache",
                "the user has no cache folder",
                "set LB_CACHE_DIR to a folder that may hold the cache",
            );
        }
        Err(error) => {
            let hint = error.hint();
            let advice = hint.unwrap_or("unset LB_CACHE_SIZE, or give another size".into());
            return Finding::missing("cache", error.to_string(), advice);
        }
    };
    let folder = cache.folder().display().to_string();
    match cache.usage() {
        Ok(usage) => {
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            let (there, limit) = (megabytes(usage.bytes), megabytes(cache.limit()));
            Finding::found(
                folder,
                format!("{} results, {there:.1} MB of {limit:.0} MB", usage.entries),
            )
        }
        Err(error) => Finding::missing(
            folder,
            error.to_string(),
            "name another folder with --cache-dir DIR or LB_CACHE_DIR",
        ),
    }
}

fn report(findings: &Findings) {
    outln!("lb {}", findings.version);
    show("runtime", std::slice::from_ref(&findings.runtime));
    show("devices", &findings.devices);
    show("encoders", &findings.encoders);
    show("models", &findings.models);
    show("cache", std::slice::from_ref(&findings.cache));
}

fn show(title: &str, findings: &[Finding]) {
    outln!("{title}");
    for finding in findings {
        let mark = if finding.found { "+" } else { "-" };
        outln!("  {mark} {}: {}", finding.name, finding.detail);
        if let Some(advice) = &finding.advice {
            outln!("      {advice}");
        }
    }
}
