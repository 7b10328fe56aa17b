//! The shapes of a graph's inputs, as far as they are known before it is run.

use lb_blend::CallRows;

/// The input whose first side, apart from the rows, is the number of tokens.
pub(crate) const TEXT: &str = "encoder_hidden_states";

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
/// TensorRT refuses calls outside of that range, and is fastest with the usual number of rows. The providers of
/// plugins are given the usual number as the only one.
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

    /// The open dimensions of our own graphs with their sizes, for a device that compiles a session for one
    /// size of call: that of the usual rows.
    pub(crate) fn dimensions(&self) -> Vec<(&'static str, i64)> {
        let text = self.inputs.iter().find(|input| input.name == TEXT);
        let tokens = text.and_then(|text| text.sides.first());
        let tokens = tokens.map(|&tokens| ("sequence_length", tokens));
        let known = [("batch_size", self.rows.usual), ("steps", 1)];
        let all = known.into_iter().chain(tokens);
        all.map(|(name, size)| (name, size as i64)).collect()
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
        let dimensions = [("batch_size", 8), ("steps", 1), ("sequence_length", 77)];
        assert_eq!(profile.dimensions(), dimensions);
    }
}
