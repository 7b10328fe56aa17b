//! How strongly each latent channel shows in a picture.

use lb_blend::noise::initial_latents;
use lb_blend::{BackendError, LatentShape, Latents};

use crate::picture_decoder::PictureDecoder;

/// Small, so that it costs nothing beside a film; large enough for a decoder that looks around.
const SIDE: usize = 16;
/// How far a channel is moved: far enough to survive rounding to bytes, near enough to be one
/// direction.
const CHANGE: f32 = 0.3;

/// The mean square change of a decoded noise (seed 0) when [`CHANGE`] × another noise (seed 1) is
/// added to one of its channels; relative to the mean of all channels.
pub(super) fn channel_weights(
    decoder: &PictureDecoder,
    channels: usize,
) -> Result<Vec<f64>, BackendError> {
    let shape = LatentShape {
        channels,
        height: SIDE,
        width: SIDE,
    };
    let noise = |seed| initial_latents(seed, shape).map_err(BackendError::new);
    let (base, change) = (noise(0)?, noise(1)?);
    let mut probes = vec![base.clone()];
    for channel in 0..channels {
        let mut values = base.values().to_vec();
        let part = channel * SIDE * SIDE..(channel + 1) * SIDE * SIDE;
        let changes = &change.values()[part.clone()];
        for (value, change) in values[part].iter_mut().zip(changes) {
            *value += CHANGE * change;
        }
        probes.push(Latents::from_values(shape, values).map_err(BackendError::new)?);
    }
    let probes: Vec<&Latents> = probes.iter().collect();
    let pictures = decoder.decode(&probes).map_err(BackendError::new)?;
    let changes = pictures[1..].iter().map(|picture| {
        let pairs = picture.iter().zip(pictures[0].iter());
        pairs
            .map(|(&changed, &base)| (f64::from(changed) - f64::from(base)).powi(2))
            .sum()
    });
    let changes: Vec<f64> = changes.collect();
    let mean = changes.iter().sum::<f64>() / channels as f64;
    // A decoder that answers to nothing makes no channel differ from another.
    let weight = |change: f64| if mean > 0.0 { change / mean } else { 1.0 };
    Ok(changes.into_iter().map(weight).collect())
}
