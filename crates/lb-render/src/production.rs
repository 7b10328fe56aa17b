//! Finished latents to pictures and films, while the engine goes on.

mod pictures;
mod second_stage;
mod watching;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use image::RgbImage;
use lb_blend::{BlendedFrame, Latents};
use lb_models::{PictureDecoder, Pipeline};
use lb_schedule::BranchingProfile;
use lb_video::picture::cross_fade;
use lb_video::{CompletedFilm, ContactSheet, FilmWriter, FrameSpool, PngFile};

pub(crate) use self::watching::Watching;
use crate::error::RenderError;
use crate::film::FilmAssembler;
use crate::frame_place::FrameSpan;
use crate::modes::{KeyframePictures, Mode};
use crate::observe::{RenderEvent, RenderObserver};
use crate::outputs::Outputs;
use crate::reuse::Reuse;
use crate::summary::{Reconstruction, TransitionFacts};
use lb_job::Job;
use lb_job::Plan;

/// The writers of one render.
pub(crate) struct Production {
    decoder: PictureDecoder,
    mode: Mode,
    pictures: Option<KeyframePictures>,
    reconstructions: Vec<Reconstruction>,
    /// Half of the width of a latent, in pixels.
    radius: usize,
    reuse: Rc<Reuse>,
    reused: usize,
    assembler: FilmAssembler,
    film: Option<FilmWriter>,
    frames: Option<FilmWriter>,
    sheet: Option<(ContactSheet, PngFile, PathBuf)>,
    /// The job, which every output carries.
    description: Option<String>,
    /// The picture of the keyframe that the next transition leads to.
    next_keyframe: Option<Arc<RgbImage>>,
    /// The first keyframe's picture, to which a loop comes back.
    first_keyframe: Option<Arc<RgbImage>>,
    profiles: Vec<BranchingProfile>,
    level_fractions: Vec<Vec<Vec<f64>>>,
    computed: usize,
    total: usize,
    /// Computed frames for a second stage, which stand instead of outputs.
    low_res: Option<FrameSpool>,
    /// Of the transitions under way: what part of the film they are.
    spans: Vec<FrameSpan>,
    /// Of a second stage: whether its keyframes are the film's no more, and which one of those under
    /// way is the first of all again.
    second_stage: bool,
    closing: Option<usize>,
}

impl Production {
    /// Opens every output, so that one that cannot be written is found before any work.
    pub(crate) fn begin(
        job: &Job,
        plan: &Plan,
        outputs: &Outputs,
        pipeline: &Pipeline,
        mode: Mode,
        description: Option<String>,
        reuse: &Rc<Reuse>,
    ) -> Result<Self, RenderError> {
        let (width, height) = pipeline.picture_size();
        let frames_per_second = plan.timeline.frames_per_second();
        let options = outputs.film_options(frames_per_second, description.clone());
        let open = |path: &PathBuf| FilmWriter::create(path, width, height, &options);
        let film = outputs.film.as_ref().map(open).transpose()?;
        let frames = outputs
            .frames_dir
            .as_ref()
            .map(|folder| FilmWriter::png_sequence(folder, width, height, &options))
            .transpose()?;
        let open_sheet = |path: &PathBuf| -> Result<_, RenderError> {
            let file = PngFile::create(path, outputs.overwrite)?;
            Ok((
                ContactSheet::new(plan.computed_frames()),
                file,
                path.clone(),
            ))
        };
        let sheet = outputs.contact_sheet.as_ref().map(open_sheet).transpose()?;
        let counts = plan.transition_frames().collect();
        Ok(Self {
            decoder: pipeline.decoder(),
            mode,
            pictures: None,
            reconstructions: Vec::new(),
            radius: pipeline.directory().pixels_per_latent() / 2,
            reuse: Rc::clone(reuse),
            reused: 0,
            assembler: FilmAssembler::new(plan.timeline.clone(), counts, job.timing),
            film,
            frames,
            sheet,
            description,
            next_keyframe: None,
            first_keyframe: None,
            profiles: plan.profiles.clone(),
            level_fractions: Vec::new(),
            computed: 0,
            total: plan.computed_frames(),
            low_res: None,
            spans: (0..plan.profiles.len()).map(FrameSpan::whole).collect(),
            second_stage: false,
            closing: None,
        })
    }

    /// An observer for the engine that turns what is finished into pictures.
    pub(crate) fn watch<'a>(&'a mut self, observer: &'a mut dyn RenderObserver) -> Watching<'a> {
        Watching::new(self, observer)
    }

    /// What the store has of the model's work.
    pub(crate) fn reuse(&self) -> Rc<Reuse> {
        Rc::clone(&self.reuse)
    }

    /// Pictures decoded for the film.
    pub(crate) fn decodes(&self) -> usize {
        self.computed - self.reused
    }

    /// Pictures of the film that the store had.
    pub(crate) fn reused_decodes(&self) -> usize {
        self.reused
    }

