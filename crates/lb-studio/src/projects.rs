//! Projects as folders on disk.
//!
//! ```text
//!  DIR/<id>/film.toml            the job, as `lb render` takes it
//!           studio.json          name, revision, favourites
//!           pictures/<hash>.png  what was uploaded, decoded and encoded again
//!           loras/<hash>-<name>.safetensors, vaes/…   files that change the model
//!           frames/<key>/…       pictures of keyframes and transitions that were computed
//!           films/<n>.mp4        finished films, each with <n>.json
//!           tasks/<id>.json      the jobs of tasks as they were when the tasks were asked for
//! ```
//!
//! Every file is complete or not there. Names of folders and files come from this crate alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lb_job::{JobSettings, LARGEST_JOB_FILE};
use serde::{Deserialize, Serialize};

use crate::add_ons::AddOnKind;
use crate::api::types::Favourite;
use crate::error::{ApiError, ErrorKind};
use crate::events::Owner;
use crate::ids::{Id, now};
use crate::job_document::{self, PICTURES};
use crate::limits::Limits;

/// The largest file of a project in bytes that is read.
const LARGEST_FILE: u64 = 8 << 20;

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Projects {
    folder: PathBuf,
    limits: Limits,
    /// Held while a project changes.
    changing: Mutex<()>,
}

/// A project as it is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) id: Id,
    pub(crate) folder: PathBuf,
    pub(crate) record: Record,
    /// Paths of pictures are relative to the folder.
    pub(crate) settings: JobSettings,
}

/// What a project has besides its job: `studio.json`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) name: String,
    /// Counts the changes of the job.
    pub(crate) revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// When it was made and changed, in milliseconds since 1970.
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) favourites: Vec<Favourite>,
}

impl Projects {
    /// The projects in this folder, which exists.
    pub(crate) fn new(folder: PathBuf, limits: Limits) -> Self {
        Self {
            folder,
            limits,
            changing: Mutex::default(),
        }
    }

    /// The folder of a project. It may not exist.
    pub(crate) fn folder_of(&self, id: &Id) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// All projects of an owner, those that were changed last first.
    pub(crate) fn list(&self, owner: &Owner) -> Result<Vec<Project>, ApiError> {
        let mut projects: Vec<Project> = self
            .ids()?
            .into_iter()
            .filter_map(|id| self.open(&id, owner).ok())
            .collect();
        projects.sort_by_key(|project| std::cmp::Reverse(project.record.modified));
        Ok(projects)
    }

    fn ids(&self) -> Result<Vec<Id>, ApiError> {
        let entries = fs::read_dir(&self.folder)?.flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(ids.collect())
    }

    /// A project of this owner. To everybody else it does not exist.
    pub(crate) fn open(&self, id: &Id, owner: &Owner) -> Result<Project, ApiError> {
        let record = self.record(id, owner)?;
        let folder = self.folder_of(id);
        let text = lb_files::read_text(&folder.join(JOB), LARGEST_FILE)?;
        let settings = JobSettings::parse(&text, Path::new(JOB)).map_err(ApiError::failed)?;
        Ok(Project {
            id: id.clone(),
            folder,
            record,
            settings,
        })
    }

    /// The record of a project of this owner, whose job may be unreadable.
    pub(crate) fn record(&self, id: &Id, owner: &Owner) -> Result<Record, ApiError> {
        let missing = || ApiError::not_found("project");
        let path = self.folder_of(id).join(RECORD);
        let record = lb_files::read(&path, LARGEST_FILE).map_err(|_| missing())?;
        let record: Record = serde_json::from_slice(&record)?;
        match record.owner.as_deref() == owner.as_deref() {
            true => Ok(record),
            false => Err(missing()),
        }
    }

