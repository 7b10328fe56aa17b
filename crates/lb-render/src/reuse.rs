//! One model's work in a render: found in the store, or done and put there.

use std::rc::Rc;

use image::RgbImage;
use lb_blend::{
    BlendOptions, Conditioning, Film, InversionOptions, Keyframe, LatentShape, Latents,
};
use lb_models::{Component, PictureDecoder, Pipeline, Tokens};
use lb_schedule::Spacing;

use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver};
use crate::production::proceed;
use crate::store::{
    Conditionings, FilmTrajectories, Key, Pictures, StoreSession, StoredLatents, TrajectoryOrigin,
    inversion_key,
};

/// A model's components by the names that their results have in the store; none without a store.
#[derive(Debug)]
pub(crate) struct Reuse {
    session: Rc<StoreSession>,
    text_encoder: Option<Key>,
    unet: Option<Key>,
    decoder: Option<Key>,
    encoder: Option<Key>,
    conditioning_shape: (usize, usize),
    picture_size: (usize, usize),
}

/// Pictures, and how many of them were in the store.
pub(crate) struct DecodedFrames {
    pub(crate) frames: Vec<RgbImage>,
    pub(crate) reused: usize,
}

impl Reuse {
    /// Finds out what the model's results are called; loads nothing. Weights that the store does not
    /// know yet are read whole for it. `encodes` tells whether there are pictures to encode.
    ///
    /// # Errors
    /// [`RenderError::Interrupted`] if the observer says so meanwhile.
    pub(crate) fn new(
        session: &Rc<StoreSession>,
        pipeline: &Pipeline,
        encodes: bool,
        observer: &mut dyn RenderObserver,
    ) -> Result<Self, RenderError> {
        let mut key = |component| -> Result<Option<Key>, RenderError> {
            if session.is_on() {
                session.component(&pipeline.origin(component)?, observer)
            } else {
                Ok(None)
            }
        };
        let directory = pipeline.directory();
        Ok(Self {
            text_encoder: key(Component::TextEncoder)?,
            unet: key(Component::Unet)?,
            decoder: key(Component::VaeDecoder)?,
            encoder: match encodes {
                true => key(Component::VaeEncoder)?,
                false => None,
            },
            conditioning_shape: (directory.text_length(), directory.text_width()),
            picture_size: pipeline.picture_size(),
            session: Rc::clone(session),
        })
    }

