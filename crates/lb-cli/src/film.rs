//! Arguments about the film, and the job that follows from them.

use std::path::{Path, PathBuf};

use clap::Args;
use lb_job::arguments::list_item;
use lb_job::{Job, JobError, JobSettings, KeyframeSettings, NamedPaths, PictureFolder, Quality};

use crate::error::CommandError;
use crate::sound::{Following, Sound};
use crate::surroundings::Surroundings;
use crate::{machine, print, warnings};

/// The prompts, pictures and settings of the film. With a job file, they apply to the whole film.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keyframes")]
pub(crate) struct FilmArguments {
    /// Prompts, one for each keyframe, or a single one for a picture; or a folder of pictures; or a job
    /// file (.toml); or a film, a picture or a folder of frames that lb made, to render its job again.
    #[arg(value_name = "PROMPT|FOLDER|JOB", help_heading = None::<&'static str>)]
    pub(crate) prompts: Vec<String>,
    /// Seeds of the prompts, in order; if there are too few, the rest count up from the last one
    /// [default: 0,1,2,…].
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = list_item::<u64>)]
    seed: Vec<u64>,
    #[command(flatten)]
    settings: JobSettings,
    /// Seconds that the render may take; steps, frames and pictures follow.
    ///
    /// Numbers that are not given are chosen by how long earlier renders took on this machine. The job that
    /// the film carries contains the chosen numbers.
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Branching",
        conflicts_with_all = ["quality", "branches"]
    )]
    pub(crate) within: Option<f64>,
    #[command(flatten)]
    pictures: PictureArguments,
    #[command(flatten)]
    named_files: NamedFiles,
}

/// Which files a job may name.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keyframes")]
pub(crate) struct NamedFiles {
    /// Use pictures, models and included files that the job names outside of its own folder.
    ///
    /// A job may come from anybody. Without this flag, it can name only what lies in the folder of the
    /// job file, film or picture, or below it.
    #[arg(long)]
    allow_paths: bool,
}

impl NamedFiles {
    pub(crate) fn paths(&self) -> NamedPaths {
        match self.allow_paths {
            true => NamedPaths::Anywhere,
            false => NamedPaths::InFolder,
        }
    }

    /// The job in a file or folder, without what the flags replace. Warnings name the files outside of its own
    /// folder that it uses.
    pub(crate) fn find(
        &self,
        source: &Path,
        flags: &JobSettings,
    ) -> Result<JobSettings, CommandError> {
        let found = JobSettings::find(source, flags, self.paths())?;
        if self.allow_paths {
            let outside = found.paths_outside(source);
            if !outside.is_empty() {
                print::warning(warnings::paths_outside(source, &outside));
            }
        }
        Ok(found)
    }
}

/// Pictures with which the film begins and ends, and what the film's pictures show.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pictures as keyframes")]
struct PictureArguments {
    /// What the pictures show that have no prompt of their own: frames near them show more of that
    /// [default: nothing].
    ///
    /// A picture of a folder has a prompt of its own if there is a text file of the same name beside it:
    /// lake.txt for lake.jpg.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Picture with which the film begins, before the first prompt.
    ///
    /// The film shows it exactly, cropped to its size unless --fit says otherwise, and has its
    /// proportions unless --size is given. With --upscale, the second stage redraws it.
    #[arg(long, value_name = "PIC")]
    from: Option<PathBuf>,
    /// Picture with which the film ends, after the last prompt.
    #[arg(long, value_name = "PIC")]
    to: Option<PathBuf>,
    /// What the first picture shows: frames near it show more of that [default: --prompt].
    #[arg(long, value_name = "TEXT", requires = "from")]
    from_prompt: Option<String>,
    /// What the last picture shows: frames near it show more of that [default: --prompt].
    #[arg(long, value_name = "TEXT", requires = "to")]
    to_prompt: Option<String>,
}

/// The settings that the flags give. A switch that is not given leaves its setting open, rather than
/// turning it off.
pub(crate) fn given(mut flags: JobSettings) -> JobSettings {
    flags.timing.looped = flags.timing.looped.filter(|looped| *looped);
    flags
}

impl FilmArguments {
    /// The job that the arguments ask for: the flags over a job file, or over one keyframe for each
    /// prompt. Pictures that were moved are found by their content, if the job knows it. `sound` is that
    /// of the film.
    pub(crate) fn job(
        &self,
        sound: Option<&Sound>,
        surroundings: &Surroundings,
    ) -> Result<Job, CommandError> {
        let find = |found: &mut JobSettings, source: &Path| {
            found.find_pictures(source, self.named_files.paths())
        };
        self.resolve(self.settings(find)?, sound, surroundings)
    }

