//! The settings as data, with the feature `arguments`: what a page needs to show a control for each.
//!
//! Everything follows from the declaration in [`JobSettings`], apart from the ranges of numbers, which are
//! checked where jobs are validated.

use std::any::TypeId;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Args as _, Command};
use lb_schedule::{FrameRate, GuidanceRescale};
use serde_json::Value;

use crate::{DefaultSettings, FilmLength, Frames, FromTo, JobSettings};

/// A setting of a job.
#[derive(Clone, PartialEq, Debug)]
pub struct SettingSchema {
    /// Its key in its table.
    pub key: String,
    /// The table that it belongs to: `defaults`, `inpaint`, `depth`, `upscale`, `crossfeed` or `camera`; `None` for the top
    /// of the file. A keyframe may have the settings of `defaults` as well.
    pub table: Option<&'static str>,
    /// The heading under which it is shown.
    pub group: String,
    /// What it does, in one sentence.
    pub help: String,
    /// What its values are.
    pub kind: SettingKind,
    /// The values of a choice.
    pub choices: Vec<ChoiceSchema>,
    /// Its default; null if that depends on something else, such as the model.
    pub default: Value,
    /// The smallest and the largest number.
    pub range: Option<(f64, f64)>,
}

/// A value of a setting that is one of a few.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChoiceSchema {
    /// Its name.
    pub name: String,
    /// What it means, in one sentence.
    pub help: String,
}

/// What the values of a setting are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SettingKind {
    /// A number.
    Number,
    /// A whole number, 0 or more.
    Integer,
    /// A number, or a text such as `1/2` or `film`.
    NumberOrText,
    /// A list of numbers.
    Numbers,
    /// A list of whole numbers.
    Integers,
    /// True or false.
    Boolean,
    /// One of a few names.
    Choice,
    /// A width and a height as in `512x768`.
    Size,
    /// The path of a file.
    Path,
    /// Any text.
    Text,
}

impl SettingKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "integer",
            Self::NumberOrText => "number_or_text",
            Self::Numbers => "numbers",
            Self::Integers => "integers",
            Self::Boolean => "boolean",
            Self::Choice => "choice",
            Self::Size => "size",
            Self::Path => "path",
            Self::Text => "text",
        }
    }
}

/// The tables of a job file beside `[defaults]`.
const TABLES: [&str; 5] = ["inpaint", "depth", "upscale", "crossfeed", "camera"];

/// Every setting that is not one of a single keyframe, in the order of their declaration.
#[must_use]
pub fn setting_schemas() -> Vec<SettingSchema> {
    let all = JobSettings::augment_args(Command::new("settings"));
    let of_defaults = DefaultSettings::augment_args(Command::new("defaults"));
    let is_default = |id: &str| of_defaults.get_arguments().any(|at| at.get_id() == id);
    let defaults = serde_json::to_value(JobSettings::defaults()).unwrap_or_default();
    let arguments = all.get_arguments();
    let settings = arguments.map(|argument| {
        let id = argument.get_id().as_str();
        let (table, key) = match id.split_once('.') {
            Some((name, key)) => (TABLES.into_iter().find(|table| *table == name), key),
            None if is_default(id) => (Some("defaults"), id),
            None => (None, id),
        };
        let holder = table.map_or(&defaults, |table| &defaults[table]);
        SettingSchema {
            key: key.into(),
            table,
            group: argument.get_help_heading().unwrap_or_default().into(),
            help: help(argument),
            kind: kind(argument),
            choices: choices_of(argument),
            default: holder[key].clone(),
            range: range(id),
        }
    });
    settings.collect()
}

/// The first sentence of the help, without the default and without the names of flags.
fn help(argument: &Arg) -> String {
    let help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let help = help.split(" [default:").next().unwrap_or_default();
    let help = help.split("; needs --").next().unwrap_or_default();
    let help = help.split(". ").next().unwrap_or_default();
    format!("{}.", help.trim_end_matches('.'))
}

fn choices_of(argument: &Arg) -> Vec<ChoiceSchema> {
    if kind(argument) != SettingKind::Choice {
        return Vec::new();
    }
    let values = argument.get_possible_values().into_iter();
    let choices = values.map(|value| ChoiceSchema {
        name: value.get_name().into(),
        help: value
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default(),
    });
    choices.collect()
}

