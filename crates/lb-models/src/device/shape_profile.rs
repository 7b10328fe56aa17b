//! The shapes of a graph's inputs, as far as they are known before it is run.

use lb_blend::CallRows;

/// An input whose shape the graph leaves open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InputShape {
    name: &'static str,
    /// Whether its outermost side is the number of rows of the call.
    has_rows: bool,
    /// The sides that do not change.
    sides: Vec<usize>,
}

impl InputShape {
    /// An input with an entry of these sides for each row.
    pub(crate) fn of_rows(name: &'static str, sides: &[usize]) -> Self {
        Self {
            name,
            has_rows: true,
            sides: sides.to_vec(),
        }
    }

    /// An input of these sides, whatever the number of rows.
    pub(crate) fn fixed(name: &'static str, sides: &[usize]) -> Self {
        Self {
            name,
            has_rows: false,
            sides: sides.to_vec(),
        }
    }
}

/// The inputs whose shapes a graph leaves open, with the fewest, the usual and the most rows that it
/// will be called with.
///
/// TensorRT refuses calls outside of that range, and is fastest with the usual number of rows. The
/// shapes are written the way its provider reads them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShapeProfile {
    inputs: Vec<InputShape>,
    rows: CallRows,
}

impl ShapeProfile {
    pub(crate) fn new(inputs: Vec<InputShape>, rows: CallRows) -> Self {
        Self { inputs, rows }
    }

    /// `trt_profile_min_shapes`
    pub(crate) fn fewest(&self) -> String {
        self.at(self.rows.fewest)
    }

    /// `trt_profile_opt_shapes`
    pub(crate) fn usual(&self) -> String {
        self.at(self.rows.usual)
    }

    /// `trt_profile_max_shapes`
    pub(crate) fn most(&self) -> String {
        self.at(self.rows.most)
    }

    /// The shapes as `input:2x4x96x96,other:1`.
    fn at(&self, rows: usize) -> String {
        let shape = |input: &InputShape| {
            let rows = input.has_rows.then_some(rows);
            let sides = rows.iter().chain(&input.sides).map(usize::to_string);
            format!("{}:{}", input.name, sides.collect::<Vec<_>>().join("x"))
        };
        let shapes: Vec<String> = self.inputs.iter().map(shape).collect();
        shapes.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_onnx_runtime_reads_them() {
        let profile = ShapeProfile::new(
            vec![
                InputShape::of_rows("sample", &[4, 96, 96]),
                InputShape::fixed("timestep", &[1]),
                InputShape::of_rows("encoder_hidden_states", &[77, 1024]),
                InputShape::of_rows("class_labels", &[]),
            ],
            CallRows {
                fewest: 2,
                usual: 8,
                most: 16,
            },
        );
        assert_eq!(
            profile.fewest(),
            "sample:2x4x96x96,timestep:1,encoder_hidden_states:2x77x1024,class_labels:2"
        );
        assert!(profile.usual().starts_with("sample:8x4x96x96,timestep:1,"));
        assert!(profile.most().ends_with(":16x77x1024,class_labels:16"));
    }
}
