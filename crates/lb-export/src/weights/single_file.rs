//! A component's weights in a checkpoint that holds all components in one file.

use std::collections::BTreeMap;
use std::path::Path;

use super::Weights;
use crate::directory::Component;
use crate::error::ExportError;
use crate::keys::{self, Part, Renamed};
use crate::safetensors::TensorPlace;

impl Weights {
    /// The component's part of a checkpoint's tensors, under the names of diffusers.
    ///
    /// Nothing is moved: a tensor that has another form in diffusers is a range of rows of the
    /// stored one, or the same bytes under another shape.
    pub(crate) fn from_single_file(
        path: &Path,
        tensors: &BTreeMap<String, TensorPlace>,
        component: Component,
    ) -> Result<Self, ExportError> {
        let prefixes = keys::prefixes(component);
        let is_ours = |key: &str| prefixes.iter().any(|start| key.starts_with(start));
        if !tensors.keys().any(|key| is_ours(key)) {
            return Err(ExportError::NoComponent {
                path: path.to_owned(),
                component: component.source_name(),
                expected: prefixes.join("… or "),
            });
        }
        let names = keys::rename(component, tensors.keys().map(String::as_str)).map_err(|key| {
            ExportError::UnknownTensor {
                path: path.to_owned(),
                tensor: key.0,
                component: component.source_name(),
            }
        })?;
        let mut renamed = BTreeMap::new();
        for (key, parts) in names {
            for Renamed { name, part } in parts {
                let place = part_of(&tensors[key], part).ok_or_else(|| ExportError::Shape {
                    path: path.to_owned(),
                    tensor: key.to_owned(),
                    found: tensors[key].shape.clone(),
                    expected: vec![3 * (tensors[key].shape.first().unwrap_or(&1).div_ceil(3))],
                })?;
                if renamed.insert(name.clone(), (0, place)).is_some() {
                    return Err(ExportError::Safetensors {
                        path: path.to_owned(),
                        problem: format!("\"{key}\" is there under another name too ({name})"),
                    });
                }
            }
        }
        Ok(Self {
            files: vec![path.to_owned()],
            tensors: renamed,
            source: path.to_owned(),
        })
    }
}

/// The place of a part; `None` where the rows cannot be divided.
fn part_of(whole: &TensorPlace, part: Part) -> Option<TensorPlace> {
    let mut place = whole.clone();
    match part {
        Part::Whole => {}
        Part::Matrix => {
            if let [outputs, inputs, 1, 1] = *whole.shape {
                place.shape = vec![outputs, inputs];
            }
        }
        Part::ThirdOfRows(index) => {
            let rows = place.shape.first_mut()?;
            if !rows.is_multiple_of(3) || !whole.length.is_multiple_of(3) {
                return None;
            }
            *rows /= 3;
            place.length = whole.length / 3;
            place.offset = whole.offset + place.length * index as u64;
        }
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(shape: &[usize], length: u64) -> TensorPlace {
        TensorPlace {
            dtype: "F16".to_owned(),
            shape: shape.to_vec(),
            offset: 100,
            length,
        }
    }

    #[test]
    fn fused_projections_are_thirds_of_the_rows() {
        let whole = place(&[6, 5], 60);
        for (index, offset) in [100, 120, 140].into_iter().enumerate() {
            let third = part_of(&whole, Part::ThirdOfRows(index)).unwrap();
            assert_eq!((third.offset, third.length), (offset, 20));
            assert_eq!(third.shape, [2, 5]);
        }
        assert_eq!(part_of(&place(&[7, 5], 70), Part::ThirdOfRows(0)), None);
        assert_eq!(part_of(&place(&[], 2), Part::ThirdOfRows(0)), None);
    }

    #[test]
    fn only_convolutions_of_one_pixel_are_matrices() {
        let matrix = |shape: &[usize]| part_of(&place(shape, 0), Part::Matrix).unwrap().shape;
        assert_eq!(matrix(&[4, 4, 1, 1]), [4, 4]);
        assert_eq!(matrix(&[4, 4]), [4, 4]);
        assert_eq!(matrix(&[4, 4, 3, 3]), [4, 4, 3, 3]);
    }
}
