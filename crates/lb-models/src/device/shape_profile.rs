//! The shapes of a graph's inputs, as far as they are known before it is run.

use lb_blend::CallRows;

/// An input whose shape the graph leaves open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InputShape {
    pub(crate) name: &'static str,
    /// Whether its outermost side is the number of rows of the call.
    pub(crate) has_rows: bool,
    /// The sides that do not change.
    pub(crate) sides: Vec<usize>,
}

/// The inputs whose shapes a graph leaves open, with the fewest, the usual and the most rows that it
/// will be called with.
///
/// TensorRT refuses calls outside of that range, and is fastest with the usual number of rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ShapeProfile {
    pub(crate) inputs: Vec<InputShape>,
    pub(crate) rows: CallRows,
}

impl ShapeProfile {
    /// The shapes for the fewest, the usual and the most rows, as TensorRT's provider reads them
    /// (`trt_profile_min_shapes`, `trt_profile_opt_shapes` and `trt_profile_max_shapes`).
    pub(crate) fn shapes(&self) -> [String; 3] {
        [self.rows.fewest, self.rows.usual, self.rows.most].map(|rows| self.at(rows))
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
        let input = |name, has_rows, sides: &[usize]| InputShape {
            name,
            has_rows,
            sides: sides.to_vec(),
        };
        let profile = ShapeProfile {
            inputs: vec![
                input("sample", true, &[4, 96, 96]),
                input("timestep", false, &[1]),
                input("encoder_hidden_states", true, &[77, 1024]),
                input("class_labels", true, &[]),
            ],
            rows: CallRows {
                fewest: 2,
                usual: 8,
                most: 16,
            },
        };
        let [fewest, usual, most] = profile.shapes();
        assert_eq!(
            fewest,
            "sample:2x4x96x96,timestep:1,encoder_hidden_states:2x77x1024,class_labels:2"
        );
        assert!(usual.starts_with("sample:8x4x96x96,timestep:1,"));
        assert!(most.ends_with(":16x77x1024,class_labels:16"));
    }
}