    /// Whether the job is carried by a film or a picture, which may have come without the pictures that it
    /// names.
    pub(crate) fn is_carried(&self) -> Result<bool, CommandError> {
        if self.picture_folder().is_some() {
            return Ok(false);
        }
        let source = source(&self.prompts)?;
        Ok(source.is_some_and(|source| source.extension().is_none_or(|ending| ending != "toml")))
    }

    /// As [`Self::job`], but pictures of a [carried](Self::is_carried) job are not looked for, and those that it
    /// must not name are not opened either.
    pub(crate) fn planned_job(
        &self,
        sound: Option<&Sound>,
        surroundings: &Surroundings,
    ) -> Result<Job, CommandError> {
        if !self.is_carried()? {
            return self.job(sound, surroundings);
        }
        let forget = |found: &mut JobSettings, source: &Path| {
            if self.named_files.paths() == NamedPaths::InFolder {
                found.forget_pictures_outside(source);
            }
            Ok(())
        };
        self.resolve(self.settings(forget)?, sound, surroundings)
    }

    /// The job of these settings, timed by its sound.
    fn resolve(
        &self,
        mut settings: JobSettings,
        sound: Option<&Sound>,
        surroundings: &Surroundings,
    ) -> Result<Job, CommandError> {
        let following = Following::take(&mut settings, sound)?;
        let mut job = machine::resolve(settings, surroundings)?;
        following.apply(&mut job)?;
        Ok(job)
    }

    /// The sound at this path, as far as the film follows it.
    pub(crate) fn sound(&self, path: Option<&Path>) -> Result<Option<Sound>, CommandError> {
        let follows = path.is_some() && self.follows_rhythm()?;
        Sound::of(path, follows)
    }

    /// Whether the flags or a job file ask for keyframes on beats.
    fn follows_rhythm(&self) -> Result<bool, CommandError> {
        if self.settings.timing.sync.is_some() {
            return Ok(true);
        }
        match source(&self.prompts) {
            Ok(Some(job)) => {
                let found = JobSettings::find(job, &self.settings, self.named_files.paths())?;
                Ok(found.timing.sync.is_some())
            }
            // What is wrong is reported where the job is made.
            _ => Ok(false),
        }
    }

    /// The settings of all arguments. `find_pictures` looks for those of the job in a file.
    fn settings(
        &self,
        find_pictures: impl Fn(&mut JobSettings, &Path) -> Result<(), JobError>,
    ) -> Result<JobSettings, CommandError> {
        let mut settings = given(self.settings.clone());
        validate_depth_map(&settings)?;
        if self.within.is_some() {
            // A time takes the place of the numbers of a job file, as a quality does.
            settings.defaults.branching.quality = Some(Quality::default());
        }
        if let Some(folder) = self.picture_folder() {
            settings.keyframes = self.pictures.of_folder(folder)?;
        } else if let Some(source) = source(&self.prompts)? {
            let mut found = self.named_files.find(source, &settings)?;
            find_pictures(&mut found, source)?;
            settings = settings.forced_on(found);
        } else {
            let mut prompts = prompts(&self.prompts)?;
            if let [only] = &prompts[..] {
                // A single prompt is shown with each of its seeds.
                prompts = vec![only.clone(); self.seed.len().max(1)];
            }
            let keyframes = prompts.iter().map(KeyframeSettings::from_prompt);
            settings.keyframes = keyframes.collect();
        }
        self.pictures.add_ends(&mut settings.keyframes);
        self.pictures.describe(&mut settings.keyframes)?;
        self.give_seeds(&mut settings.keyframes)?;
        Ok(settings)
    }

    /// The folder whose pictures are the keyframes, if the arguments name one.
    fn picture_folder(&self) -> Option<&Path> {
        match &self.prompts[..] {
            [one] => Some(Path::new(one)).filter(|path| PictureFolder::is_at(path)),
            _ => None,
        }
    }

    /// Gives the seeds to the prompts, in order; pictures get none. Prompts without a seed count up
    /// from the last one when the settings are resolved.
    fn give_seeds(&self, keyframes: &mut [KeyframeSettings]) -> Result<(), CommandError> {
        if self.seed.is_empty() {
            return Ok(());
        }
        let all = keyframes.len();
        let prompts = keyframes.iter_mut().filter(|at| at.image.is_none());
        let mut prompts: Vec<&mut KeyframeSettings> = prompts.collect();
        // A film of a single keyframe is refused for another reason.
        if self.seed.len() > prompts.len() && all > 1 {
            return Err(JobError::SeedCount {
                found: self.seed.len(),
                keyframes: prompts.len(),
            }
            .into());
        }
        for (index, prompt) in prompts.iter_mut().enumerate() {
            prompt.seed = self.seed.get(index).copied();
        }
        Ok(())
    }

