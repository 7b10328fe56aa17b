//! The facts that commands print with `--json`: a line of JSON. Scripts rely on its names.

use serde::Serialize;

use crate::print;

/// Names and their values, in this order (`serde_json::json!` would sort them).
macro_rules! facts {
    ($($name:ident: $value:expr),+ $(,)?) => {{
        // What serde derives is allowed to use these names as well only because of the module.
        #[allow(non_camel_case_types)]
        mod anonymous {
            #[derive(serde::Serialize)]
            pub(super) struct Facts<$($name),+> {
                $(pub(super) $name: $name),+
            }
        }
        anonymous::Facts { $($name: $value),+ }
    }};
}

/// Prints the facts as one line.
pub(crate) fn print(facts: &impl Serialize) {
    match serde_json::to_string(facts) {
        Ok(line) => print::json(&line),
        // A path need not be Unicode, and JSON is.
        Err(error) => print::failed(error.into()),
    }
}

/// Paths as text.
pub(crate) fn texts(paths: &[std::path::PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}