fn kind(argument: &Arg) -> SettingKind {
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        return SettingKind::Boolean;
    }
    if !argument.get_possible_values().is_empty() {
        return SettingKind::Choice;
    }
    let is_list = argument.get_value_delimiter().is_some();
    let value = argument.get_value_parser().type_id();
    let is = |wanted: TypeId| value == wanted;
    if is(TypeId::of::<f64>()) || is(TypeId::of::<GuidanceRescale>()) {
        if is_list {
            SettingKind::Numbers
        } else {
            SettingKind::Number
        }
    } else if is(TypeId::of::<usize>()) || is(TypeId::of::<u64>()) {
        if is_list {
            SettingKind::Integers
        } else {
            SettingKind::Integer
        }
    } else if is(TypeId::of::<(usize, usize)>()) {
        SettingKind::Size
    } else if is(TypeId::of::<PathBuf>()) {
        SettingKind::Path
    } else if [
        TypeId::of::<FrameRate>(),
        TypeId::of::<Frames>(),
        TypeId::of::<FilmLength>(),
        TypeId::of::<FromTo<f64>>(),
    ]
    .into_iter()
    .any(is)
    {
        SettingKind::NumberOrText
    } else {
        SettingKind::Text
    }
}

/// The ranges that the validation of jobs has for these settings.
fn range(id: &str) -> Option<(f64, f64)> {
    let share = || Some((0.0, 1.0));
    match id {
        "depth_strength" | "guidance_damper" | "guidance_rescale" => share(),
        "upscale.depth_strength" => share(),
        "crossfeed.power" | "crossfeed.range" | "crossfeed.decay" => share(),
        "crossfeed.parental_power" | "crossfeed.parental_range" | "crossfeed.parental_decay" => {
            share()
        }
        "guidance_scale" => Some((0.0, 100.0)),
        "mid_compression" => Some((0.1, 10.0)),
        "steps" | "upscale.steps" | "guidance_every" => Some((1.0, lb_schedule::MAX_STEPS as f64)),
        "scale" => Some((1.0, crate::Job::MOST_SCALE as f64)),
        "hold" => Some((0.0, 86_400.0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str) -> SettingSchema {
        let mut all = setting_schemas().into_iter();
        all.find(|setting| setting.key == key).unwrap()
    }

    #[test]
    fn the_declaration_says_what_a_control_needs() {
        let depth = setting("depth_strength");
        assert_eq!(
            (depth.table, depth.kind),
            (Some("defaults"), SettingKind::Number)
        );
        assert_eq!((depth.default, depth.range), (0.2.into(), Some((0.0, 1.0))));
        assert_eq!(depth.group, "Branching");
        let quality = setting("quality");
        assert_eq!(quality.kind, SettingKind::Choice);
        assert!(quality.choices.iter().any(|choice| choice.name == "medium"));
        assert!(quality.choices.iter().all(|choice| !choice.help.is_empty()));
        assert_eq!(setting("loop").kind, SettingKind::Boolean);
        assert_eq!(setting("size").kind, SettingKind::Size);
        assert_eq!(setting("fps").kind, SettingKind::NumberOrText);
        assert_eq!(setting("branches").kind, SettingKind::Integers);
        assert_eq!(setting("mask").table, Some("inpaint"));
        assert_eq!(setting("noise_level").table, Some("upscale"));
        for setting in setting_schemas() {
            assert!(setting.help.len() > 5, "{setting:?}");
            assert!(
                !setting.help.contains("--") && !setting.help.contains('['),
                "{setting:?}"
            );
            assert!(!setting.group.is_empty(), "{setting:?}");
        }
    }

    #[test]
    fn every_setting_is_a_key_of_a_job() {
        for setting in setting_schemas() {
            if setting.default.is_null() {
                continue;
            }
            let key = serde_json::json!({ setting.key.clone(): setting.default });
            let job = match setting.table {
                Some(table) => serde_json::json!({ table: key }),
                None => key,
            };
            let read = JobSettings::from_json(&job.to_string());
            assert!(read.is_ok(), "{job}: {read:?}");
        }
    }
}
