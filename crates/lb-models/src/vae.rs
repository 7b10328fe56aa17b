//! Latents to pictures.

use lb_blend::Latents;
use lb_export::Component;
use ort::value::{TensorElementType, TensorRef};

use crate::device::SessionOptions;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::session::{ComponentSession, Port, SessionTimes};

const NAME: &str = "VAE decoder";

/// A decoded picture: RGB, 8 bits a channel, row by row from the top, no padding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width · height · 3` bytes.
    pub rgb: Vec<u8>,
}

pub(crate) struct VaeDecoder {
    session: ComponentSession,
    scaling_factor: f32,
}

impl VaeDecoder {
    pub(crate) fn load(
        runtime: Runtime,
        directory: &ModelDirectory,
        options: &SessionOptions,
    ) -> Result<Self, ModelError> {
        let source = directory.graph(Component::VaeDecoder)?;
        let session = ComponentSession::load(runtime, NAME, &source, options)?;
        session.check(
            &[Port {
                name: "latent_sample",
                types: &[TensorElementType::Float32],
            }],
            &[Port {
                name: "sample",
                types: &[TensorElementType::Float32],
            }],
        )?;
        Ok(Self {
            session,
            scaling_factor: directory.scaling_factor(),
        })
    }

    /// Decodes latents of one shape, in one call.
    pub(crate) fn decode(&mut self, latents: &[&Latents]) -> Result<Vec<Picture>, ModelError> {
        let Some(first) = latents.first() else {
            return Ok(Vec::new());
        };
        let shape = first.shape();
        if let Some(other) = latents.iter().find(|other| other.shape() != shape) {
            return Err(ModelError::Shape {
                what: "latents to decode together".into(),
                found: format!("{:?}", other.shape()),
                expected: format!("{shape:?}"),
            });
        }
        let scaled: Vec<f32> = latents
            .iter()
            .flat_map(|latents| {
                latents
                    .values()
                    .iter()
                    .map(|value| value / self.scaling_factor)
            })
            .collect();
        let input = TensorRef::from_array_view((
            [latents.len(), shape.channels, shape.height, shape.width],
            scaled.as_slice(),
        ))
        .map_err(ModelError::runtime("handing latents to the VAE decoder"))?;
        let outputs = self.session.run(ort::inputs!["latent_sample" => input])?;
        let (found, values) = outputs["sample"]
            .try_extract_tensor::<f32>()
            .map_err(ModelError::runtime("reading the VAE decoder's output"))?;
        match **found {
            [count, 3, height, width] if count as usize == latents.len() => values
                .chunks_exact(3 * (height * width) as usize)
                .map(|planes| picture(planes, width as usize, height as usize))
                .collect(),
            _ => Err(ModelError::Shape {
                what: "sample of the VAE decoder".into(),
                found: format!("{found:?}"),
                expected: format!("[{}, 3, height, width]", latents.len()),
            }),
        }
    }

    pub(crate) fn times(&self) -> SessionTimes {
        self.session.times()
    }
}

/// Planes in [-1, 1] to interleaved bytes: round(clamp(x/2 + 0.5)·255), ties to even as in numpy.
fn picture(planes: &[f32], width: usize, height: usize) -> Result<Picture, ModelError> {
    if planes.iter().any(|value| !value.is_finite()) {
        return Err(ModelError::NotFinite { component: NAME });
    }
    let area = width * height;
    let byte = |value: f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
    let mut rgb = Vec::with_capacity(area * 3);
    for pixel in 0..area {
        rgb.extend([0, 1, 2].map(|channel| byte(planes[channel * area + pixel])));
    }
    Ok(Picture { width, height, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_stretched_clamped_and_rounded() {
        let planes = [-1.0, 1.0, 0.0, 7.0, -7.0, 0.5];
        let picture = picture(&planes, 2, 1).unwrap();
        assert_eq!(picture.rgb, [0, 128, 0, 255, 255, 191]);
    }

    #[test]
    fn a_picture_of_nan_is_an_error() {
        let error = picture(&[f32::NAN, 0.0, 0.0], 1, 1).unwrap_err();
        assert!(error.to_string().contains("VAE decoder"));
    }
}