    /// What was found out about every transition.
    pub(crate) fn take_transitions(&mut self) -> Vec<TransitionFacts> {
        let fractions = std::mem::take(&mut self.level_fractions).into_iter();
        let motions = self.assembler.take_motions();
        let found = self.profiles.iter().zip(fractions).zip(motions);
        found
            .map(|((profile, fractions), motion)| TransitionFacts::new(profile, fractions, motion))
            .collect()
    }

    /// Completes every output, then gives them their names: where one fails, none appears.
    pub(crate) fn finish(self) -> Result<Vec<PathBuf>, RenderError> {
        let completed: Vec<CompletedFilm> = self
            .film
            .into_iter()
            .chain(self.frames)
            .map(FilmWriter::complete)
            .collect::<Result<_, _>>()?;
        let sheet = match self.sheet {
            Some((sheet, mut file, path)) => {
                file.write(&sheet.draw()?, self.description.as_deref())?;
                Some((file, path))
            }
            None => None,
        };
        let mut files = Vec::with_capacity(completed.len() + 1);
        for film in completed {
            files.push(film.publish()?.path);
        }
        if let Some((file, path)) = sheet {
            file.publish()?;
            files.push(path);
        }
        Ok(files)
    }

    fn decode(&mut self, latents: &[&Latents]) -> Result<Vec<RgbImage>, RenderError> {
        let decoded = self.reuse.decode(&self.decoder, latents)?;
        self.reused += decoded.reused;
        let frames = decoded.frames.into_iter();
        frames.map(|frame| self.mode.finish(frame)).collect()
    }

    /// The next computed frame of the film, at this fraction of a transition under way.
    fn write(
        &mut self,
        frame: Arc<RgbImage>,
        index: usize,
        fraction: f64,
    ) -> Result<(), RenderError> {
        if let Some(low_res) = &mut self.low_res {
            low_res.push(&frame)?;
            self.computed += 1;
            return Ok(());
        }
        if let Some((sheet, ..)) = &mut self.sheet {
            sheet.add(&frame);
        }
        if let Some(writer) = &mut self.frames {
            let place = self.spans[index].at(fraction);
            writer.write_with_text(Arc::clone(&frame), place.to_text())?;
        }
        self.computed += 1;
        self.show(frame)
    }

    /// A computed frame as the film shows it.
    fn show(&mut self, frame: Arc<RgbImage>) -> Result<(), RenderError> {
        if self.low_res.is_some() {
            return Ok(());
        }
        let film = &mut self.film;
        self.assembler.push(frame, |left, right, weight| {
            let Some(writer) = film else { return Ok(()) };
            Ok(writer.write(cross_fade(left, right, weight)?)?)
        })
    }

    fn take_keyframe(
        &mut self,
        index: usize,
        latents: &Latents,
        observer: &mut dyn RenderObserver,
    ) -> Result<(), RenderError> {
        let shown_before = self.second_stage && index == 0 && self.computed > 0;
        if shown_before || self.closing == Some(index) {
            return Ok(());
        }
        for made in self.decode(&[latents])? {
            let picture = self.exact(index, latents, made, observer)?;
            if !self.second_stage {
                proceed(observer.event(&RenderEvent::Keyframe {
                    index,
                    picture: &picture,
                }))?;
            }
            if index == 0 {
                self.first_keyframe = Some(Arc::clone(&picture));
                self.write(picture, index, 0.0)?;
            } else {
                self.next_keyframe = Some(picture);
            }
        }
        Ok(())
    }

    fn take_transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
        observer: &mut dyn RenderObserver,
    ) -> Result<(), RenderError> {
        self.level_fractions.push(level_fractions.to_vec());
        let inner = &frames[1..frames.len() - 1];
        for frames in inner.chunks(DECODED_TOGETHER) {
            let latents: Vec<&Latents> = frames.iter().map(|frame| &frame.latents).collect();
            for (made, at) in self.decode(&latents)?.into_iter().zip(frames) {
                let frame = self.restored(index, at.fraction, made)?;
                self.write(Arc::new(frame), index, at.fraction)?;
            }
            let (done, total) = (self.computed, self.total);
            proceed(observer.event(&RenderEvent::Decoded { done, total }))?;
        }
        if let Some(pictures) = &mut self.pictures {
            pictures.finished(index);
        }
        match self.next_keyframe.take() {
            Some(end) => self.write(end, index, 1.0)?,
            // A loop's last transition leads to a keyframe that was written at the beginning.
            None => {
                if let Some(first) = self.first_keyframe.clone() {
                    self.show(first)?;
                }
            }
        }
        let (done, total) = (self.computed, self.total);
        proceed(observer.event(&RenderEvent::Decoded { done, total }))
    }
}

/// Frames between two looks at the observer: few enough to stop soon.
const DECODED_TOGETHER: usize = 8;

pub(crate) fn proceed(flow: ControlFlow<()>) -> Result<(), RenderError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RenderError::Interrupted),
    }
}
