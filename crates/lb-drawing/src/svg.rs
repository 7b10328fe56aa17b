//! The SVG writer: a page with its background, elements line by line, and the colours that all
//! pictures share.

use std::fmt::{self, Write};

/// The colour of what is drawn strongest: keyframes, titles and reference lines.
pub(crate) const INK: Colour = Colour([0x2b, 0x2d, 0x42]);
/// The colour of labels.
pub(crate) const FAINT_INK: Colour = Colour([0x63, 0x65, 0x78]);
/// The colour of grid lines and of the page's border.
pub(crate) const RULE: Colour = Colour([0xe4, 0xe0, 0xd7]);
const PAPER: Colour = Colour([0xfc, 0xfb, 0xf8]);

/// The colours of what is drawn, from cold to warm.
pub(crate) const NIGHT: Colour = Colour([0x3d, 0x3b, 0x8e]);
pub(crate) const SEA: Colour = Colour([0x1d, 0x7a, 0x96]);
pub(crate) const LEAF: Colour = Colour([0x4b, 0x9a, 0x5b]);
pub(crate) const SUN: Colour = Colour([0xd9, 0x96, 0x1f]);
pub(crate) const EMBER: Colour = Colour([0xcf, 0x4d, 0x42]);

/// An SVG document that is being written.
pub(crate) struct Svg(String);

impl Svg {
    /// An empty page of this width and height in pixels, with its background. `title` is the
    /// document's title, which viewers show and screen readers read.
    pub(crate) fn page(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self(String::new());
        svg.add(format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" font-family="Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif" font-size="12">"##
        ));
        svg.add(format_args!("<title>{}</title>", escape(title)));
        svg.add(format_args!(
            r##"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="12" fill="{PAPER}" stroke="{RULE}"/>"##,
            width - 1.0,
            height - 1.0,
        ));
        svg
    }

    /// Writes an element, or a start or end tag, on a line of its own.
    pub(crate) fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(element);
        self.0.push('\n');
    }

    /// The finished document.
    pub(crate) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

/// Text as XML content: markup is escaped, and characters that XML 1.0 cannot hold are replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A colour as red, green and blue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Colour([u8; 3]);

impl Colour {
    /// The colour that lies the given share, 0 to 1, of the way to another one.
    pub(crate) fn towards(self, other: Self, share: f64) -> Self {
        let mut mixed = self.0;
        for (channel, other) in mixed.iter_mut().zip(other.0) {
            let (from, to) = (f64::from(*channel), f64::from(other));
            *channel = (from + share * (to - from)).round() as u8;
        }
        Self(mixed)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(
            escape("<b> cats & \u{7}dogs</b>"),
            "&lt;b&gt; cats &amp; \u{fffd}dogs&lt;/b&gt;"
        );
    }

    #[test]
    fn a_colour_is_written_in_hexadecimal() {
        assert_eq!(NIGHT.to_string(), "#3d3b8e");
        assert_eq!(NIGHT.towards(SEA, 0.0), NIGHT);
        assert_eq!(NIGHT.towards(SEA, 1.0), SEA);
    }
}