    /// Warnings about flags that change nothing in this job.
    pub(crate) fn without_effect(&self, job: &Job) -> impl Iterator<Item = String> {
        warnings::without_effect(&self.settings, job)
    }

    /// How many prompts there are, if their quotes seem to be forgotten.
    pub(crate) fn words_without_quotes(&self) -> Option<usize> {
        words_apart(&self.prompts).then_some(self.prompts.len())
    }
}

/// The largest file of prompts, in bytes.
const LARGEST_PROMPTS: u64 = 1 << 20;

/// The prompts of the arguments, which may be a text file with a prompt in each line. Empty lines and lines
/// that begin with # are left out.
pub(crate) fn prompts(given: &[String]) -> Result<Vec<String>, CommandError> {
    let [file] = given else {
        return Ok(given.to_vec());
    };
    let path = Path::new(file);
    if !has_ending(path, &["txt"]) || !path.exists() {
        return Ok(given.to_vec());
    }
    let text = lb_files::read_text(path, LARGEST_PROMPTS)
        .map_err(|error| CommandError::request(format!("{file} cannot be read: {error}")))?;
    let lines = text.trim_start_matches('\u{feff}').split(['\n', '\r']);
    let lines = lines.map(str::trim);
    let prompts = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let prompts: Vec<String> = prompts.map(str::to_owned).collect();
    match prompts.is_empty() {
        true => Err(CommandError::request(format!("{file} has no prompts"))),
        false => Ok(prompts),
    }
}

