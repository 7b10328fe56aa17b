//! Projects as folders on disk.
//!
//! ```text
//!  DIR/<id>/film.toml            the job, as `lb render` takes it
//!           studio.json          name, revision, favourites
//!           pictures/<hash>.png  what was uploaded, decoded and encoded again
//!           frames/<key>/…       pictures of keyframes and transitions that were computed
//!           films/<n>.mp4        finished films, each with <n>.json
//!           tasks/<id>.json      the jobs of tasks as they were when the tasks were asked for
//! ```
//!
//! Every file is complete or not there. Names of folders and files come from this crate alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lb_job::JobSettings;
use serde::{Deserialize, Serialize};

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
        let missing = || ApiError::not_found("project");
        let folder = self.folder_of(id);
        let record = lb_files::read(&folder.join(RECORD), LARGEST_FILE).map_err(|_| missing())?;
        let record: Record = serde_json::from_slice(&record)?;
        if record.owner.as_deref() != owner.as_deref() {
            return Err(missing());
        }
        let text = lb_files::read_text(&folder.join(JOB), LARGEST_FILE)?;
        let settings = JobSettings::parse(&text, Path::new(JOB)).map_err(ApiError::failed)?;
        Ok(Project {
            id: id.clone(),
            folder,
            record,
            settings,
        })
    }

    /// Makes a project.
    pub(crate) fn create(
        &self,
        owner: &Owner,
        name: String,
        settings: JobSettings,
    ) -> Result<Project, ApiError> {
        if self.limits.projects <= self.list_ids_of(owner)? {
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
        let _changing = self.lock();
        for folder in [PICTURES, FRAMES, FILMS, TASKS] {
            fs::create_dir_all(project.folder.join(folder))?;
        }
        project.save()?;
        Ok(project)
    }

    /// How many projects an owner has. Only visitors are counted, because reading all records takes time.
    fn list_ids_of(&self, owner: &Owner) -> Result<usize, ApiError> {
        match owner {
            None => Ok(self.ids()?.len()),
            Some(_) => Ok(self.list(owner)?.len()),
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
        let project = self.open(id, owner)?;
        // Without its record it is gone, also for a program that is killed before the rest is.
        fs::remove_file(project.folder.join(RECORD))?;
        fs::remove_dir_all(&project.folder)?;
        Ok(())
    }

    /// The projects that were made before this time, in milliseconds since 1970, with their owners.
    pub(crate) fn older_than(&self, time: u64) -> Result<Vec<(Id, Owner)>, ApiError> {
        let mut old = Vec::new();
        for id in self.ids()? {
            let path = self.folder_of(&id).join(RECORD);
            let record = lb_files::read(&path, LARGEST_FILE).ok();
            let record: Option<Record> = record.and_then(|at| serde_json::from_slice(&at).ok());
            if let Some(record) = record
                && record.created < time
            {
                old.push((id, record.owner.map(Into::into)));
            }
        }
        Ok(old)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const RECORD: &str = "studio.json";
const JOB: &str = "film.toml";
pub(crate) const FRAMES: &str = "frames";
pub(crate) const FILMS: &str = "films";
pub(crate) const TASKS: &str = "tasks";

impl Project {
    fn save(&self) -> Result<(), ApiError> {
        let job = job_document::to_toml(&self.settings)?;
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
