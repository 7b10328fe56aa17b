//! One stage of a film: running the engine over the keyframes of one model, and passing its frames on.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use image::RgbImage;
use lb_blend::{
    BlendError, BlendOptions, BlendReport, BlendRequest, BlendedFrame, FilmOutline, KeyframeSource,
    Latents, Observer, SnapshotStore, StepProgress, Transition, blend, in_betweens,
};
use lb_models::SessionTimes;

use crate::cached_pipeline::{CachedPipeline, Denoising};
use crate::error::RenderError;
use crate::frames::{DecodeCounts, FrameDecoder};
use crate::observe::{RenderEvent, RenderObserver, Stage, proceed};
use crate::position::FrameSpan;
use crate::sinks::{ComputedFrame, FrameSink};

/// Everything that a stage needs to run. First and second stages use the same code.
pub(crate) struct StageWalk<'a> {
    pub(crate) transitions: &'a [Transition],
    pub(crate) options: BlendOptions,
    pub(crate) denoising: &'a Denoising,
    /// The part of the job's film that lies between a keyframe and the next.
    pub(crate) span: &'a dyn Fn(usize) -> FrameSpan,
    /// The number of keyframes that are made before the work begins, to find out whether a model has to
    /// be loaded.
    pub(crate) keyframes_ahead: usize,
    /// The number of pictures of the stage: its computed frames and in-betweens.
    pub(crate) frames: usize,
    /// The number of in-betweens of every transition.
    pub(crate) in_betweens: Vec<usize>,
    /// Whether the keyframes are those of the job.
    pub(crate) has_job_keyframes: bool,
    /// Whether the computed frames are those of the job's film.
    pub(crate) shows_film: bool,
}

/// What a stage counted, and the fractions that it chose.
#[derive(Default)]
pub(crate) struct StageReport {
    pub(crate) statistics: BlendReport,
    pub(crate) decodes: DecodeCounts,
    pub(crate) times: SessionTimes,
    /// The fractions of every level of every transition.
    pub(crate) level_fractions: Vec<Vec<Vec<f64>>>,
}

impl StageReport {
    /// The fractions of every transition's computed frames.
    pub(crate) fn computed_fractions(&self) -> Vec<Vec<f64>> {
        let levels = self.level_fractions.iter();
        levels.filter_map(|levels| levels.last().cloned()).collect()
    }

    /// The sum of this stage and the next one. The fractions remain those of this stage.
    pub(crate) fn followed_by(mut self, next: Self) -> Self {
        self.statistics = self.statistics + next.statistics;
        self.decodes.decoded += next.decodes.decoded;
        self.decodes.reused += next.decodes.reused;
        let reconstructions = next.decodes.reconstructions;
        self.decodes.reconstructions.extend(reconstructions);
        self.times += next.times;
        self
    }
}

impl StageWalk<'_> {
    /// Computes the frames, and passes each one to `sink` as soon as it is finished.
    pub(crate) fn run(
        &self,
        keyframes: &mut dyn KeyframeSource,
        pipeline: &mut CachedPipeline,
        mut decoder: FrameDecoder,
        sink: &mut dyn FrameSink,
        observer: &mut dyn RenderObserver,
    ) -> Result<StageReport, RenderError> {
        let outline = FilmOutline::of_source(self.transitions, keyframes);
        let outline = outline.with_steps(self.denoising.steps);
        let mut snapshots = pipeline.snapshots(outline, &self.options, self.denoising);
        if snapshots.is_on() {
            for index in 0..keyframes.count().min(self.keyframes_ahead) {
                let keyframe = keyframes.keyframe(index).map_err(BlendError::from)?;
                snapshots.keyframe(index, &keyframe);
            }
        }
        pipeline.load(&snapshots, observer)?;
        proceed(observer.event(&RenderEvent::Stage(Stage::Blending)))?;
        let Denoising {
            sampler,
            schedule,
            steps,
            ..
        } = self.denoising;
        let sampler = sampler.sampler(schedule, *steps)?;
        let mut walk = Walk {
            stage: self,
            decoder: &mut decoder,
            sink: &mut *sink,
            observer,
            next_keyframe: None,
            done: 0,
            level_fractions: Vec::new(),
            failure: None,
        };
        let result = blend(BlendRequest {
            backend: &mut pipeline.uncached,
            sampler: sampler.as_ref(),
            keyframes,
            transitions: self.transitions,
            options: self.options,
            snapshots: &mut snapshots,
            observer: &mut walk,
        });
        // If a sink fails, the engine is only interrupted; the error of the sink is the cause.
        if let Some(failure) = walk.failure {
            return Err(failure);
        }
        let level_fractions = walk.level_fractions;
        let statistics = result?;
        sink.end()?;
        Ok(StageReport {
            statistics,
            decodes: decoder.counts,
            times: pipeline.uncached.times(),
            level_fractions,
        })
    }
}