    /// Makes a project.
    pub(crate) fn create(
        &self,
        owner: &Owner,
        name: String,
        settings: JobSettings,
    ) -> Result<Project, ApiError> {
        let _changing = self.lock();
        let ids = self.ids()?;
        if ids.len() >= self.limits.projects_of_all {
            return Err(ApiError::new(
                ErrorKind::Busy,
                "there are too many projects of all visitors; try again later",
            ));
        }
        if self.limits.projects <= self.count_of(owner, &ids) {
            let most = self.limits.projects;
            return Err(ApiError::new(
                ErrorKind::Busy,
                format!("there are {most} projects already; delete one first"),
            ));
        }
        let id = Id::random()?;
        let project = Project {
            folder: self.folder_of(&id),
            id,
            record: Record {
                name,
                revision: 1,
                owner: owner.as_deref().map(str::to_owned),
                created: now(),
                modified: now(),
                favourites: Vec::new(),
            },
            settings,
        };
        for folder in [PICTURES, FRAMES, FILMS, TASKS] {
            fs::create_dir_all(project.folder.join(folder))?;
        }
        project.save()?;
        Ok(project)
    }

    /// How many projects an owner has. Only visitors are counted, because reading all records takes time.
    fn count_of(&self, owner: &Owner, ids: &[Id]) -> usize {
        match owner {
            None => ids.len(),
            Some(_) => ids
                .iter()
                .filter(|id| self.record(id, owner).is_ok())
                .count(),
        }
    }

    /// Changes a project.
    pub(crate) fn change(
        &self,
        id: &Id,
        owner: &Owner,
        change: impl FnOnce(&mut Project) -> Result<(), ApiError>,
    ) -> Result<Project, ApiError> {
        let _changing = self.lock();
        let mut project = self.open(id, owner)?;
        change(&mut project)?;
        project.record.modified = now();
        project.save()?;
        Ok(project)
    }

    /// Removes a project with everything in it.
    pub(crate) fn remove(&self, id: &Id, owner: &Owner) -> Result<(), ApiError> {
        let _changing = self.lock();
        // A project whose job cannot be read can be removed too.
        self.record(id, owner)?;
        // Under another name it is gone at once, whatever its running task still writes.
        let removed = self.folder.join(format!("{REMOVED}{id}"));
        fs::rename(self.folder_of(id), &removed)?;
        if let Err(error) = fs::remove_dir_all(&removed) {
            tracing::warn!("{} is not removed yet: {error}", removed.display());
        }
        Ok(())
    }