    /// Conditionings of these prompts. The text encoder is loaded only for those that are new.
    pub(crate) fn encode(
        &self,
        pipeline: &mut Pipeline,
        prompts: &[Tokens],
    ) -> Result<Vec<Conditioning>, RenderError> {
        let stored = Conditionings {
            session: &self.session,
            encoder: self.text_encoder,
            shape: self.conditioning_shape,
        };
        let mut found: Vec<Option<Conditioning>> = prompts
            .iter()
            .map(|prompt| stored.load(&prompt.ids))
            .collect();
        let missing = prompts.iter().zip(&found);
        let missing: Vec<Tokens> = missing
            .filter(|(_, found)| found.is_none())
            .map(|(prompt, _)| prompt.clone())
            .collect();
        if !missing.is_empty() {
            let mut encoded = pipeline.encode(&missing)?.into_iter();
            for (prompt, place) in prompts.iter().zip(&mut found) {
                if place.is_none() {
                    *place = encoded.next();
                    if let Some(conditioning) = place {
                        stored.save(&prompt.ids, conditioning);
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// The latents of these pictures, each under its own name. The VAE encoder is loaded only for
    /// those that are new.
    pub(crate) fn encoded_pictures(
        &self,
        pipeline: &mut Pipeline,
        pictures: &[&RgbImage],
    ) -> Result<Vec<Latents>, RenderError> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let shape = pipeline.latent_shape();
        let stored = |picture: &RgbImage| {
            let inputs = [b"keyframe", &picture.as_raw()[..]];
            let encoder = self.encoder.as_ref()?;
            Some(StoredLatents::new(&self.session, encoder, &inputs, shape))
        };
        let mut found: Vec<Option<Latents>> = pictures
            .iter()
            .map(|picture| stored(picture)?.load())
            .collect();
        let missing = pictures.iter().zip(&found);
        let missing: Vec<RgbImage> = missing
            .filter(|(_, found)| found.is_none())
            .map(|(&picture, _)| picture.clone())
            .collect();
        if !missing.is_empty() {
            let mut encoded = pipeline.encode_pictures(&missing)?.into_iter();
            for (picture, place) in pictures.iter().zip(&mut found) {
                if place.is_none() {
                    *place = encoded.next();
                    if let (Some(latents), Some(stored)) = (place, stored(picture)) {
                        stored.save(latents);
                    }
                }
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Channels that the VAE encoder makes of pictures, given as the bytes of all that decides them.
    /// `compute` is asked only for what is new.
    pub(crate) fn encoded_channels(
        &self,
        pipeline: &mut Pipeline,
        inputs: &[&[u8]],
        shape: LatentShape,
        compute: impl FnOnce(&mut Pipeline) -> Result<Latents, RenderError>,
    ) -> Result<Latents, RenderError> {
        let Some(encoder) = &self.encoder else {
            return compute(pipeline);
        };
        let stored = StoredLatents::new(&self.session, encoder, inputs, shape);
        if let Some(found) = stored.load() {
            return Ok(found);
        }
        let computed = compute(pipeline)?;
        stored.save(&computed);
        Ok(computed)
    }

    /// Where the noise that becomes a picture is kept: the picture's keyframe has the picture's own
    /// latents. `sampler` as in [`Self::trajectories`].
    pub(crate) fn inverted(
        &self,
        picture: &Keyframe,
        sampler: &str,
        steps: usize,
        options: &InversionOptions,
    ) -> Option<StoredLatents<'_>> {
        let unet = self.unet.as_ref()?;
        Some(StoredLatents {
            session: &self.session,
            key: inversion_key(unet, sampler, steps, options, picture),
            shape: picture.initial_latents.shape(),
        })
    }

    /// The store as the engine sees it. `sampler` says in words how latents are denoised, noise
    /// schedule included.
    pub(crate) fn trajectories<'a>(
        &'a self,
        film: &'a Film,
        options: &BlendOptions,
        sampler: &str,
    ) -> FilmTrajectories<'a> {
        // The decoder also says how much each latent channel weighs.
        let measures = options.spacing == Spacing::Perceptual;
        let measured_by = self.decoder.filter(|_| measures);
        let known = !measures || measured_by.is_some();
        let origin = self.unet.filter(|_| known).map(|unet| TrajectoryOrigin {
            unet,
            sampler,
            steps: film.transitions[0].profile.steps(),
            measured_by,
        });
        let outline = film.outline();
        FilmTrajectories::new(&self.session, origin.as_ref(), outline, options)
            .with_keyframes(&film.keyframes)
    }

    /// The pictures of these latents. The decoder is loaded only for those that are new.
    pub(crate) fn decode(
        &self,
        decoder: &PictureDecoder,
        latents: &[&Latents],
    ) -> Result<DecodedFrames, RenderError> {
        let stored = Pictures {
            session: &self.session,
            decoder: self.decoder,
            size: self.picture_size,
        };
        let mut found: Vec<Option<RgbImage>> =
            latents.iter().map(|latents| stored.load(latents)).collect();
        let missing = latents.iter().zip(&found);
        let missing: Vec<&Latents> = missing
            .filter(|(_, found)| found.is_none())
            .map(|(&latents, _)| latents)
            .collect();
        let mut pictures = decoder.decode(&missing)?.into_iter();
        for (latents, place) in latents.iter().zip(&mut found) {
            if place.is_none()
                && let Some(frame) = pictures.next()
            {
                stored.save(latents, &frame);
                *place = Some(frame);
            }
        }
        Ok(DecodedFrames {
            frames: found.into_iter().flatten().collect(),
            reused: latents.len() - missing.len(),
        })
    }

    /// Tells what went wrong with the store since the last call.
    pub(crate) fn tell(&self, observer: &mut dyn RenderObserver) -> Result<(), RenderError> {
        for problem in self.session.take_notices() {
            proceed(observer.event(&RenderEvent::Cache { problem: &problem }))?;
        }
        Ok(())
    }
}