/// The engine's observer, which decodes finished latents and passes them to the sink.
struct Walk<'a> {
    stage: &'a StageWalk<'a>,
    decoder: &'a mut FrameDecoder,
    sink: &'a mut dyn FrameSink,
    observer: &'a mut dyn RenderObserver,
    /// The picture of the keyframe that the next transition leads to. It is shown after the
    /// transition's frames.
    next_keyframe: Option<Arc<RgbImage>>,
    /// The number of pictures so far.
    done: usize,
    level_fractions: Vec<Vec<Vec<f64>>>,
    failure: Option<RenderError>,
}

/// A frame of a transition that is to be decoded.
struct Undecoded<'a> {
    frame: Cow<'a, BlendedFrame>,
    /// See [`ComputedFrame::in_between`].
    in_between: Option<f64>,
}

/// A transition's frames between its keyframes in film order, with this many in-betweens.
fn with_in_betweens(
    frames: &[BlendedFrame],
    count: usize,
) -> Result<Vec<Undecoded<'_>>, RenderError> {
    let gaps = in_betweens(frames, count).map_err(BlendError::from)?;
    let mut inner = Vec::with_capacity(frames.len() + count);
    for (right, gap) in (1..).zip(gaps) {
        let parts = (gap.len() + 1) as f64;
        inner.extend(gap.into_iter().zip(1..).map(|(frame, part)| Undecoded {
            frame: Cow::Owned(frame),
            in_between: Some(f64::from(part) / parts),
        }));
        if right + 1 < frames.len() {
            inner.push(Undecoded {
                frame: Cow::Borrowed(&frames[right]),
                in_between: None,
            });
        }
    }
    Ok(inner)
}

/// The number of frames that are decoded between two events, so that an observer can stop the work soon.
const DECODED_TOGETHER: usize = 8;

impl Walk<'_> {
    fn take_keyframe(&mut self, index: usize, latents: &Latents) -> Result<(), RenderError> {
        let (picture, reconstruction) = self.decoder.keyframe(index, latents)?;
        if let Some(reconstruction) = &reconstruction {
            self.report(&RenderEvent::Reconstructed(reconstruction))?;
        }
        if self.stage.has_job_keyframes {
            let picture = &picture;
            self.report(&RenderEvent::Keyframe { index, picture })?;
        }
        let is_still = self.stage.transitions.is_empty();
        if index == 0 || is_still {
            self.take_frame(Arc::new(picture), index, 0.0, None)?;
            return match is_still {
                true => self.report_decoded(),
                false => Ok(()),
            };
        }
        self.next_keyframe = Some(Arc::new(picture));
        Ok(())
    }

    fn take_transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
    ) -> Result<(), RenderError> {
        let inner = with_in_betweens(frames, self.stage.in_betweens[index])?;
        for part in inner.chunks(DECODED_TOGETHER) {
            let latents: Vec<&BlendedFrame> = part.iter().map(|at| at.frame.as_ref()).collect();
            let pictures = self.decoder.frames(index, &latents)?;
            for (picture, at) in pictures.into_iter().zip(part) {
                self.take_frame(Arc::new(picture), index, at.frame.fraction, at.in_between)?;
            }
            self.report_decoded()?;
        }
        self.decoder.finish_transition(index);
        // The last transition of a loop leads to a keyframe that was shown at the beginning.
        if let Some(keyframe) = self.next_keyframe.take() {
            self.take_frame(keyframe, index, 1.0, None)?;
        }
        self.report_decoded()
    }

    fn take_frame(
        &mut self,
        picture: Arc<RgbImage>,
        transition: usize,
        fraction: f64,
        in_between: Option<f64>,
    ) -> Result<(), RenderError> {
        let position = (self.stage.span)(transition).at(fraction);
        let frame = ComputedFrame {
            position,
            picture,
            in_between,
        };
        self.sink.take(&frame)?;
        self.done += 1;
        if !self.stage.shows_film || in_between.is_some() {
            return Ok(());
        }
        let picture = &frame.picture;
        self.report(&RenderEvent::Frame { position, picture })
    }

    fn report_decoded(&mut self) -> Result<(), RenderError> {
        self.report(&RenderEvent::Decoded {
            done: self.done,
            total: self.stage.frames,
        })
    }

    fn report(&mut self, event: &RenderEvent<'_>) -> Result<(), RenderError> {
        proceed(self.observer.event(event))
    }

    /// Stops the engine if there was a failure, and keeps the failure.
    fn stop_on_failure(&mut self, result: Result<(), RenderError>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

impl Observer for Walk<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        self.observer.event(&RenderEvent::Step(progress))
    }

    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        let result = self.take_keyframe(index, latents);
        self.stop_on_failure(result)
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        self.level_fractions.push(level_fractions.to_vec());
        let result = self.take_transition(index, frames);
        self.stop_on_failure(result)
    }
}

/// The number of conditionings and of keyframes' pictures that stay in memory. Few films have more; those that
/// have keep the others on the disk.
pub(crate) const KEPT_IN_MEMORY: usize = 16;

/// The number of prompts and of keyframes' pictures that are encoded with one loading of the encoder.
pub(crate) const ENCODED_TOGETHER: usize = 64;