    /// Removes what is left of projects that were removed: folders that could not be emptied, and those that
    /// a running task has made again.
    pub(crate) fn remove_leftovers(&self) {
        let _changing = self.lock();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let removed = name.strip_prefix(REMOVED).unwrap_or(name);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder || removed.parse::<Id>().is_err() {
                continue;
            }
            let is_leftover = removed != name || is_without_record(&entry.path());
            if is_leftover && let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!("{} is not removed yet: {error}", entry.path().display());
            }
        }
    }

    /// The projects of visitors that were made before this time, in milliseconds since 1970, with their owners.
    /// Projects without an owner belong to the person whose machine this is, and are never too old.
    pub(crate) fn older_than(&self, time: u64) -> Result<Vec<(Id, Owner)>, ApiError> {
        let mut old = Vec::new();
        for id in self.ids()? {
            let path = self.folder_of(&id).join(RECORD);
            let record = lb_files::read(&path, LARGEST_FILE).ok();
            let record: Option<Record> = record.and_then(|at| serde_json::from_slice(&at).ok());
            if let Some(record) = record
                && let Some(owner) = record.owner
                && record.created < time
            {
                old.push((id, Some(owner.into())));
            }
        }
        Ok(old)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a folder has no record, and nothing in it that is not a project's.
fn is_without_record(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    let mut known = vec![JOB, PICTURES, FRAMES, FILMS, TASKS];
    known.extend(AddOnKind::ALL.map(AddOnKind::folder));
    let mut names = entries.map(|entry| entry.ok()?.file_name().into_string().ok());
    names.all(|name| name.is_some_and(|name| known.contains(&name.as_str())))
}

/// What the names of the folders of removed projects begin with, so that they are no identifiers.
const REMOVED: &str = ".removed-";
const RECORD: &str = "studio.json";
const JOB: &str = "film.toml";
pub(crate) const FRAMES: &str = "frames";
pub(crate) const FILMS: &str = "films";
pub(crate) const TASKS: &str = "tasks";

impl Project {
    fn save(&self) -> Result<(), ApiError> {
        let job = job_document::to_toml(&self.settings)?;
        // A longer file could not be read again.
        if job.len() > LARGEST_JOB_FILE {
            return Err(ApiError::too_large(format!(
                "the job has {} bytes as a file; at most {LARGEST_JOB_FILE} are allowed",
                job.len()
            )));
        }
        // The revision follows the job: if the program is killed in between, a client's change is made once
        // more, and none is lost.
        lb_files::write(&self.folder.join(JOB), job.as_bytes(), true)?;
        let record = serde_json::to_vec_pretty(&self.record)?;
        lb_files::write(&self.folder.join(RECORD), &record, true)?;
        Ok(())
    }

    /// The path of an uploaded picture.
    pub(crate) fn picture(&self, hash: &str) -> PathBuf {
        self.folder.join(job_document::picture_path(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projects() -> (tempfile::TempDir, Projects) {
        let disk = tempfile::tempdir().unwrap();
        let projects = Projects::new(disk.path().to_owned(), Limits::DEMO);
        (disk, projects)
    }

    fn made(projects: &Projects, owner: &Owner) -> Project {
        let made = projects.create(owner, "Fruits".into(), JobSettings::default());
        made.unwrap()
    }

    #[test]
    fn a_demonstration_never_finds_the_owners_own_films_too_old() {
        let (_disk, projects) = projects();
        let visitor: Owner = Some("ann".into());
        made(&projects, &None);
        let old = made(&projects, &visitor);
        let found = projects.older_than(now() + 1).unwrap();
        assert_eq!(found, [(old.id, visitor)]);
    }

    #[test]
    fn a_project_whose_job_cannot_be_read_counts_and_can_be_removed() {
        let (_disk, projects) = projects();
        let visitor: Owner = Some("ann".into());
        let ids: Vec<Id> = (0..Limits::DEMO.projects)
            .map(|_| {
                let project = made(&projects, &visitor);
                fs::write(project.folder.join(JOB), "no job").unwrap();
                project.id
            })
            .collect();
        let refused = projects.create(&visitor, "One more".into(), JobSettings::default());
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Busy);
        projects.remove(&ids[0], &visitor).unwrap();
        made(&projects, &visitor);
    }

    #[test]
    fn a_demonstration_has_a_limit_for_all_visitors_together() {
        let disk = tempfile::tempdir().unwrap();
        let limits = Limits {
            projects_of_all: 2,
            ..Limits::DEMO
        };
        let projects = Projects::new(disk.path().to_owned(), limits);
        made(&projects, &Some("ann".into()));
        made(&projects, &Some("bob".into()));
        let refused = projects.create(&Some("eve".into()), "Third".into(), JobSettings::default());
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Busy);
    }

    #[test]
    fn what_is_left_of_removed_projects_is_removed_and_nothing_else() {
        let (disk, projects) = projects();
        let kept = made(&projects, &None);
        let left = disk.path().join("0123456789abcdef");
        fs::create_dir_all(left.join(FRAMES)).unwrap();
        let removed = disk.path().join(".removed-0123456789abcdef");
        fs::create_dir_all(removed.join(FILMS)).unwrap();
        let foreign = disk.path().join("fedcba9876543210");
        fs::create_dir_all(foreign.join("letters")).unwrap();
        let other = disk.path().join(".removed-other");
        fs::create_dir_all(&other).unwrap();
        projects.remove_leftovers();
        assert!(!left.exists() && !removed.exists());
        assert!(foreign.exists() && other.exists() && kept.folder.exists());
    }
}