/// Whether a path ends in a dot and one of these, in upper or lower case.
fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| {
        endings
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

/// Files in which other programs keep prompts.
const OF_OTHER_PROGRAMS: [&str; 4] = ["json", "yaml", "yml", "csv"];

/// Whether a prompt looks like the name of a file with prompts, which is not there.
fn is_missing_file(prompt: &str) -> bool {
    let path = Path::new(prompt);
    let is_named = has_ending(path, &["txt"]) || has_ending(path, &OF_OTHER_PROGRAMS);
    is_named && !prompt.contains(char::is_whitespace) && !path.exists()
}

/// The file or folder that contains the job, if the arguments are not prompts.
pub(crate) fn source(prompts: &[String]) -> Result<Option<&Path>, CommandError> {
    let alone = prompts.len() == 1;
    if let Some(picture) = prompts.iter().find(|prompt| is_picture(prompt, alone)) {
        return Err(CommandError::request(format!(
            "{picture} is a picture among prompts: begin the film with it by --from {picture}, or \
             end the film with it by --to {picture}"
        )));
    }
    if let Some(missing) = prompts.iter().find(|prompt| is_missing_file(prompt)) {
        return Err(CommandError::request(format!(
            "{missing} does not exist; if it is meant as a prompt, put a space in front of it"
        )));
    }
    if let [one] = prompts {
        let path = Path::new(one);
        if has_ending(path, &OF_OTHER_PROGRAMS) && path.is_file() {
            return Err(foreign_file(one));
        }
        if PictureFolder::is_at(path) {
            return Err(CommandError::request(format!(
                "{one} is a folder without frames that carry a job (frame_0000.png and so on); if it is \
                 meant as a prompt, use other words than the folder's name"
            )));
        }
        return Ok(Some(path).filter(|path| JobSettings::is_source(path)));
    }
    let is_foreign = |prompt: &&String| {
        let path = Path::new(prompt.as_str());
        has_ending(path, &OF_OTHER_PROGRAMS) && path.is_file()
    };
    if let Some(file) = prompts.iter().find(is_foreign) {
        return Err(foreign_file(file));
    }
    let mistaken = prompts.iter().find(|prompt| {
        let path = Path::new(prompt.as_str());
        if has_ending(path, &["txt"]) && path.is_file() {
            return true;
        }
        if prompt.contains(['/', std::path::MAIN_SEPARATOR]) && path.is_dir() {
            return true;
        }
        // The name of a missing job file is not a prompt either.
        JobSettings::is_source(path) && (path.is_file() || prompt.ends_with(".toml"))
    });
    match mistaken {
        Some(folder) if Path::new(folder).is_dir() => Err(CommandError::request(format!(
            "{folder} is a folder among prompts: give prompts, or one folder whose pictures are the \
             keyframes (--from, --to and --prompt may be added)"
        ))),
        Some(file) => Err(CommandError::request(format!(
            "{file} is a file among prompts: give prompts, or one file that describes the \
             whole film"
        ))),
        None => Ok(None),
    }
}

/// The refusal of a file in which another program keeps prompts.
fn foreign_file(file: &str) -> CommandError {
    CommandError::Request {
        message: format!("{file} is a file, and lb does not read its format"),
        hint: Some(
            "give a text file (.txt) with a prompt in each line, or a job file (.toml), which \
             docs/job-file.md describes",
        ),
    }
}

impl PictureArguments {
    /// The pictures of a folder as keyframes. Warnings name pictures that are left out because of their
    /// format.
    fn of_folder(&self, folder: &Path) -> Result<Vec<KeyframeSettings>, CommandError> {
        let found = PictureFolder::read(folder)?;
        for path in &found.ignored {
            tracing::info!("left out: {}", path.display());
        }
        if !found.unread.is_empty() {
            print::warning(warnings::unread_pictures(folder, &found.unread));
        }
        let has_ends = self.from.is_some() || self.to.is_some();
        if found.keyframes.len() == 1 && !has_ends {
            return Err(CommandError::Request {
                message: format!(
                    "the folder {} has one picture, and a film leads from one keyframe to the next",
                    folder.display()
                ),
                hint: Some(
                    "add a picture, or begin or end the film with another by --from or --to",
                ),
            });
        }
        Ok(found.keyframes)
    }

    /// Gives the common prompt to the pictures that have none.
    fn describe(&self, keyframes: &mut [KeyframeSettings]) -> Result<(), CommandError> {
        let Some(prompt) = &self.prompt else {
            return Ok(());
        };
        let mut pictures = keyframes
            .iter_mut()
            .filter(|at| at.image.is_some())
            .peekable();
        if pictures.peek().is_none() {
            return Err(CommandError::Request {
                message: "--prompt says what pictures show, and no keyframe is a picture".into(),
                hint: Some("give prompts without a flag: lb render \"red apple\" \"green pear\""),
            });
        }
        for picture in pictures {
            if picture.prompt.as_ref().is_none_or(String::is_empty) {
                picture.prompt = Some(prompt.clone());
            }
        }
        Ok(())
    }

    /// Adds the pictures with which the film begins and ends.
    fn add_ends(&self, keyframes: &mut Vec<KeyframeSettings>) {
        let picture = |image: &PathBuf, prompt: &Option<String>| {
            let mut keyframe = KeyframeSettings::from_image(image);
            keyframe.prompt = prompt.clone();
            keyframe
        };
        if let Some(image) = &self.from {
            keyframes.insert(0, picture(image, &self.from_prompt));
        }
        if let Some(image) = &self.to {
            keyframes.push(picture(image, &self.to_prompt));
        }
    }
}

/// Refuses a number where a depth map is expected: a depth strength is meant.
fn validate_depth_map(flags: &JobSettings) -> Result<(), CommandError> {
    let map = flags.depth.image.as_deref();
    let number = map.and_then(Path::to_str).filter(|map| {
        let is_number = map.parse::<f64>().is_ok();
        is_number && !Path::new(map).exists()
    });
    match number {
        Some(number) => Err(CommandError::request(format!(
            "--depth takes the picture of a depth map, and {number} is none; where blending begins \
             is --depth-strength {number}"
        ))),
        None => Ok(()),
    }
}

/// Whether there is a picture of this name that cannot be meant as a job. A picture that is the only
/// argument may carry a job, if its format can.
fn is_picture(prompt: &str, alone: bool) -> bool {
    let path = Path::new(prompt);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" | "bmp" | "tif" | "tiff" => path.is_file(),
        "png" | "webp" => !alone && path.is_file(),
        _ => false,
    }
}

/// Whether these are four or more arguments, each a single word. Only words of Latin letters count,
/// because other scripts may write prompts without spaces.
fn words_apart(prompts: &[String]) -> bool {
    let is_word = |prompt: &String| {
        let mut letters = prompt.chars();
        letters.all(|letter| letter.is_ascii_alphabetic() || matches!(letter, ',' | '.' | '-'))
    };
    prompts.len() >= 4 && prompts.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::words_apart;

    #[test]
    fn forgotten_quotes_are_noticed_only_in_single_words() {
        let apart = |line: &str| {
            let prompts: Vec<String> = line.split('|').map(str::to_owned).collect();
            words_apart(&prompts)
        };
        assert!(apart("red|apple|green|pear"));
        assert!(apart("a|red|apple,|a|green|pear"));
        assert!(!apart("apple|pear|lemon"));
        assert!(!apart("red apple|pear|lemon|plum"));
        assert!(!apart("林檎|梨|檸檬|桃"));
    }
}
