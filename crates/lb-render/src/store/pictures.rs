//! Results beside the engine's: prompts' conditionings, encoded and inverted pictures, and decoded
//! ones.

use image::RgbImage;
use lb_blend::{Conditioning, LatentShape, Latents};

use super::entry::EntryKind;
use super::key::{Key, KeyBuilder};
use super::payload::{
    decode_conditioning, decode_frame, decode_latents, encode_frame, encode_values, longest_frame,
};
use super::session::StoreSession;

/// Conditionings under the token ids that they are made from.
pub(crate) struct Conditionings<'a> {
    pub(crate) session: &'a StoreSession,
    /// The text encoder, where it is known.
    pub(crate) encoder: Option<Key>,
    /// Tokens and width of every conditioning.
    pub(crate) shape: (usize, usize),
}

impl Conditionings<'_> {
    fn key(&self, ids: &[i64]) -> Option<Key> {
        let key = KeyBuilder::new("conditioning").key(self.encoder.as_ref()?);
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        Some(key.bytes(&bytes).finish())
    }

    pub(crate) fn load(&self, ids: &[i64]) -> Option<Conditioning> {
        let most = 4 * self.shape.0 * self.shape.1;
        let decode = |payload: &[u8]| decode_conditioning(payload, self.shape);
        self.session
            .load(EntryKind::Conditioning, &self.key(ids)?, most, decode)
    }

    pub(crate) fn save(&self, ids: &[i64], conditioning: &Conditioning) {
        if let Some(key) = self.key(ids) {
            let payload = || encode_values(&conditioning.values);
            self.session.save(EntryKind::Conditioning, &key, payload);
        }
    }
}

/// Latents of one shape under what they are made from.
pub(crate) struct StoredLatents<'a> {
    pub(crate) session: &'a StoreSession,
    pub(crate) key: Key,
    pub(crate) shape: LatentShape,
}

impl<'a> StoredLatents<'a> {
    /// Those that `component` makes of `inputs`, which are hashed in their order.
    pub(crate) fn new(
        session: &'a StoreSession,
        component: &Key,
        inputs: &[&[u8]],
        shape: LatentShape,
    ) -> Self {
        let key = KeyBuilder::new("latents")
            .key(component)
            .number(shape.channels as u64)
            .number(shape.height as u64)
            .number(shape.width as u64);
        let key = inputs.iter().fold(key, |key, input| key.bytes(input));
        Self {
            session,
            key: key.finish(),
            shape,
        }
    }

    pub(crate) fn load(&self) -> Option<Latents> {
        let decode = |payload: &[u8]| decode_latents(payload, self.shape);
        let most = self.shape.len().saturating_mul(4);
        self.session
            .load(EntryKind::Latents, &self.key, most, decode)
    }

    pub(crate) fn save(&self, latents: &Latents) {
        let payload = || encode_values(latents.values());
        self.session.save(EntryKind::Latents, &self.key, payload);
    }
}

/// Pictures under the latents that they are decoded from.
pub(crate) struct Pictures<'a> {
    pub(crate) session: &'a StoreSession,
    /// The decoder, where it is known.
    pub(crate) decoder: Option<Key>,
    /// Width and height of every picture.
    pub(crate) size: (usize, usize),
}

impl Pictures<'_> {
    fn key(&self, latents: &Latents) -> Option<Key> {
        let LatentShape {
            channels,
            height,
            width,
        } = latents.shape();
        let key = KeyBuilder::new("picture")
            .key(self.decoder.as_ref()?)
            .number(channels as u64)
            .number(height as u64)
            .number(width as u64);
        Some(key.floats(latents.values()).finish())
    }

    pub(crate) fn load(&self, latents: &Latents) -> Option<RgbImage> {
        let decode = |payload: &[u8]| decode_frame(payload, self.size);
        let most = longest_frame(self.size);
        self.session
            .load(EntryKind::Frame, &self.key(latents)?, most, decode)
    }

    pub(crate) fn save(&self, latents: &Latents, frame: &RgbImage) {
        if let Some(key) = self.key(latents) {
            self.session
                .save(EntryKind::Frame, &key, || encode_frame(frame));
        }
    }
}
