//! Settings that are one of a few named values, declared in one way.

use std::str::FromStr;

use strum::{EnumMessage, VariantArray};

/// A setting that is one of a few named values.
///
/// [`choice!`](crate::choice!) declares such an enum, and everything that a command line, a job file
/// or a page needs to know about it is derived: all its values, their names, a line of help for each,
/// and reading a name.
pub trait Choice:
    Copy + VariantArray + EnumMessage + Into<&'static str> + FromStr<Err = UnknownChoice>
{
    /// The noun for this setting in messages, in lower case: `quality` or `easing`.
    const WHAT: &'static str;

    /// All values, in the order of their declaration.
    const ALL: &'static [Self] = Self::VARIANTS;

    /// The value's name, which [`FromStr`] reads back.
    fn name(self) -> &'static str {
        self.into()
    }

    /// One line about the value: the first line of its documentation.
    fn help(self) -> &'static str {
        let documentation = self.get_documentation().unwrap_or_default();
        documentation.lines().next().unwrap_or_default()
    }

    /// The names of all values in one line, separated by commas.
    fn names() -> String {
        let names = Self::ALL.iter().map(|value| value.name());
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Declares an enum that is a [`Choice`]. After its name comes the noun that messages use for it.
///
/// The derives of the [`strum`] crate do the work, so the calling crate needs it as a dependency.
///
/// ```
/// use lb_schedule::Choice as _;
///
/// lb_schedule::choice! {
///     /// How the film's edges are treated.
///     #[derive(Default)]
///     #[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
///     #[non_exhaustive]
///     pub enum Edges: "edges" {
///         /// Leaves the edges as they are.
///         #[default]
///         AsTheyAre,
///         /// Fades the edges to black.
///         ///
///         /// Only the first line of a variant's documentation is its help.
///         Faded,
///     }
/// }
///
/// assert_eq!(Edges::ALL, [Edges::AsTheyAre, Edges::Faded]);
/// assert_eq!(Edges::Faded.help(), "Fades the edges to black.");
/// assert_eq!("as-they-are".parse(), Ok(Edges::AsTheyAre));
/// assert_eq!(
///     "round".parse::<Edges>().unwrap_err().to_string(),
///     "edges must be one of as-they-are, faded; got \"round\""
/// );
/// ```
///
/// - The order of the variants is the order in help texts and messages.
/// - `#[strum(serialize_all = "…")]` decides how a variant's name is written, and
///   `#[strum(serialize = "…")]` on a variant gives it another one, such as `dpm++`.
/// - The first line of a variant's documentation can stand alone, because it is shown as help.
/// - Where the enum is also read with `serde`, `#[serde(rename_all = "kebab-case")]` gives the same
///   names.
#[macro_export]
macro_rules! choice {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident: $what:literal { $($variants:tt)* }
    ) => {
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            Hash,
            Debug,
            ::strum::VariantArray,
            ::strum::IntoStaticStr,
            ::strum::Display,
            ::strum::EnumString,
            ::strum::EnumMessage,
        )]
        #[strum(parse_err_ty = $crate::UnknownChoice, parse_err_fn = $crate::UnknownChoice::of::<$name>)]
        $(#[$attribute])*
        $visibility enum $name { $($variants)* }

        impl $crate::Choice for $name {
            const WHAT: &'static str = $what;
        }
    };
}

/// A name that none of a [`Choice`]'s values has.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} must be one of {allowed}; got {found:?}")]
#[non_exhaustive]
pub struct UnknownChoice {
    /// The noun for the setting: [`Choice::WHAT`].
    pub what: &'static str,
    /// The name that was given.
    pub found: String,
    /// The names of all values, separated by commas.
    pub allowed: String,
}

impl UnknownChoice {
    /// The error for a name that no value of `C` has. `strum`'s `parse_err_fn` calls it.
    #[must_use]
    pub fn of<C: Choice>(found: &str) -> Self {
        Self {
            what: C::WHAT,
            found: found.to_owned(),
            allowed: C::names(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use super::*;
    use crate::film::Easing;
    use crate::quality::Quality;

    fn check<C: Choice + PartialEq + std::fmt::Debug + Display>() {
        for &value in C::ALL {
            assert_eq!(value.to_string(), value.name());
            assert_eq!(value.name().parse(), Ok(value));
            assert_eq!(value.name().to_uppercase().parse(), Ok(value));
            let help = value.help();
            assert!(help.ends_with('.') && help.len() > 10, "{value:?}: {help}");
            assert!(
                value
                    .name()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{value:?}"
            );
        }
    }

    #[test]
    fn names_are_read_back_and_every_value_has_help() {
        check::<Quality>();
        check::<Easing>();
    }

    #[test]
    fn an_unknown_name_is_refused_with_all_that_are_known() {
        assert_eq!(
            "best".parse::<Quality>().unwrap_err().to_string(),
            "quality must be one of lowest, low, medium, high, ultra; got \"best\""
        );
        assert_eq!(
            "bouncy".parse::<Easing>().unwrap_err().to_string(),
            "easing must be one of linear, smooth, ease-in-sine, ease-out-sine, ease-in-out-sine, \
             ease-in-quad, ease-out-quad, ease-in-out-quad, ease-in-cubic, ease-out-cubic, \
             ease-in-out-cubic; got \"bouncy\""
        );
    }
}
