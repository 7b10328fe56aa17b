//! The page: an SVG document that elements are written to.

use std::fmt::{self, Write};

use super::layout::{FAINT_INK, Layout, PAPER, RULE};
use crate::profile::BranchingProfile;

/// An SVG document that is being written.
pub(super) struct Svg(String);

impl Svg {
    /// An empty page with its background, and the numbers of the tree at its top.
    pub(super) fn open(layout: &Layout, profile: &BranchingProfile) -> Self {
        let (width, height) = (layout.page_width(), layout.page_height());
        let cost = profile.cost();
        let facts = format!(
            "steps {} · levels {} · computed frames {} · model evaluations {}",
            profile.steps(),
            profile.levels().len(),
            cost.decodes,
            cost.model_evaluations,
        );
        let mut svg = Self(String::new());
        svg.add(format_args!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" font-family="Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif" font-size="12">"##
        ));
        svg.add(format_args!(
            "<title>A latent blending tree: {facts}</title>"
        ));
        svg.add(format_args!(
            r##"<rect x="0.5" y="0.5" width="{:.0}" height="{:.0}" rx="12" fill="{PAPER}" stroke="{RULE}"/>"##,
            width - 1.0,
            height - 1.0,
        ));
        svg.add(format_args!(
            r##"<text x="{:.1}" y="30" fill="{FAINT_INK}">{facts}</text>"##,
            layout.left
        ));
        svg
    }

    /// One element, on a line of its own.
    pub(super) fn add(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(element);
        self.0.push('\n');
    }

    /// The document.
    pub(super) fn close(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}
