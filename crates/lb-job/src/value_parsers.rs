//! How the values of flags are read.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use lb_schedule::Choice;

/// A parser for a named choice, which lists every name with its help.
pub fn choices<C>() -> impl TypedValueParser<Value = C>
where
    C: Choice + Send + Sync + 'static,
{
    let names = C::ALL.iter().map(|choice| {
        let help = choice.help();
        let help = help.strip_suffix('.').unwrap_or(help);
        PossibleValue::new(choice.name()).help(help)
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<C>())
}

/// Reads an item of a list, with or without spaces around it.
///
/// # Errors
/// Those of the item's type.
pub fn list_item<N: FromStr>(text: &str) -> Result<N, N::Err> {
    text.trim().parse()
}
