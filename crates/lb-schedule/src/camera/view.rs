//! The part of a picture that a film frame shows.

/// Where the camera looks, whatever the size of the picture.
#[derive(Clone, Copy, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CameraView {
    /// How many times larger the picture is than the part of it that is shown, 1 or more.
    pub zoom: f64,
    /// Where the camera looks, to the right and down, −1 to 1: the share of the room that the zoom leaves.
    pub pan: [f64; 2],
    /// The degrees by which the picture is turned clockwise.
    pub rotation: f64,
}

/// A rectangle of a picture at any place and angle, in pixels of the picture from the left and from the top.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Section {
    /// The point in the middle.
    pub centre: [f64; 2],
    /// The vector from the left edge to the right one.
    pub across: [f64; 2],
    /// The vector from the upper edge to the lower one.
    pub down: [f64; 2],
}

impl CameraView {
    /// The whole picture.
    pub const WHOLE: Self = Self {
        zoom: 1.0,
        pan: [0.0; 2],
        rotation: 0.0,
    };

    /// Whether the whole picture is shown, upright.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.zoom == 1.0 && self.rotation % 360.0 == 0.0
    }

    /// The part of a picture of this width and height, which has the same shape as the picture.
    #[must_use]
    pub fn section(&self, size: (usize, usize)) -> Section {
        let [width, height] = [size.0 as f64, size.1 as f64];
        let (sine, cosine) = sine_and_cosine(self.rotation);
        let across = [cosine * width / self.zoom, -sine * width / self.zoom];
        let down = [sine * height / self.zoom, cosine * height / self.zoom];
        let centre = |axis: usize, side: f64| {
            let room = side - (across[axis].abs() + down[axis].abs());
            0.5 * side + 0.5 * self.pan[axis] * room.max(0.0)
        };
        Section {
            centre: [centre(0, width), centre(1, height)],
            across,
            down,
        }
    }

    /// The largest upright view with the same middle and the shape of the picture that lies within this one.
    #[must_use]
    pub(super) fn upright(&self, size: (usize, usize)) -> Section {
        let upright = Self {
            zoom: self.zoom * self.least_zoom(size),
            rotation: 0.0,
            ..*self
        };
        Section {
            centre: self.section(size).centre,
            ..upright.section(size)
        }
    }

    /// The smallest zoom at which a view with this rotation lies within a picture of this width and height.
    #[must_use]
    pub fn least_zoom(&self, size: (usize, usize)) -> f64 {
        let upright = Self { zoom: 1.0, ..*self }.section(size);
        let needed = |axis: usize, side: usize| {
            (upright.across[axis].abs() + upright.down[axis].abs()) / side as f64
        };
        needed(0, size.0).max(needed(1, size.1))
    }
}

impl Section {
    /// Where this section of a picture lies in a film frame of the picture's width and height that shows another
    /// one: a section of the film frame.
    #[must_use]
    pub fn seen_in(&self, shown: &Self, size: (usize, usize)) -> Self {
        let sides = [size.0 as f64, size.1 as f64];
        let axes = [shown.across, shown.down];
        let dot = |left: [f64; 2], right: [f64; 2]| left[0] * right[0] + left[1] * right[1];
        // The axes of a section are at right angles to each other.
        let seen = |vector: [f64; 2]| {
            [0, 1].map(|axis| sides[axis] * dot(vector, axes[axis]) / dot(axes[axis], axes[axis]))
        };
        let from_middle = seen([0, 1].map(|axis| self.centre[axis] - shown.centre[axis]));
        Self {
            centre: [0, 1].map(|axis| 0.5 * sides[axis] + from_middle[axis]),
            across: seen(self.across),
            down: seen(self.down),
        }
    }

    /// The point of the picture that is shown at a place of the film frame, given in shares of its width and
    /// height, 0 to 1.
    #[must_use]
    pub fn point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let at = |axis: usize| {
            self.centre[axis] + (x - 0.5) * self.across[axis] + (y - 0.5) * self.down[axis]
        };
        [at(0), at(1)]
    }
}

/// Sine and cosine of degrees, exact for right angles.
fn sine_and_cosine(degrees: f64) -> (f64, f64) {
    let within = degrees.rem_euclid(360.0);
    let turns = (within / 90.0).round();
    let rest = (within - 90.0 * turns).to_radians();
    let (sine, cosine) = (libm::sin(rest), libm::cos(rest));
    match turns as u8 % 4 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_angles_are_exact() {
        let turned = [0.0, 90.0, 180.0, 270.0, 360.0, -90.0, 450.0].map(sine_and_cosine);
        let expected = [
            (0.0, 1.0),
            (1.0, 0.0),
            (0.0, -1.0),
            (-1.0, 0.0),
            (0.0, 1.0),
            (-1.0, 0.0),
            (1.0, 0.0),
        ];
        assert_eq!(turned, expected);
    }

    #[test]
    fn a_view_by_hand() {
        let view = CameraView {
            zoom: 2.0,
            pan: [1.0, -0.5],
            rotation: 0.0,
        };
        // The view is 50 x 20, so there is room for 25 and 10 to each side of the middle.
        assert_eq!(
            view.section((100, 40)),
            Section {
                centre: [75.0, 15.0],
                across: [50.0, 0.0],
                down: [0.0, 20.0],
            }
        );
        assert_eq!(view.section((100, 40)).point([0.0, 1.0]), [50.0, 25.0]);
        let turned = CameraView {
            rotation: 90.0,
            ..view
        };
        // The picture is turned clockwise, so its lower left corner is in the upper left corner of the frame.
        let section = CameraView {
            pan: [0.0; 2],
            ..turned
        }
        .section((40, 40));
        assert_eq!(section.point([0.0, 0.0]), [10.0, 30.0]);
        assert_eq!(turned.least_zoom((100, 40)), 2.5);
    }
}
